//! An archive's index, and the bytes of its members.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use ocelli_data::source::SourceOptions;

static ARCHIVE: LazyLock<PathBuf> =
    LazyLock::new(|| ocelli_fuzz::folder("tar").join("archive.tar"));

const BLOCK: usize = 512;

/// Makes the checksums of what looks like headers right: no mutation would ever hit one.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(BLOCK) {
        if block[257..262] != *b"ustar" {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if bytes.len() < BLOCK {
        return Corpus::Reject;
    }
    std::fs::write(&*ARCHIVE, with_checksums(bytes)).expect("the archive can be written");
    let Some(found) = ocelli_fuzz::open(&ARCHIVE, &SourceOptions::default()) else {
        return Corpus::Keep;
    };
    for sample in found.train.samples.iter().take(8) {
        let read = sample.bytes().expect("the index has been checked against the file");
        assert_eq!(Some(read.len() as u64), sample.location.byte_length().ok());
    }
    Corpus::Keep
});
