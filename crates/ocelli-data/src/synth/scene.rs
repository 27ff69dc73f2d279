//! Surroundings: what is behind a bird, and what light falls on it.

use super::canvas::Canvas;
use super::dice::Dice;
use super::outline::{Frame, Outline, Placement, Point, heading};
use super::palette::{Color, hex, mix, scale};
use super::pose::Stance;
use super::texture::{clouds, ease, lattice, noise, stripes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Sky,
    Foliage,
    Water,
    Reeds,
    Snow,
    Dusk,
    Blossom,
}

/// One picture's surroundings.
pub(super) struct Scene {
    pub(super) place: Place,
    /// Three tones: far, middle and near, or from the top to the bottom.
    tones: [Color; 3],
    key: u32,
    /// Where far meets near, as a share of the height.
    horizon: f32,
    /// A spot of light: the sun, or the brightest part of the sky.
    glow: Point,
    /// What the light does to a bird's colours.
    pub(super) light: Color,
}

impl Scene {
    /// Surroundings that go with what the bird is doing.
    pub(super) fn choose(stance: Stance, dice: &mut Dice) -> Self {
        use Place::{Blossom, Dusk, Foliage, Reeds, Sky, Snow, Water};
        let place = match stance {
            Stance::Perched => {
                dice.pick(&[Sky, Foliage, Foliage, Foliage, Snow, Dusk, Blossom, Reeds])
            }
            Stance::Standing => dice.pick(&[Water, Water, Reeds, Reeds, Snow, Dusk, Foliage]),
            Stance::Swimming => Water,
            Stance::Flying => dice.pick(&[Sky, Sky, Sky, Dusk, Snow, Water, Foliage, Reeds]),
        };
        let choices: &[[u32; 3]] = match place {
            Sky => &[
                [0x4a8fd0, 0x8fc1e8, 0xd9ecf5],
                [0x7fa6c0, 0xb3c8d4, 0xdfe4e4],
                [0x3a74b8, 0x77aee0, 0xf3e4c8],
                [0xa9b6bf, 0xc6ced2, 0xdedfdc],
            ],
            Foliage => &[
                [0x24492c, 0x4d8040, 0x9dbb5a],
                [0x2f4f3f, 0x5f8f63, 0xb3c98a],
                [0x4b4a24, 0x8a7a35, 0xd6a94a],
                [0x17382f, 0x2f6650, 0x79ad83],
            ],
            Water => &[
                [0x9fc4d4, 0x4f8fae, 0x2c607f],
                [0xb9cdb9, 0x5f8f83, 0x35625c],
                [0xc8cdd2, 0x8595a0, 0x566672],
                [0xf0c9a0, 0xb98a86, 0x5f5674],
            ],
            Reeds => &[
                [0xcfd8c0, 0xa9a566, 0x6d7040],
                [0xe3d7b0, 0xc0a468, 0x86693c],
                [0xb4c9cf, 0x7f9a72, 0x48663f],
            ],
            Snow => &[
                [0xb9c9d8, 0xd9e2ea, 0xf4f6f8],
                [0x97a9bd, 0xc7d1dc, 0xeef1f5],
                [0xd5cfd8, 0xe6e3e8, 0xf8f6f5],
            ],
            Dusk => &[
                [0x3b3a6b, 0xb8617a, 0xf6a55c],
                [0x5b4a86, 0xe58a7a, 0xfbd08a],
                [0x28406b, 0x8f6f8f, 0xf0b070],
            ],
            Blossom => &[
                [0x8fb9d6, 0xc9dbe2, 0xf3d9de],
                [0x6f9a6a, 0xaac79a, 0xf0c6d0],
                [0xc9a8bf, 0xe6c9d6, 0xf9ebee],
            ],
        };
        let light = match place {
            Sky => [1.03, 1.02, 1.0],
            Foliage => [0.97, 1.02, 0.93],
            Water => [0.99, 1.01, 1.04],
            Reeds => [1.03, 1.01, 0.95],
            Snow => [0.98, 1.01, 1.07],
            Dusk => [1.06, 0.90, 0.82],
            Blossom => [1.04, 1.0, 1.01],
        };
        let tint = [dice.deviation(), dice.deviation(), dice.deviation()];
        let tones = dice.pick(choices).map(|code| {
            let color = hex(code);
            [0, 1, 2].map(|channel| color[channel] * (1.0 + 0.10 * tint[channel]))
        });
        Self {
            place,
            tones,
            key: dice.bits(),
            horizon: dice.between(0.35, 0.75),
            glow: [dice.unit(), dice.between(0.2, 0.7)],
            light,
        }
    }

    /// A canvas with the surroundings on it.
    pub(super) fn canvas(&self, size: u32, dice: &mut Dice) -> Canvas {
        let unit = 1.0 / size as f32;
        let mut canvas = Canvas::new(size, |[x, y]| self.color([x * unit, y * unit]));
        self.blur_spots(&mut canvas, dice);
        canvas
    }

    fn color(&self, [x, y]: Point) -> Color {
        let [top, middle, bottom] = self.tones;
        let key = self.key;
        match self.place {
            Place::Sky => {
                let sky = mix3(top, middle, bottom, y);
                let cloud = ease(0.48, 0.78, clouds([x * 2.6, y * 4.6], key));
                mix(sky, [0.98, 0.98, 0.97], cloud * 0.75)
            }
            Place::Foliage => {
                let shade = clouds([x * 3.4, y * 3.4], key);
                mix3(scale(top, 0.9), top, mix(middle, bottom, 0.2), shade * 0.9 + (1.0 - y) * 0.15)
            }
            Place::Water => {
                let far = self.horizon * 0.35;
                if y < far {
                    let shade = noise([x * 9.0, y * 30.0], key);
                    return mix(top, scale(middle, 0.85), ease(far - 0.10, far, y) * 0.8 * shade);
                }
                let depth = (y - far) / (1.0 - far);
                let wave = clouds([x * (4.0 - depth), depth * (26.0 - 14.0 * depth)], key);
                let water = mix3(mix(top, middle, 0.45), middle, bottom, depth);
                let crest = ease(0.56, 0.78, wave);
                mix(scale(water, 0.88 + 0.22 * wave), top, crest * 0.45)
            }
            Place::Reeds => {
                let lean = x + (noise([x * 2.0, y * 1.3], key) - 0.5) * 0.12;
                let stems = clouds([lean * 26.0, y * 1.4], key);
                let air = mix(top, middle, ease(0.0, 0.85, y));
                mix(air, mix(middle, bottom, stems), ease(0.40, 0.72, stems + (y - 0.5) * 0.7))
            }
            Place::Snow => {
                let ground = self.horizon + 0.12 + 0.06 * (noise([x * 2.5, 0.5], key) - 0.5);
                if y > ground {
                    let drift = clouds([x * 3.0, y * 9.0], key);
                    return mix(mix(bottom, middle, 0.6), bottom, drift + 0.15);
                }
                let trunks = stripes(
                    x * 4.0
                        + noise([x * 5.0, 1.5], key) * 1.3
                        + noise([y * 2.0, x * 2.0], key) * 0.2,
                    0.26,
                    0.35,
                );
                let mist = ease(0.0, 1.0, y / ground) * 0.5 + 0.25;
                mix(mix(top, scale(top, 0.62), trunks), middle, mist)
            }
            Place::Dusk => {
                let sky = mix3(top, middle, bottom, y / (self.horizon + 0.2));
                let cloud = ease(0.5, 0.75, clouds([x * 2.2, y * 9.0], key));
                let sky = mix(sky, mix(middle, [1.0, 0.75, 0.62], 0.5), cloud * 0.5);
                let (dx, dy) = (x - self.glow[0], y - self.glow[1]);
                let distance = (dx * dx + dy * dy).sqrt();
                let sun = 1.0 - ease(0.09, 0.11, distance);
                let halo = 1.0 - ease(0.0, 0.55, distance);
                let sky = mix(sky, [1.0, 0.90, 0.70], (sun * 0.9).max(halo * halo * 0.5));
                let far = self.horizon + 0.16 + 0.16 * (noise([x * 3.0, 9.0], key) - 0.5);
                let near = self.horizon + 0.30 + 0.14 * (noise([x * 4.0, 3.0], key) - 0.5);
                let sky = mix(sky, mix(top, middle, 0.35), ease(far - 0.01, far + 0.01, y));
                mix(sky, scale(top, 0.62), ease(near - 0.01, near + 0.01, y))
            }
            Place::Blossom => {
                let haze = clouds([x * 2.4, y * 2.4], key);
                mix3(top, middle, bottom, haze * 0.8 + y * 0.2)
            }
        }
    }

    /// Discs of light out of focus, as a long lens makes of leaves and blossoms far behind.
    fn blur_spots(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let (count, colors): (usize, &[Color]) = match self.place {
            Place::Foliage => (14, &[self.tones[1], self.tones[2], self.tones[0], hex(0xf3e9a0)]),
            Place::Blossom => (16, &[hex(0xf7b9c9), hex(0xfde3e8), hex(0xe98fac), hex(0xffffff)]),
            Place::Reeds => (4, &[self.tones[0], self.tones[1]]),
            Place::Sky | Place::Water | Place::Snow | Place::Dusk => return,
        };
        let size = canvas.size() as f32;
        let pixels = Placement::new(size, 0.0, false);
        for _ in 0..count {
            let center = [dice.unit(), dice.unit()];
            let radius = dice.between(0.03, 0.13);
            let color = dice.pick(colors);
            let opacity = dice.between(0.15, 0.5);
            let frame = Frame::new(center, heading(0.0), [radius; 2], false);
            canvas.paint_soft(Outline::ellipse(&frame), pixels, None, |point| {
                let [u, v] = frame.into_frame(point);
                let distance = u * u + v * v;
                // A lens draws the rim of such a disc a little brighter.
                (color, opacity * (0.7 + 0.3 * distance) * (1.0 - ease(0.75, 1.05, distance)))
            });
        }
    }

    /// Light flakes in front of everything, in snow.
    pub(super) fn flakes(&self, canvas: &mut Canvas) {
        if self.place != Place::Snow {
            return;
        }
        let size = canvas.size() as f32;
        let pixels = Placement::new(size, 0.0, false);
        for flake in 0..26 {
            let number = |what: i32| lattice(flake, what, self.key);
            let radius = 0.006 + 0.012 * number(2);
            let frame = Frame::new([number(0), number(1)], heading(0.0), [radius; 2], false);
            canvas.paint_soft(Outline::ellipse(&frame), pixels, None, |_| ([1.0; 3], 0.85));
        }
    }

    /// The colours of water, from far to near.
    pub(super) fn water(&self) -> [Color; 3] {
        match self.place {
            Place::Water => self.tones,
            _ => {
                let [far, middle, near] = self.tones;
                [
                    mix(far, [0.75, 0.84, 0.90], 0.4),
                    mix(middle, [0.4, 0.55, 0.62], 0.5),
                    scale(near, 0.7),
                ]
            }
        }
    }

    /// The ground for a standing bird: what it stands on.
    pub(super) fn ground(&self) -> Color {
        match self.place {
            Place::Snow => scale(self.tones[2], 0.97),
            Place::Dusk => scale(self.tones[0], 0.7),
            Place::Foliage => mix(self.tones[0], hex(0x6f5a36), 0.45),
            Place::Reeds => mix(self.tones[2], hex(0x7a6a48), 0.5),
            Place::Water | Place::Sky | Place::Blossom => mix(self.tones[2], hex(0x8a8878), 0.4),
        }
    }
}

fn mix3(first: Color, second: Color, third: Color, share: f32) -> Color {
    let share = share.clamp(0.0, 1.0) * 2.0;
    if share < 1.0 { mix(first, second, share) } else { mix(second, third, share - 1.0) }
}
