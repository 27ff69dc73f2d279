use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Table 1 of Sharma, Wu and Dalal 2005: two Lab colours and their difference.
const PUBLISHED: [([f64; 3], [f64; 3], f64); 34] = [
    ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
    ([50.0, 3.1571, -77.2803], [50.0, 0.0, -82.7485], 2.8615),
    ([50.0, 2.8361, -74.02], [50.0, 0.0, -82.7485], 3.4412),
    ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0),
    ([50.0, -1.1848, -84.8006], [50.0, 0.0, -82.7485], 1.0),
    ([50.0, -0.9009, -85.5211], [50.0, 0.0, -82.7485], 1.0),
    ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
    ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.001], 7.1792),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0011], 7.2195),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0012], 7.2195),
    ([50.0, -0.001, 2.49], [50.0, 0.0009, -2.49], 4.8045),
    ([50.0, -0.001, 2.49], [50.0, 0.001, -2.49], 4.8045),
    ([50.0, -0.001, 2.49], [50.0, 0.0011, -2.49], 4.7461),
    ([50.0, 2.5, 0.0], [50.0, 0.0, -2.5], 4.3065),
    ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
    ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
    ([50.0, 2.5, 0.0], [56.0, -27.0, -3.0], 31.903),
    ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
    ([50.0, 2.5, 0.0], [50.0, 3.1736, 0.5854], 1.0),
    ([50.0, 2.5, 0.0], [50.0, 3.2972, 0.0], 1.0),
    ([50.0, 2.5, 0.0], [50.0, 1.8634, 0.5757], 1.0),
    ([50.0, 2.5, 0.0], [50.0, 3.2592, 0.335], 1.0),
    ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.263),
    ([61.2901, 3.7196, -5.3901], [61.4292, 2.248, -4.962], 1.8731),
    ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
    ([22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373),
    ([36.4612, 47.858, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
    ([90.8027, -2.0831, 1.441], [91.1528, -1.6435, 0.0447], 1.4441),
    ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
    ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
    ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
];

/// The table is rounded to four digits.
const PUBLISHED_TOLERANCE: f64 = 0.5001e-4;
/// Units of Lab: scikit-image rounds the primaries' matrix to six digits, and its white otherwise.
const LAB_TOLERANCE: f64 = 0.02;
/// Differences of sums of squares in another order.
const SIMILARITY_TOLERANCE: f64 = 1e-6;

#[derive(serde::Deserialize)]
struct Reference {
    colors: Vec<[u8; 3]>,
    lab: Vec<[f64; 3]>,
    pairs: Vec<Pair>,
}

#[derive(serde::Deserialize)]
struct Pair {
    size: [usize; 3],
    other: String,
    psnr: f64,
    ssim: f64,
    ciede2000: Option<f64>,
}

fn reference() -> Reference {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/color/color.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The very picture that the fixtures' script makes.
fn picture([height, width, channels]: [usize; 3], factor: usize, modulus: usize) -> Vec<u8> {
    let count = height * width * channels;
    (0..count).map(|at| (at * factor % modulus + at * (255 - modulus) / count) as u8).collect()
}

fn pair(of: &Pair) -> (Vec<u8>, Vec<u8>) {
    let first = picture(of.size, 7, 200);
    let second = match of.other.as_str() {
        "unlike" => picture(of.size, 11, 180),
        _ => first.iter().map(|&value| (usize::from(value) * 9 / 10 + 8) as u8).collect(),
    };
    (first, second)
}

fn unit(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()
}

#[test]
fn differences_are_the_published_ones_in_both_directions() {
    for (number, (first, second, expected)) in (1..).zip(PUBLISHED) {
        for found in [ciede2000(first, second), ciede2000(second, first)] {
            assert!(
                (found - expected).abs() < PUBLISHED_TOLERANCE,
                "pair {number}: {found}, not {expected}"
            );
        }
        assert_eq!(ciede2000(first, first), 0.0);
    }
}

#[test]
fn lab_is_scikit_images() {
    let Reference { colors, lab, .. } = reference();
    let flat: Vec<u8> = colors.iter().flatten().copied().collect();
    for (found, expected) in lab_from_rgb8(&flat).iter().zip(lab.iter().flatten()) {
        assert!((f64::from(*found) - expected).abs() < LAB_TOLERANCE, "{found}, not {expected}");
    }
}

#[test]
fn similarities_are_scikit_images() {
    for of in &reference().pairs {
        let (first, second) = pair(of);
        let (a, b) = (unit(&first), unit(&second));
        let name = format!("{:?} {}", of.size, of.other);
        let found = psnr(&a, &b);
        assert!((found - of.psnr).abs() < SIMILARITY_TOLERANCE * 100.0, "{name}: {found}");
        let found = ssim(&a, &b, of.size).unwrap();
        assert!((found - of.ssim).abs() < SIMILARITY_TOLERANCE, "{name}: {found}, not {}", of.ssim);
        if let Some(expected) = of.ciede2000 {
            let found = mean_ciede2000(&first, &second);
            assert!((found - expected).abs() < LAB_TOLERANCE, "{name}: {found}, not {expected}");
        }
    }
}

#[test]
fn equal_pictures_are_alike_without_limit() {
    let values = unit(&picture([12, 13, 3], 7, 200));
    assert_eq!(psnr(&values, &values), f64::INFINITY);
    assert!((ssim(&values, &values, [12, 13, 3]).unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(mean_ciede2000(&[1, 2, 3], &[1, 2, 3]), 0.0);
    assert_eq!(ssim(&values[..10 * 13 * 3], &values[..10 * 13 * 3], [10, 13, 3]), None);
}

#[test]
fn gray_has_lightness_and_nothing_else() {
    for value in 0..=255u8 {
        let [l, a, b] = lab_from_srgb([f64::from(value) / 255.0; 3]);
        assert!(a.abs() < 1e-9 && b.abs() < 1e-9, "{value}: {a} {b}");
        assert!((0.0..=100.0 + 1e-9).contains(&l));
    }
    assert!((lab_from_srgb([1.0; 3])[0] - 100.0).abs() < 1e-9);
}

#[test]
fn colours_that_srgb_lacks_become_the_nearest_channel_values() {
    let rgb = srgb_from_lab([60.0, 127.0, -128.0]);
    assert!(rgb.iter().all(|value| (0.0..=1.0).contains(value)), "{rgb:?}");
    assert_eq!(
        rgb8_from_lab(&[100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 150.0, 0.0, 0.0])[..6],
        [255, 255, 255, 0, 0, 0]
    );
}

proptest! {
    #[test]
    fn there_and_back_is_the_same_colour(rgb: [u8; 3]) {
        prop_assert_eq!(rgb8_from_lab(&lab_from_rgb8(&rgb)), rgb);
        let exact = rgb.map(|value| f64::from(value) / 255.0);
        let back = srgb_from_lab(lab_from_srgb(exact));
        for (found, expected) in back.iter().zip(exact) {
            // The standard's two pieces of the curve meet within 1e-7 only.
            prop_assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}
