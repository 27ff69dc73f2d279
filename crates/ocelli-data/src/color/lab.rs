//! Between sRGB (IEC 61966-2-1) and CIE Lab (CIE 15) under D65.

use std::sync::LazyLock;

/// What the three linear channels contribute to X, Y and Z, from the primaries of the standard.
const XYZ: [[f64; 3]; 3] = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
];

/// X, Y and Z of linear (1, 1, 1): gray has no a and no b, to the last bit of the constants.
const WHITE: [f64; 3] = [
    XYZ[0][0] + XYZ[0][1] + XYZ[0][2],
    XYZ[1][0] + XYZ[1][1] + XYZ[1][2],
    XYZ[2][0] + XYZ[2][1] + XYZ[2][2],
];

/// The inverse of [`XYZ`], computed rather than rounded, so that there and back is the identity.
static LINEAR: LazyLock<[[f64; 3]; 3]> = LazyLock::new(|| {
    let minor = |row: usize, column: usize| {
        let at = |r: usize, c: usize| XYZ[(row + r) % 3][(column + c) % 3];
        at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)
    };
    let determinant: f64 = (0..3).map(|column| XYZ[0][column] * minor(0, column)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| minor(column, row) / determinant))
});

/// Linear light of every 8-bit value.
static LINEAR_OF_BYTE: LazyLock<[f64; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| linear_from_srgb(value as f64 / 255.0)));

/// Below this share of the white's light, lightness is linear: (6 / 29)³.
const EPSILON: f64 = 216.0 / 24389.0;
/// The slope there: (29 / 3)³.
const KAPPA: f64 = 24389.0 / 27.0;

fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

/// The light that an sRGB value stands for.
#[must_use]
pub fn linear_from_srgb(value: f64) -> f64 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value that stands for an amount of light.
#[must_use]
pub fn srgb_from_linear(value: f64) -> f64 {
    if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

/// X, Y and Z of linear red, green and blue.
#[must_use]
pub fn xyz_from_linear(rgb: [f64; 3]) -> [f64; 3] {
    times(&XYZ, rgb)
}

/// Linear red, green and blue of X, Y and Z; outside of [0, 1] for colours that sRGB lacks.
#[must_use]
pub fn linear_from_xyz(xyz: [f64; 3]) -> [f64; 3] {
    times(&LINEAR, xyz)
}

/// L, a and b of X, Y and Z.
#[must_use]
pub fn lab_from_xyz(xyz: [f64; 3]) -> [f64; 3] {
    let f = |value: f64, white: f64| {
        let share = value / white;
        if share > EPSILON { share.cbrt() } else { (KAPPA * share + 16.0) / 116.0 }
    };
    let [x, y, z] = [0, 1, 2].map(|axis| f(xyz[axis], WHITE[axis]));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// X, Y and Z of L, a and b.
#[must_use]
pub fn xyz_from_lab([l, a, b]: [f64; 3]) -> [f64; 3] {
    let y = (l + 16.0) / 116.0;
    let inverse = |f: f64| {
        let cube = f * f * f;
        if cube > EPSILON { cube } else { (116.0 * f - 16.0) / KAPPA }
    };
    let f = [y + a / 500.0, y, y - b / 200.0];
    [0, 1, 2].map(|axis| inverse(f[axis]) * WHITE[axis])
}

/// L, a and b of an sRGB colour.
#[must_use]
pub fn lab_from_srgb(rgb: [f64; 3]) -> [f64; 3] {
    lab_from_xyz(xyz_from_linear(rgb.map(linear_from_srgb)))
}

/// The sRGB colour of L, a and b; the nearest in each channel for colours that sRGB lacks.
#[must_use]
pub fn srgb_from_lab(lab: [f64; 3]) -> [f64; 3] {
    linear_from_xyz(xyz_from_lab(lab)).map(|value| srgb_from_linear(value.clamp(0.0, 1.0)))
}

/// L, a and b, `[n, 3]`, of 8-bit sRGB pixels, `[n, 3]`.
///
/// # Panics
/// If there are not three values for each pixel.
#[must_use]
pub fn lab_from_rgb8(pixels: &[u8]) -> Vec<f32> {
    let (pixels, rest) = pixels.as_chunks::<3>();
    assert!(rest.is_empty(), "RGB pixels have 3 values each, found {} more", rest.len());
    let linear = &*LINEAR_OF_BYTE;
    let lab = |pixel: &[u8; 3]| {
        lab_from_xyz(xyz_from_linear(pixel.map(|value| linear[usize::from(value)])))
    };
    pixels.iter().flat_map(|pixel| lab(pixel).map(|value| value as f32)).collect()
}

/// 8-bit sRGB pixels, `[n, 3]`, of L, a and b, `[n, 3]`, rounded.
///
/// # Panics
/// If there are not three values for each pixel.
#[must_use]
pub fn rgb8_from_lab(lab: &[f32]) -> Vec<u8> {
    let (pixels, rest) = lab.as_chunks::<3>();
    assert!(rest.is_empty(), "Lab pixels have 3 values each, found {} more", rest.len());
    let byte = |value: f64| (value * 255.0).round() as u8;
    pixels.iter().flat_map(|pixel| srgb_from_lab(pixel.map(f64::from)).map(byte)).collect()
}
