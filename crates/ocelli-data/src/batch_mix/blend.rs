//! The two mixtures and their targets, with all chance already decided.

/// A rectangle of a picture: columns `left..right`, rows `top..bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
}

impl Rectangle {
    /// CutMix's rectangle around column and row `center` of a picture of `[height, width]`: its
    /// area is `1 - share` of the picture's, but for what the edges cut off.
    pub(super) fn around([x, y]: [usize; 2], share: f64, [height, width]: [usize; 2]) -> Self {
        let half = 0.5 * (1.0 - share).sqrt();
        let across = (half * width as f64) as usize;
        let down = (half * height as f64) as usize;
        Self {
            left: x.saturating_sub(across),
            top: y.saturating_sub(down),
            right: (x + across).min(width),
            bottom: (y + down).min(height),
        }
    }

    /// The share of a picture of `[height, width]` that lies outside.
    pub(super) fn share_left(&self, [height, width]: [usize; 2]) -> f64 {
        let area = (self.right - self.left) * (self.bottom - self.top);
        1.0 - area as f64 / (height * width) as f64
    }
}

/// Replaces each of the images, of `image` values each, by `share` of itself and the rest of the
/// one before it.
pub(super) fn mix_up(images: &mut [f32], image: usize, share: f32) {
    blend_with_previous(images, image, |own, partner| {
        for (own, partner) in own.iter_mut().zip(partner) {
            *own = partner * (1.0 - share) + *own * share;
        }
    });
}

/// Copies a part of each of the images `[height, width, channels]` from the one before it.
pub(super) fn cut_mix(images: &mut [f32], [height, width, channels]: [usize; 3], part: Rectangle) {
    let row = width * channels;
    let columns = part.left * channels..part.right * channels;
    blend_with_previous(images, height * row, |own, partner| {
        for at in part.top..part.bottom {
            let columns = at * row + columns.start..at * row + columns.end;
            own[columns.clone()].copy_from_slice(&partner[columns]);
        }
    });
}

/// Calls `blend(own, partner)` for each image and the one before it, from the last to the first,
/// so that every partner is still unmixed; only the last must be kept for the first.
fn blend_with_previous(images: &mut [f32], image: usize, blend: impl Fn(&mut [f32], &[f32])) {
    let Some(last_start) = images.len().checked_sub(image) else { return };
    let last = images[last_start..].to_vec();
    for start in (image..images.len()).step_by(image).rev() {
        let (before, from_own) = images.split_at_mut(start);
        blend(&mut from_own[..image], &before[start - image..]);
    }
    blend(&mut images[..image], &last);
}

/// `share` on each one's own label and the rest on the label before it: `[n, classes]`.
pub(super) fn soft_targets(labels: &[u32], classes: usize, share: f64) -> Vec<f32> {
    let mut targets = vec![0.0; labels.len() * classes];
    let partners = labels.iter().cycle().skip(labels.len().saturating_sub(1));
    let (own_share, partner_share) = (share as f32, (1.0 - share) as f32);
    for (index, (&own, &partner)) in labels.iter().zip(partners).enumerate() {
        for label in [own, partner] {
            assert!((label as usize) < classes, "label {label} is not below {classes} classes");
        }
        targets[index * classes + partner as usize] += partner_share;
        targets[index * classes + own as usize] += own_share;
    }
    targets
}
