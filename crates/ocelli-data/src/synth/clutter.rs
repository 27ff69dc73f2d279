//! What stands around a bird and in front of it: branches, leaves, stems, ground, water.

use super::canvas::Canvas;
use super::dice::Dice;
use super::outline::{Frame, Outline, Placement, Point, along, heading};
use super::palette::{Color, hex, mix, scale};
use super::scene::{Place, Scene};
use super::texture::{ease, edge, noise};

/// Not a part of the bird.
const BACKGROUND: u8 = 0;

/// A branch below the feet, with a twig or two. Positions are shares of the picture.
pub(super) fn branch(canvas: &mut Canvas, scene: &Scene, feet: Point, thick: f32, dice: &mut Dice) {
    let pixels = Placement::new(canvas.size() as f32, 0.0, false);
    let bark = hex(dice.pick(&[0x5a4636, 0x6e5a48, 0x7d7266, 0x4a3a30]));
    let slope = dice.between(-0.16, 0.16);
    let bow = dice.between(-0.05, 0.05);
    let key = dice.bits();
    let at = |x: f32| {
        let far = x - feet[0];
        feet[1] + thick * 0.38 + slope * far + bow * far * far * 4.0
    };
    let line: Vec<Point> =
        (0..=8).map(|step| step as f32 / 8.0 * 1.2 - 0.1).map(|x| [x, at(x)]).collect();
    let leaves = scene.place != Place::Snow && scene.place != Place::Dusk;
    for _ in 0..1 + dice.below(3) {
        let x = dice.between(0.0, 1.0);
        let root = [x, at(x)];
        let up = if dice.chance(0.6) { 1.0 } else { -1.0 };
        let way = heading(up * dice.between(0.4, 1.2) + if dice.chance(0.5) { 1.2 } else { 0.0 });
        let length = dice.between(0.10, 0.28);
        let end = along(root, way, length);
        let twig = Outline::ribbon(&[root, end], thick * 0.35, thick * 0.14);
        canvas.paint(twig, pixels, BACKGROUND, |_| scale(bark, 0.85));
        if leaves {
            for step in 0..3 {
                let from = along(root, way, length * (0.45 + 0.27 * step as f32));
                leaf(canvas, scene, from, dice.between(0.06, 0.12), dice);
            }
        }
    }
    let snowy = scene.place == Place::Snow;
    canvas.paint(
        Outline::ribbon(&line, thick * 1.15, thick * 0.75),
        pixels,
        BACKGROUND,
        |[x, y]| {
            let across = (y - at(x)) / thick;
            let grain = noise([x * 40.0, across * 3.0], key);
            let color = scale(bark, 1.05 - across * 0.75 + (grain - 0.5) * 0.4);
            let cover = if snowy { edge(-0.10 - across, 0.1) } else { 0.0 };
            mix(color, [0.96, 0.97, 0.99], cover)
        },
    );
}

/// One leaf (or petal, among blossoms) that grows from a point.
pub(super) fn leaf(canvas: &mut Canvas, scene: &Scene, from: Point, length: f32, dice: &mut Dice) {
    let pixels = Placement::new(canvas.size() as f32, 0.0, false);
    let color: Color = match scene.place {
        Place::Blossom => hex(dice.pick(&[0xf6b4c6, 0xfbdde4, 0xe88aa8, 0x8fb36a])),
        Place::Reeds => hex(dice.pick(&[0xa8a05a, 0x7f8a4a, 0xc9b070])),
        Place::Dusk => hex(dice.pick(&[0x3a3340, 0x4f3f44])),
        _ => hex(dice.pick(&[0x4f8a3c, 0x76a84a, 0x3a6e3a, 0xb3a53e, 0x8fb85a])),
    };
    let way = heading(dice.between(0.0, std::f32::consts::TAU));
    let frame = Frame::new(from, way, [length, length * dice.between(0.32, 0.5)], false);
    let shape = [
        [0.0, 0.0],
        [0.25, -0.62],
        [0.65, -0.5],
        [1.02, 0.0],
        [1.02, 0.0],
        [0.65, 0.5],
        [0.25, 0.62],
    ];
    let shine = dice.between(0.85, 1.15);
    canvas.paint(Outline::smooth(&frame.all_out(&shape)), pixels, BACKGROUND, |point| {
        let [u, v] = frame.into_frame(point);
        let half = if v < 0.0 { 1.1 } else { 0.88 };
        scale(color, shine * half * (0.9 + 0.2 * u))
    });
}

/// A blade of grass or a reed, from the lower edge to `height`.
pub(super) fn blade(canvas: &mut Canvas, scene: &Scene, x: f32, height: f32, dice: &mut Dice) {
    let pixels = Placement::new(canvas.size() as f32, 0.0, false);
    let color = match scene.place {
        Place::Snow => hex(dice.pick(&[0x9a8f78, 0xb5a98c])),
        Place::Dusk => hex(dice.pick(&[0x2e2836, 0x3d3140])),
        _ => hex(dice.pick(&[0x6f8a3f, 0x93a355, 0xb79f5a, 0x4f6f3a])),
    };
    let lean = dice.between(-0.12, 0.12);
    let points: Vec<Point> = (0..=5)
        .map(|step| step as f32 / 5.0)
        .map(|share| [x + lean * share * share, 1.02 - (1.02 - height) * share])
        .collect();
    let width = dice.between(0.012, 0.026);
    canvas.paint(Outline::ribbon(&points, width, width * 0.25), pixels, BACKGROUND, |[_, y]| {
        scale(color, 0.8 + 0.35 * (1.0 - y))
    });
    if scene.place == Place::Reeds && dice.chance(0.4) {
        let top = points[points.len() - 1];
        let frame = Frame::new(top, heading(1.57), [0.055, 0.016], false);
        canvas.paint(Outline::ellipse(&frame), pixels, BACKGROUND, |_| hex(0x5e4028));
    }
}

/// Ground from `line` down, for a bird to stand on.
pub(super) fn ground(canvas: &mut Canvas, scene: &Scene, line: f32, dice: &mut Dice) {
    let pixels = Placement::new(canvas.size() as f32, 0.0, false);
    let color = scene.ground();
    let key = dice.bits();
    let tilt = dice.between(-0.03, 0.03);
    let shape = [
        [-0.05, line - tilt],
        [0.5, line - 0.012],
        [1.05, line + tilt],
        [1.05, 1.05],
        [-0.05, 1.05],
    ];
    canvas.paint(Outline::polygon(&shape), pixels, BACKGROUND, |[x, y]| {
        let grain = noise([x * 9.0, y * 24.0], key) - 0.5;
        let fine = noise([x * 40.0, y * 60.0], key) - 0.5;
        scale(color, 1.06 - (y - line) * 0.5 + grain * 0.16 + fine * 0.14)
    });
}

/// The shadow under a standing bird.
pub(super) fn shadow(canvas: &mut Canvas, at: Point, width: f32) {
    let pixels = Placement::new(canvas.size() as f32, 0.0, false);
    let frame = Frame::new(at, heading(0.0), [width, width * 0.16], false);
    canvas.paint_soft(Outline::ellipse(&frame), pixels, None, |point| {
        let [u, v] = frame.into_frame(point);
        ([0.10, 0.10, 0.14], 0.42 * (1.0 - ease(0.1, 1.0, u * u + v * v)))
    });
}

/// Water from `line` down, over what is there already, with a wavering reflection of it.
pub(super) fn flood(canvas: &mut Canvas, scene: &Scene, line: f32, dice: &mut Dice) {
    let size = canvas.size() as usize;
    let [far, middle, near] = scene.water();
    let key = dice.bits();
    let unit = 1.0 / size as f32;
    let surface = ((line * size as f32) as usize).clamp(1, size - 1);
    let above: Vec<(Color, u8)> =
        (0..surface * size).map(|cell| (canvas.colors[cell], canvas.labels[cell])).collect();
    for row in surface..size {
        let below = (row - surface) as f32 * unit;
        for column in 0..size {
            let x = column as f32 * unit;
            let wave = noise([x * 5.0, below * (46.0 - 30.0 * below)], key);
            let water = mix(middle, near, (below * 1.6).min(1.0));
            let mut color =
                scale(mix(water, far, ease(0.62, 0.85, wave) * 0.35), 0.92 + 0.14 * wave);
            let up = (below * 1.25 * size as f32) as usize;
            let sway = (wave - 0.5) * (0.02 + below * 0.22) * size as f32;
            let source = (column as f32 + sway).clamp(0.0, (size - 1) as f32) as usize;
            if let Some(source_row) = surface.checked_sub(up + 1) {
                let (seen, label) = above[source_row * size + source];
                if label != BACKGROUND {
                    color = mix(color, seen, 0.42 * (1.0 - ease(0.1, 0.42, below)));
                }
            }
            let cell = row * size + column;
            // The first row is the rim of light where water meets feathers.
            let rim = if row == surface { 0.35 } else { 0.0 };
            canvas.colors[cell] = mix(color, far, rim);
            canvas.labels[cell] = BACKGROUND;
        }
    }
}
