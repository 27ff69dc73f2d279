//! Decoding of masks: no panic of ours, no allocation beyond the limit, every label a class or
//! ignored, and what is written is read back as the same mask.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ocelli_data::mask::{self, MaskEncoding, Palette, PaletteOptions};
use ocelli_data::{DecodeOptions, Mask};

const MAX_PIXELS: u64 = 1 << 18;

/// Every index is a class or ignored, and some colours are.
static PALETTES: LazyLock<[Palette; 2]> = LazyLock::new(|| {
    let options = PaletteOptions::default();
    let colors = "index,name,r,g,b\n0,a,0,0,0\n1,b,128,0,0\n255,c,255,255,255\n9,void,1,2,3\n";
    [
        Palette::numbered("numbers", 255, &options).expect("a palette of numbers"),
        Palette::read("colors", colors.as_bytes(), &options).expect("a palette of colours"),
    ]
});

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

fuzz_target!(init: let_other_crates_panic(), |bytes: &[u8]| {
    let options = DecodeOptions { max_pixels: MAX_PIXELS, ..DecodeOptions::default() };
    for palette in &*PALETTES {
        let mask = match mask::decode(bytes, palette, &options) {
            Ok(mask) => mask,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        assert!(u64::from(mask.width()) * u64::from(mask.height()) <= MAX_PIXELS);
        let classes = palette.classes().len();
        assert!(mask.labels().iter().all(|&l| l == Mask::IGNORE || usize::from(l) < classes));
        for encoding in [MaskEncoding::Index, MaskEncoding::Palette] {
            let written = mask::encode(&mask, palette, encoding).expect("it can be written");
            let again = mask::decode(&written, palette, &options).expect("it can be read back");
            assert!(again == mask, "{encoding:?}");
        }
    }
});
