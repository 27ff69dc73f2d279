//! Decoded pictures and masks.

/// An upright RGB picture, 8 bits a channel: rows from the top, pixels interleaved.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Picture {
    /// The picture as the bytes of a PNG.
    ///
    /// # Errors
    /// What the encoder reports; a picture without pixels is no PNG.
    pub fn to_png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(bytes)
    }

    /// Wraps pixels `[height, width, 3]`.
    ///
    /// # Panics
    /// If `pixels` does not hold `height × width × 3` values.
    #[must_use]
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Self {
        let expected = width as usize * height as usize * 3;
        assert!(
            pixels.len() == expected,
            "a {width}x{height} RGB picture has {expected} values, found {}",
            pixels.len()
        );
        Self { width, height, pixels }
    }

    /// A picture of one colour.
    #[must_use]
    pub fn filled(width: u32, height: u32, color: [u8; 3]) -> Self {
        Self::new(width, height, color.repeat(width as usize * height as usize))
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The values, `[height, width, 3]`.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The values, `[height, width, 3]`, to change in place.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// The values, `[height, width, 3]`, without the picture around them.
    #[must_use]
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// The colour at column `x`, row `y`.
    ///
    /// # Panics
    /// If the position lies outside the picture.
    #[must_use]
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "({x}, {y}) lies outside {self:?}");
        let start = (y as usize * self.width as usize + x as usize) * 3;
        [self.pixels[start], self.pixels[start + 1], self.pixels[start + 2]]
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Picture({}x{})", self.width, self.height)
    }
}

/// A class index for every pixel of a picture: rows from the top.
///
/// [`Mask::IGNORE`] is no class: such a pixel counts neither in training nor in judging.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    labels: Vec<u8>,
}

impl Mask {
    /// The label of pixels that are left out of everything. So there are at most 255 classes.
    pub const IGNORE: u8 = 255;

    /// Wraps labels `[height, width]`.
    ///
    /// # Panics
    /// If `labels` does not hold `height × width` values.
    #[must_use]
    pub fn new(width: u32, height: u32, labels: Vec<u8>) -> Self {
        let expected = width as usize * height as usize;
        assert!(
            labels.len() == expected,
            "a {width}x{height} mask has {expected} labels, found {}",
            labels.len()
        );
        Self { width, height, labels }
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The labels, `[height, width]`.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The labels, `[height, width]`, without the mask around them.
    #[must_use]
    pub fn into_labels(self) -> Vec<u8> {
        self.labels
    }

    /// The label at column `x`, row `y`.
    ///
    /// # Panics
    /// If the position lies outside the mask.
    #[must_use]
    pub fn label(&self, x: u32, y: u32) -> u8 {
        assert!(x < self.width && y < self.height, "({x}, {y}) lies outside {self:?}");
        self.labels[y as usize * self.width as usize + x as usize]
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Mask({}x{})", self.width, self.height)
    }
}
