//! One picture, from the empty canvas to the camera's noise.

use super::anatomy::Anatomy;
use super::canvas::Canvas;
use super::clutter;
use super::dice::Dice;
use super::outline::{Placement, Point};
use super::palette::Color;
use super::plumage::Plumage;
use super::pose::{Pose, Stance};
use super::scene::{Place, Scene};
use super::species::Species;
use super::texture::lattice_bits;
use super::{Bird, Mask, Picture};

/// Draws bird `index`.
pub(super) fn sketch(species: &Species, seed: u64, index: u64, size: u32) -> Bird {
    let mut dice = Dice::for_picture(seed, index);
    let dice = &mut dice;
    let pose = Pose::strike(&species.form, dice);
    let scene = Scene::choose(pose.stance, dice);
    let anatomy = Anatomy::new(&species.form, &pose);
    let (placement, top, bottom) = place(&anatomy, &pose, size, dice);
    let worn = weather(species, dice);
    let key = dice.bits();
    let plumage = Plumage::new(&worn, 1.0 / placement.scale, key, dice.between(0.16, 0.34));
    let mut canvas = scene.canvas(size, dice);
    let unit = 1.0 / size as f32;
    let share = |point: Point| {
        let [x, y] = placement.to_pixels(point);
        [x * unit, y * unit]
    };
    let feet = share(anatomy.skeleton.feet);
    match pose.stance {
        Stance::Perched => {
            let thick = dice.between(0.030, 0.060);
            clutter::branch(&mut canvas, &scene, feet, thick, dice);
            anatomy.paint(&mut canvas, placement, &plumage);
        }
        Stance::Standing => {
            if scene.place == Place::Water {
                anatomy.paint(&mut canvas, placement, &plumage);
                let wade = dice.between(0.02, 0.06);
                clutter::flood(&mut canvas, &scene, (feet[1] - wade).min(0.97), dice);
            } else {
                let line = feet[1] - dice.between(0.02, 0.10);
                clutter::ground(&mut canvas, &scene, line, dice);
                clutter::shadow(
                    &mut canvas,
                    [feet[0], feet[1] + 0.01],
                    placement.scale * unit * 0.42,
                );
                anatomy.paint(&mut canvas, placement, &plumage);
            }
        }
        Stance::Swimming => {
            anatomy.paint(&mut canvas, placement, &plumage);
            let afloat = share([0.0, species.form.depth * dice.between(0.20, 0.30)]);
            clutter::flood(&mut canvas, &scene, afloat[1], dice);
        }
        Stance::Flying => anatomy.paint(&mut canvas, placement, &plumage),
    }
    let middle = (top + bottom) * 0.5;
    foreground(&mut canvas, &scene, &pose, middle, dice);
    scene.flakes(&mut canvas);
    expose(canvas, &scene, dice)
}

/// A placement that fits most of the bird in the picture, and its upper and lower end as shares.
fn place(anatomy: &Anatomy, pose: &Pose, size: u32, dice: &mut Dice) -> (Placement, f32, f32) {
    let unscaled = Placement::new(1.0, pose.roll, pose.looks_left);
    let mut low = [f32::MAX; 2];
    let mut high = [f32::MIN; 2];
    for point in anatomy.extent() {
        let point = unscaled.to_pixels(point);
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let extent = [high[0] - low[0], high[1] - low[1]];
    let fill = dice.between(0.72, 0.98);
    // Long tails and bills may be cut off a little rather than make the whole bird small.
    let longest = extent[0].max(extent[1]).min(2.3);
    let scale = size as f32 * fill / longest;
    let mut shift = [0.0; 2];
    for axis in 0..2 {
        let slack = size as f32 - extent[axis] * scale;
        let at = match (slack > 0.0, pose.looks_left) {
            (true, _) => 0.5 + 0.42 * dice.deviation(),
            // What is cut off is the tail, not the head.
            (false, true) => dice.between(0.0, 0.3),
            (false, false) => dice.between(0.7, 1.0),
        };
        shift[axis] = slack * at - low[axis] * scale;
    }
    let placement = Placement::new(scale, pose.roll, pose.looks_left).shifted(shift);
    let share = |y: f32| (y * scale + shift[1]) / size as f32;
    (placement, share(low[1]), share(high[1]))
}

/// The species as this one bird wears it: fresh or worn, a little off the book's colours.
fn weather(species: &Species, dice: &mut Dice) -> Species {
    let mut worn = species.clone();
    let mut tint = || 1.0 + 0.07 * dice.deviation();
    let tint = [tint(), tint(), tint()];
    worn.colors.each(|color| {
        for channel in 0..3 {
            color[channel] *= tint[channel];
        }
    });
    worn.marks.body_density *= 1.0 + 0.12 * dice.deviation();
    worn.marks.belly_line[0] += 0.12 * dice.deviation();
    worn
}

/// What is in front of the bird, at times.
fn foreground(canvas: &mut Canvas, scene: &Scene, pose: &Pose, middle: f32, dice: &mut Dice) {
    if pose.stance == Stance::Flying || !dice.chance(0.42) {
        return;
    }
    let low = (middle + 0.05).clamp(0.4, 0.85);
    if scene.place == Place::Reeds || pose.stance != Stance::Perched {
        for _ in 0..2 + dice.below(5) {
            let height = dice.between(low - 0.15, 1.0);
            clutter::blade(canvas, scene, dice.unit(), height, dice);
        }
    } else {
        for _ in 0..1 + dice.below(4) {
            let from = [dice.unit(), dice.unit()];
            clutter::leaf(canvas, scene, from, dice.between(0.10, 0.20), dice);
        }
    }
}

/// Light, lens and sensor.
fn expose(canvas: Canvas, scene: &Scene, dice: &mut Dice) -> Bird {
    let size = canvas.size();
    let exposure = dice.between(0.80, 1.16);
    let contrast = dice.between(0.84, 1.14);
    let mut cast = || 1.0 + 0.06 * dice.deviation();
    let cast = [cast(), cast(), cast()];
    let gain: Color = [0, 1, 2].map(|channel| exposure * cast[channel]);
    let slant = [0.16 * dice.deviation(), 0.16 * dice.deviation()];
    let noise = dice.between(0.008, 0.05);
    let key = dice.bits();
    let soft = dice.chance(0.22);
    let unit = 1.0 / size as f32;
    let mut colors = canvas.colors;
    if soft {
        soften(&mut colors, size as usize);
    }
    let lit: Color = [0, 1, 2].map(|channel| gain[channel] * scene.light[channel]);
    let mut pixels = Vec::with_capacity(colors.len() * 3);
    let rows = colors.chunks_exact(size as usize).zip(canvas.labels.chunks_exact(size as usize));
    for (row, (colors, labels)) in (0..).zip(rows) {
        let y = row as f32 * unit - 0.5;
        for (column, (color, &label)) in (0..).zip(colors.iter().zip(labels)) {
            let x = column as f32 * unit - 0.5;
            let light = 1.0 + slant[0] * x + slant[1] * y - 0.16 * (x * x + y * y);
            let gain = if label == 0 { gain } else { lit };
            // Ten bits of grain for each channel.
            let bits = lattice_bits(column, row, key);
            for channel in 0..3 {
                let grain = (bits >> (10 * channel) & 1023) as i32 as f32 * (1.0 / 1023.0) - 0.5;
                let seen = (color[channel] - 0.5) * contrast + 0.5;
                let value = seen * gain[channel] * light + grain * noise * 2.0;
                pixels.push((value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
            }
        }
    }
    Bird { picture: Picture::new(size, size, pixels), parts: Mask::new(size, size, canvas.labels) }
}

/// A small blur, as of a lens not quite in focus: each pixel takes a quarter of each neighbour
/// along the rows, then along the columns.
fn soften(colors: &mut [Color], size: usize) {
    let blend = |before: Color, here: Color, after: Color| {
        [0, 1, 2].map(|channel| here[channel] * 0.5 + (before[channel] + after[channel]) * 0.25)
    };
    for row in colors.chunks_exact_mut(size) {
        let mut before = row[0];
        for column in 0..size {
            let here = row[column];
            row[column] = blend(before, here, row[(column + 1).min(size - 1)]);
            before = here;
        }
    }
    let mut above = colors[..size].to_vec();
    for row in 0..size {
        for column in 0..size {
            let cell = row * size + column;
            let here = colors[cell];
            let below = colors[(row + 1).min(size - 1) * size + column];
            colors[cell] = blend(above[column], here, below);
            above[column] = here;
        }
    }
}
