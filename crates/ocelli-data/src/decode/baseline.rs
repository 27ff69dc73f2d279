//! The commonest kind of JPEG, decoded fast, and only as much of it as is wanted.
//!
//! Training looks at a random part of every picture. This decoder takes the part's rectangle
//! and does the inverse transform, the upsampling and the colour conversion for that part alone;
//! only the entropy coding has to be read to the end, since nothing in it says where a block begins.
//!
//! It knows baseline JPEG with 8-bit samples, in gray or in YCbCr with chroma at full size, half
//! width, or half width and height, in one scan: what cameras, phones and the web produce. Of
//! everything else, and of anything that looks damaged, it says [`None`], and the general decoder
//! takes over: it is never the one to judge a file.
//!
//! The arithmetic is that of libjpeg's defaults (accurate integer transform, triangle filter for
//! chroma), bit for bit, so pixels equal those that Pillow and torchvision see.

mod color;
mod header;
mod huffman;
mod idct;
mod scan;

#[cfg(test)]
mod tests;

use super::Part;

/// Decodes a part of a picture of `[height, width]`, as it is stored, to RGB: `[rows, columns, 3]`.
///
/// Nothing is returned where this decoder can't or shouldn't judge the file, where the size is
/// another, or where the part is empty or lies outside.
pub(super) fn decode(bytes: &[u8], size: [usize; 2], part: &Part) -> Option<Vec<u8>> {
    let frame = header::read(bytes)?;
    let [height, width] = size;
    let inside = part.columns.end <= width && part.rows.end <= height;
    if [frame.height, frame.width] != size
        || part.columns.is_empty()
        || part.rows.is_empty()
        || !inside
    {
        return None;
    }
    let planes = scan::decode(&frame, part)?;
    Some(color::to_rgb(&frame, &planes, part))
}
