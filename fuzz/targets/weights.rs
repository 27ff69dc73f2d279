//! Safetensors files: refused, or read and written again as the same arrays.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use ocelli_nn::safetensors;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzz.safetensors");
    let metadata = safetensors::metadata(bytes, path);
    let Ok(arrays) = safetensors::parse(bytes, path) else { return };
    let written = safetensors::to_bytes(&arrays, &metadata.expect("the header was read"));
    let read = safetensors::parse(&written, path).expect("what was written can be read");
    assert_eq!(arrays.len(), read.len());
    for (key, array) in arrays.iter() {
        let again = read.get(key).expect("no key is lost");
        assert_eq!(array.shape(), again.shape());
        let bits = |values: Option<&[f32]>| -> Option<Vec<u32>> {
            values.map(|values| values.iter().map(|value| value.to_bits()).collect())
        };
        assert_eq!(bits(array.as_f32()), bits(again.as_f32()));
        assert_eq!(array.as_i64(), again.as_i64());
    }
});
