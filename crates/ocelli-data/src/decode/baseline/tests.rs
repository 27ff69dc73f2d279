use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::{DecodeOptions, Part, decode_part};
use crate::decode;
use crate::picture::Picture;

/// The kinds that this decoder knows.
const KNOWN: [&str; 7] = ["full", "half-width", "half", "coarse", "fine", "restarts", "gray"];
const SIZE: [usize; 2] = [47, 61];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/baseline-jpeg").join(name)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("{name}.jpg"))).unwrap()
}

/// What Pillow makes of a file.
fn expected(name: &str) -> Picture {
    let picture = image::open(fixture(&format!("{name}.png"))).unwrap().into_rgb8();
    Picture::new(picture.width(), picture.height(), picture.into_raw())
}

fn whole() -> Part {
    Part { columns: 0..SIZE[1], rows: 0..SIZE[0] }
}

#[test]
fn every_known_kind_gives_pillows_pixels_exactly() {
    for name in KNOWN {
        let found = super::decode(&file(name), SIZE, &whole());
        let found = found.unwrap_or_else(|| panic!("{name} was not recognized"));
        assert!(found == expected(name).pixels(), "{name} differs");
    }
}

#[test]
fn other_kinds_are_left_to_the_general_decoder() {
    assert_eq!(super::decode(&file("progressive"), SIZE, &whole()), None);
    let part = Part { columns: 5..40, rows: 7..20 };
    let options = DecodeOptions::default();
    let all = decode::decode(&file("progressive"), &options).unwrap();
    let some = decode_part(&file("progressive"), &options, |_| part.clone()).unwrap();
    assert_eq!(some, part.cut_out(&all));
}

#[test]
fn wherever_a_file_is_cut_it_is_left_to_the_general_decoder() {
    for name in ["half", "restarts"] {
        let bytes = file(name);
        for length in 0..bytes.len() - 1 {
            assert_eq!(super::decode(&bytes[..length], SIZE, &whole()), None, "{name} {length}");
        }
    }
}

#[test]
fn damage_never_panics_and_another_size_is_refused() {
    let bytes = file("half");
    assert_eq!(super::decode(&bytes, [61, 47], &whole()), None);
    let mut state = 1u64;
    for _ in 0..2_000 {
        let mut damaged = bytes.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % damaged.len();
            damaged[at] = (state >> 20) as u8;
        }
        let _ = super::decode(&damaged, SIZE, &whole());
    }
}

proptest! {
    #[test]
    fn a_part_is_what_is_cut_out_of_the_whole(
        kind in 0..KNOWN.len(),
        (left, right) in (0..SIZE[1]).prop_flat_map(|left| (Just(left), left + 1..=SIZE[1])),
        (top, bottom) in (0..SIZE[0]).prop_flat_map(|top| (Just(top), top + 1..=SIZE[0])),
    ) {
        let part = Part { columns: left..right, rows: top..bottom };
        let found = super::decode(&file(KNOWN[kind]), SIZE, &part).unwrap();
        let cut_out = part.cut_out(&expected(KNOWN[kind]));
        prop_assert!(found == cut_out.pixels(), "{} {part:?}", KNOWN[kind]);
    }
}
