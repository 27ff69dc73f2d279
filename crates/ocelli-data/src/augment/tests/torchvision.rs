//! Every operation against torchvision's on the same picture, with the same parameters.

use super::reference::{Comparison, Reference};
use crate::augment::normalize::{Scaling, erase};
use crate::augment::*;
use crate::random::{Purpose, generator};

/// Fixed-point filter weights have fewer bits than Pillow's 22 where SIMD multiplies 16-bit
/// numbers, and two passes each round to 8 bits.
const RESIZE_TOLERANCE: u8 = 1;

/// Everything else does Pillow's arithmetic, rounding included.
const EXACT: u8 = 0;

/// A few roundings of single-precision numbers below 8, half of 4.8e-7 each, ours in another order.
const NUMBER_TOLERANCE: f32 = 2e-6;

const FILL: Color = Color([200, 100, 7]);

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "nearest" => Interpolation::Nearest,
        "bilinear" => Interpolation::Bilinear,
        "bicubic" => Interpolation::Bicubic,
        "lanczos" => Interpolation::Lanczos,
        _ => panic!("{name}"),
    }
}

/// What a transform without chance plans for the reference picture.
fn planned(transform: Transform) -> Geometry {
    let mut plan = Plan::new([37, 53]);
    transform.sample(&mut plan, &mut generator(0, Purpose::Augment, 0, 0));
    let [Step::Geometry(geometry)] = *plan.steps() else { panic!("{plan:?}") };
    geometry
}

#[test]
fn resizing_is_pillows_within_a_step() {
    let file = Reference::open("resize.safetensors");
    let mut comparison = Comparison::default();
    for (name, parameters) in file.parameters("resize") {
        let (_, filter) = parameters.split_once('.').unwrap();
        let target = file.picture(&name);
        let (height, width) = (target.height(), target.width());
        let interpolation = interpolation(filter);
        let ours = Geometry::Resize { height, width, interpolation };
        let nearest = interpolation == Interpolation::Nearest;
        let tolerance = if nearest { EXACT } else { RESIZE_TOLERANCE };
        comparison.geometry(&file, &name, ours, tolerance);
    }
    for (name, max_size) in [("resize_shorter.20", None), ("resize_shorter.20.max_25", Some(25))] {
        let resize = Resize { size: Some(Size::One(20)), max_size, ..Resize::default() };
        let ours = planned(Transform::Resize(resize));
        comparison.geometry(&file, name, ours, RESIZE_TOLERANCE);
    }
}

#[test]
fn no_pixel_outside_of_a_crop_leaks_into_it() {
    let file = Reference::open("resize.safetensors");
    let mut comparison = Comparison::default();
    let region = Region { top: 5, left: 11, height: 23, width: 30 };
    for (name, height, width, interpolation) in [
        ("resized_crop", 28, 20, Interpolation::Bilinear),
        ("resized_crop.bicubic", 14, 15, Interpolation::Bicubic),
    ] {
        let ours = Geometry::ResizedCrop { region, height, width, interpolation };
        comparison.geometry(&file, name, ours, RESIZE_TOLERANCE);
    }
}

#[test]
fn crops_padding_and_flips_are_torchvisions() {
    let file = Reference::open("frame.safetensors");
    let mut comparison = Comparison::default();
    for (name, _) in file.parameters("center_crop") {
        let target = file.picture(&name);
        let size = Some(Size::Both([target.height(), target.width()]));
        let ours = planned(Transform::CenterCrop(CenterCrop { size }));
        comparison.geometry(&file, &name, ours, EXACT);
    }
    for (name, mode) in file.parameters("pad") {
        let border = match mode.as_str() {
            "constant" => Border::Constant(Color([9, 80, 200])),
            "edge" => Border::Edge,
            "reflect" => Border::Reflect,
            "symmetric" => Border::Symmetric,
            _ => panic!("{mode}"),
        };
        let ours = Geometry::Window { left: -4, top: -3, height: 42, width: 63, border };
        comparison.geometry(&file, &name, ours, EXACT);
    }
    comparison.geometry(&file, "flip.horizontal", Geometry::FlipHorizontal, EXACT);
    comparison.geometry(&file, "flip.vertical", Geometry::FlipVertical, EXACT);
}

#[test]
fn rotations_are_torchvisions() {
    let file = Reference::open("rotate.safetensors");
    let mut comparison = Comparison::default();
    for (operation, expand) in [("rotate", false), ("rotate_expand", true)] {
        for (name, parameters) in file.parameters(operation) {
            let (degrees, filter) = parameters.rsplit_once('.').unwrap();
            let (degrees, interpolation) = (number(degrees), interpolation(filter));
            let ours = Geometry::Rotate { degrees, expand, fill: FILL, interpolation };
            comparison.geometry(&file, &name, ours, EXACT);
        }
    }
}

#[test]
fn shears_and_translations_are_torchvisions() {
    let file = Reference::open("slant.safetensors");
    let mut comparison = Comparison::default();
    use crate::augment::policy::Operation;
    for (operation, shown) in [
        (Operation::ShearX, "ShearX"),
        (Operation::ShearY, "ShearY"),
        (Operation::TranslateX, "TranslateX"),
        (Operation::TranslateY, "TranslateY"),
    ] {
        for (name, parameters) in file.parameters(shown) {
            let (magnitude, filter) = parameters.rsplit_once('.').unwrap();
            let mut plan = Plan::new([37, 53]);
            operation.push(number(magnitude), interpolation(filter), FILL, &mut plan);
            let ours = plan.apply(file.picture("input"));
            comparison.pictures(&name, &ours, &file.picture(&name), EXACT);
        }
    }
}

#[test]
fn changes_of_colour_are_pillows() {
    let mut comparison = Comparison::default();
    let file = Reference::open("enhance.safetensors");
    for (name, factor) in file.parameters("brightness") {
        comparison.tone(&file, &name, Tone::Brightness(number(&factor)));
    }
    for (name, factor) in file.parameters("contrast") {
        comparison.tone(&file, &name, Tone::Contrast(number(&factor)));
    }
    let file = Reference::open("neighbours.safetensors");
    for (name, factor) in file.parameters("saturation") {
        comparison.tone(&file, &name, Tone::Saturation(number(&factor)));
    }
    for (name, factor) in file.parameters("sharpness") {
        comparison.tone(&file, &name, Tone::Sharpness(number(&factor)));
    }
    for (name, parameters) in file.parameters("blur") {
        let mut parts = parameters.splitn(3, '.');
        let mut next = || number(parts.next().unwrap());
        let (kernel, sigma) = ([next() as u32, next() as u32], next());
        comparison.tone(&file, &name, Tone::Blur { kernel, sigma });
    }
    let file = Reference::open("hue.safetensors");
    for (name, turn) in file.parameters("hue") {
        comparison.tone(&file, &name, Tone::Hue(number(&turn)));
    }
}

#[test]
fn changes_of_single_values_are_pillows() {
    let mut comparison = Comparison::default();
    let file = Reference::open("tone.safetensors");
    for (name, threshold) in file.parameters("solarize") {
        comparison.tone(&file, &name, Tone::Solarize(number(&threshold)));
    }
    for (name, bits) in file.parameters("posterize") {
        comparison.tone(&file, &name, Tone::Posterize(bits.parse().unwrap()));
    }
    comparison.tone(&file, "grayscale", Tone::Grayscale);
    comparison.tone(&file, "auto_contrast", Tone::AutoContrast);
    comparison.tone(&file, "equalize", Tone::Equalize);
    comparison.tone(&file, "invert", Tone::Invert);
    for (name, tone) in
        [("dull.auto_contrast", Tone::AutoContrast), ("dull.equalize", Tone::Equalize)]
    {
        let mut dull = file.picture("dull");
        tone.apply(&mut dull);
        comparison.pictures(name, &dull, &file.picture(name), EXACT);
    }
}

#[test]
fn normalized_numbers_are_torchvisions() {
    let mut comparison = Comparison::default();
    let file = Reference::open("numbers.safetensors");
    let input = file.picture("input");
    let (height, width) = (input.height(), input.width());
    let half = Normalize { mean: [0.5; 3], std: [0.5, 0.25, 0.125] };
    for (name, normalize) in
        [("normalize.imagenet", Normalize::default()), ("normalize.half", half)]
    {
        let pipeline = Pipeline::new(&[Transform::Normalize(normalize)], [height, width]).unwrap();
        let mut output = vec![f32::NAN; input.pixels().len()];
        pipeline.apply(input.clone(), &mut generator(0, Purpose::Augment, 0, 0), &mut output);
        comparison.numbers(name, &output, &file.floats(name), NUMBER_TOLERANCE);
    }
    let identity = Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let mut output = vec![f32::NAN; input.pixels().len()];
    let scaling = Scaling::new(&identity);
    scaling.apply(input.pixels(), width as usize, false, &mut Vec::new(), &mut output);
    let part = Region { top: 2, left: 3, height: 4, width: 5 };
    let value = Erasure::Channels([0.1, 0.2, 0.3]);
    let random = &mut generator(0, Purpose::Augment, 0, 0);
    erase(&mut output, width as usize, part, value, random);
    let name = "erase.2.3.4.5";
    comparison.numbers(name, &output, &file.floats(name), NUMBER_TOLERANCE);
}

#[test]
fn a_flip_fused_with_normalization_is_a_flip() {
    let input = Reference::open("frame.safetensors").picture("input");
    let size = [input.height(), input.width()];
    let run = |transforms: &[Transform], picture| {
        let mut output = vec![f32::NAN; input.pixels().len()];
        let random = &mut generator(0, Purpose::Augment, 0, 0);
        Pipeline::new(transforms, size).unwrap().apply(picture, random, &mut output);
        output
    };
    let fused = run(&[Transform::RandomHorizontalFlip(RandomFlip { p: 1.0 })], input.clone());
    assert_eq!(fused, run(&[], Geometry::FlipHorizontal.apply(input.clone())));
}
