//! Colour arithmetic on plain numbers: sRGB, linear light, CIE XYZ and CIE Lab, and how far two
//! pictures are apart.
//!
//! sRGB and linear values are in [0, 1]; XYZ has the white (D65, 2°) at Y = 1; Lab has L in
//! [0, 100], and a and b of sRGB colours are within -87..99 and -108..95.

mod difference;
mod lab;
mod similarity;
#[cfg(test)]
mod tests;

pub use difference::{ciede2000, mean_ciede2000};
pub use lab::{
    lab_from_rgb8, lab_from_srgb, lab_from_xyz, linear_from_srgb, linear_from_xyz, rgb8_from_lab,
    srgb_from_lab, srgb_from_linear, xyz_from_lab, xyz_from_linear,
};
pub use similarity::{psnr, ssim};
