//! A sample's mask.

use super::{Location, PictureError, PictureFault, Sample};
use crate::decode::DecodeOptions;
use crate::mask::{self, MaskFault, Palette, Reading};
use crate::picture::{Mask, Picture};

/// Where a sample's mask is.
#[derive(Clone, Debug)]
pub struct MaskFile {
    /// The name shown to people, as [`Sample::name`].
    pub name: String,
    /// Where the mask is; for the embedded sample data the drawn bird's parts.
    pub location: Location,
}

impl Sample {
    /// The mask, upright: the class of every pixel.
    ///
    /// # Errors
    /// When there is none, it cannot be read or decoded, or has pixels without a class; the error
    /// names sample and mask.
    pub fn mask(&self, palette: &Palette, options: &DecodeOptions) -> Result<Mask, PictureError> {
        let Some(file) = &self.mask else {
            return Err(self.mask_fault(MaskFault::Missing));
        };
        if let Location::Synth { birds, index } = &file.location {
            return Ok(birds.draw(*index).parts);
        }
        let reading = file.read(palette, options).map_err(|reason| self.mask_fault(reason))?;
        match reading.strange {
            None => Ok(reading.mask),
            Some(strange) => Err(self.mask_fault(MaskFault::Strange(strange.into()))),
        }
    }

    /// The upright picture and its mask, of the same size.
    ///
    /// # Errors
    /// As [`picture`](Self::picture) and [`mask`](Self::mask), and when the sizes differ.
    pub fn picture_and_mask(
        &self,
        palette: &Palette,
        options: &DecodeOptions,
    ) -> Result<(Picture, Mask), PictureError> {
        if let (Location::Synth { birds, index }, Some(_)) = (&self.location, &self.mask) {
            let bird = birds.draw(*index);
            return Ok((bird.picture, bird.parts));
        }
        let picture = self.picture(options)?;
        let mask = self.mask(palette, options)?;
        self.check_sizes(&picture, &mask)?;
        Ok((picture, mask))
    }

    /// Refuses a mask of another size than its picture.
    pub(crate) fn check_sizes(&self, picture: &Picture, mask: &Mask) -> Result<(), PictureError> {
        let found = [mask.height(), mask.width()];
        let expected = [picture.height(), picture.width()];
        if found == expected {
            return Ok(());
        }
        Err(self.mask_fault(MaskFault::Size { found, expected }))
    }

    pub(crate) fn mask_fault(&self, reason: MaskFault) -> PictureError {
        let name = self.mask.as_ref().map(|file| file.name.clone()).unwrap_or_default();
        PictureError { name: self.name.clone(), reason: PictureFault::Mask { name, reason } }
    }
}

impl MaskFile {
    /// What the file says, strange values included.
    pub(crate) fn read(
        &self,
        palette: &Palette,
        options: &DecodeOptions,
    ) -> Result<Reading, MaskFault> {
        let bytes = self.location.bytes()?;
        Ok(mask::read(&mask::decode_raw(&bytes, options)?, palette))
    }
}
