//! From a file's bytes to an upright RGB picture.

/// What decoding may cost, and what shows through transparent pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// A picture with more pixels than this is refused before anything is allocated for it.
    pub max_pixels: u64,
    /// The colour behind transparent pixels.
    pub background: [u8; 3],
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, background: [255; 3] }
    }
}

/// Why bytes could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {}
