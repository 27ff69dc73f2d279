//! Concatenation along channels, and the split that is its gradient: one pass over memory each.
//!
//! Pixels are shared among threads; each one's channels are copied from every part in turn, so
//! that the joined tensor is written (or read) in order.

use crate::memory::{Output, tensor_len};
use crate::parallel::{self, Shared};

/// Floats that a task copies at least.
const TASK_FLOATS: usize = 1 << 15;
/// Tasks at most.
const MAX_TASKS: usize = 256;

/// Calls `copy(pixel)` for all pixels, in parallel; `floats` is what they hold.
fn by_pixels(pixels: usize, floats: usize, copy: impl Fn(usize) + Send + Sync) {
    let parts = parallel::parts(floats, TASK_FLOATS, MAX_TASKS).min(pixels.max(1));
    parallel::for_each(parts, |index| parallel::part(pixels, parts, index).for_each(&copy));
}

/// The channels of all parts; more than there can be, where that overflows.
fn sum(channels: impl Iterator<Item = usize>) -> usize {
    channels.fold(0, usize::saturating_add)
}

/// Tensors of `[pixels, channels]` each, joined along their channels. A part is its floats and
/// its channels.
///
/// # Panics
/// If a part has not `pixels * channels` floats.
#[must_use]
pub fn concat(pixels: usize, parts: &[(&[f32], usize)]) -> Vec<f32> {
    for (index, &(part, channels)) in parts.iter().enumerate() {
        let len = tensor_len(&[pixels, channels]);
        assert_eq!(part.len(), len, "length of part {index} of a concatenation");
    }
    let total = sum(parts.iter().map(|&(_, channels)| channels));
    let mut joined = Output::new(tensor_len(&[pixels, total]));
    let to = Shared::new(joined.as_mut_ptr());
    by_pixels(pixels, pixels * total, |pixel| {
        let mut at = pixel * total;
        for &(part, channels) in parts {
            // SAFETY: the part holds the pixel, and the channels of all parts fill the joined one,
            // which no other task has.
            unsafe {
                let from = part.as_ptr().add(pixel * channels);
                to.pointer().add(at).copy_from_nonoverlapping(from, channels);
            }
            at += channels;
        }
    });
    // SAFETY: all channels of all pixels were written.
    unsafe { joined.finish() }
}

/// A tensor of `[pixels, sum of channels]`, cut along its channels: the gradient of [`concat()`].
///
/// # Panics
/// If `joined` has another length.
#[must_use]
pub fn split(pixels: usize, joined: &[f32], channels: &[usize]) -> Vec<Vec<f32>> {
    let total = sum(channels.iter().copied());
    assert_eq!(joined.len(), tensor_len(&[pixels, total]), "length of a tensor to be split");
    let mut parts: Vec<_> =
        channels.iter().map(|&channels| Output::new(pixels * channels)).collect();
    let to: Vec<_> = parts.iter_mut().map(|part| Shared::new(part.as_mut_ptr())).collect();
    by_pixels(pixels, joined.len(), |pixel| {
        let mut at = pixel * total;
        for (&channels, to) in channels.iter().zip(&to) {
            // SAFETY: the joined tensor holds the pixel, and the part has room for its channels,
            // which no other task has.
            unsafe {
                let from = joined.as_ptr().add(at);
                to.pointer().add(pixel * channels).copy_from_nonoverlapping(from, channels);
            }
            at += channels;
        }
    });
    // SAFETY: all channels of all pixels were written.
    parts.into_iter().map(|part| unsafe { part.finish() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_pixel_by_pixel_and_split_again() {
        let a = [1.0, 2.0, 3.0, 4.0];
        let b = [5.0, 6.0];
        assert_eq!(concat(2, &[(&a, 2), (&b, 1)]), [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
        for (pixels, channels) in
            [(0, [1, 2, 3]), (1, [17, 0, 3]), (4001, [64, 3, 100]), (77, [0, 0, 0])]
        {
            let parts: Vec<Vec<f32>> = (0..3)
                .map(|part| {
                    let len = pixels * channels[part];
                    (0..len).map(|at| (at * 3 + part) as f32).collect()
                })
                .collect();
            let pairs: Vec<_> =
                parts.iter().zip(channels).map(|(part, channels)| (&part[..], channels)).collect();
            let joined = concat(pixels, &pairs);
            let total: usize = channels.iter().sum();
            for (at, &value) in joined.iter().enumerate() {
                let (pixel, mut channel, mut part) = (at / total, at % total, 0);
                while channel >= channels[part] {
                    channel -= channels[part];
                    part += 1;
                }
                assert_eq!(value, parts[part][pixel * channels[part] + channel]);
            }
            assert_eq!(split(pixels, &joined, &channels), parts);
        }
        assert!(concat(3, &[]).is_empty() && split(3, &[], &[]).is_empty());
    }

    #[test]
    #[should_panic(expected = "length of part 1")]
    fn a_part_of_another_size_is_refused() {
        let _ = concat(2, &[(&[0.0; 4], 2), (&[0.0; 3], 1)]);
    }
}
