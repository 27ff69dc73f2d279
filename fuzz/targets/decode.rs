//! Decoding of pictures, whole and in part: no panic of ours, no allocation beyond the limit, and
//! a part is what the whole picture has there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_data::decode::{self, DecodeOptions, Part};

const MAX_PIXELS: u64 = 1 << 18;

/// The decoders of other crates may panic: that is caught and becomes an error. Ours must not.
fn let_other_crates_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let is_other =
            panic.location().is_some_and(|place| place.file().contains("/registry/src/"));
        if !is_other {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

/// Some part of a picture, by numbers that the input itself gives.
fn part([height, width]: [u32; 2], bytes: &[u8]) -> Part {
    let number = |from_end: usize| bytes.iter().rev().nth(from_end).map_or(0, |&b| usize::from(b));
    let range = |side: u32, first: usize, length: usize| {
        let side = side as usize;
        let start = first * side / 256;
        start..(start + 1 + length * (side - start) / 256).min(side)
    };
    Part {
        columns: range(width, number(0) ^ bytes.len() & 255, number(1)),
        rows: range(height, number(2) ^ bytes.len() & 255, number(3)),
    }
}

fuzz_target!(init: let_other_crates_panic(), |bytes: &[u8]| {
    let options = DecodeOptions { max_pixels: MAX_PIXELS, ..DecodeOptions::default() };
    let size = decode::dimensions(bytes, &options);
    let whole = decode::decode(bytes, &options);
    let mut chosen = None;
    let some = decode::decode_part(bytes, &options, |size| {
        chosen.insert(part(size, bytes)).clone()
    });
    match (whole, some) {
        (Ok(whole), Ok(some)) => {
            assert_eq!(size.ok(), Some((whole.width(), whole.height())));
            assert!(u64::from(whole.width()) * u64::from(whole.height()) <= MAX_PIXELS);
            let part = chosen.expect("a part was chosen");
            assert_eq!((some.width() as usize, some.height() as usize), (part.columns.len(), part.rows.len()));
            for (y, row) in part.rows.clone().enumerate() {
                for (x, column) in part.columns.clone().enumerate() {
                    assert_eq!(some.pixel(x as u32, y as u32), whole.pixel(column as u32, row as u32));
                }
            }
        }
        (Err(whole), Err(some)) => assert_eq!(whole, some),
        (whole, some) => panic!("whole: {whole:?}, part: {some:?}"),
    }
});
