//! What is wrong with masks, as text for a terminal.

use std::fmt::Write;

use super::super::text::section;
use super::{MaskReport, StrangeSummary};
use crate::check::plural;

impl MaskReport {
    pub(in crate::check) fn write(&self, text: &mut String) {
        section(
            text,
            "broken masks",
            "can't be read or decoded",
            self.broken.iter().map(|broken| format!("{}: {}", broken.name, broken.reason)),
        );
        let size = |size: &super::MaskSize| {
            let [height, width] = size.picture_size;
            let [mask_height, mask_width] = size.mask_size;
            let turned = size.mask_size == [width, height] && width != height;
            let turned = if turned { ": height and width are exchanged" } else { "" };
            format!(
                "{} is {mask_width}x{mask_height}, {} {width}x{height}{turned}",
                size.mask, size.name
            )
        };
        let absent = self.absent.iter().cloned();
        section(text, "absent classes", "no mask shows them", absent);
        section(
            text,
            "sizes",
            "a mask of another size than its picture",
            self.sizes.iter().map(size),
        );
        let masks = plural(self.strange_masks, "mask", "masks");
        section(
            text,
            "strange values",
            &format!("no class has them; in {masks}"),
            self.strange.iter().map(strange),
        );
        if let Some(advice) = &self.advice {
            let _ = writeln!(text, "  {advice}");
        }
        let pairing = &self.pairing;
        for (title, meaning, names) in [
            ("missing masks", "pictures without a mask, left out", &pairing.without_mask),
            ("missing pictures", "masks without a picture, left out", &pairing.without_picture),
            ("ambiguous", "several files claim the same partner; left out", &pairing.ambiguous),
            ("JPEG masks", "compression changes classes at every edge; save as PNG", &self.jpeg),
            ("all ignored", "no pixel of the mask has a class", &self.all_ignored),
        ] {
            section(text, title, meaning, names.iter().cloned());
        }
    }
}

fn strange(strange: &StrangeSummary) -> String {
    let StrangeSummary { value, pixels, masks, first } = strange;
    let pixels = plural(usize::try_from(*pixels).unwrap_or(usize::MAX), "pixel", "pixels");
    let masks = plural(*masks, "mask", "masks");
    format!("{value}: {pixels} in {masks}, first {first}")
}
