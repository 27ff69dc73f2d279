//! A palette file: refused, or classes whose indices and colours lead back to them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_data::mask::{Palette, PaletteOptions};

fuzz_target!(|bytes: &[u8]| {
    let palette = match Palette::read("palette.csv", bytes, &PaletteOptions::default()) {
        Ok(palette) => palette,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for (class, row) in (0..=u8::MAX).zip(palette.classes()) {
        assert_eq!(palette.class_of_value(row.value), Some(class));
        assert_eq!((palette.value(class), palette.color(class)), (row.value, row.color));
        if palette.has_colors() {
            assert_eq!(palette.class_of_color(row.color), Some(class));
        }
    }
    let names = palette.names();
    assert_eq!(palette.with_classes(&names).expect("its own names are known").names(), names);
});
