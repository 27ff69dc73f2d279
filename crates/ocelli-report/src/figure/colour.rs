//! Colours that those who see few colours can tell apart, in a light and a dark scheme.

use super::Shape;

/// The background that a figure is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    Light,
    /// Light ink on near-black.
    Dark,
}

/// What a mark's colour means; the theme says which colour that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ink {
    Background,
    Text,
    Muted,
    Grid,
    /// Text on a cell of the darker half of the heat scale.
    OnHeat,
    /// One of a few lines or classes.
    Series(usize),
    /// One of very many classes: the hue in turns, and one of three lightnesses.
    Hue(f32, u8),
    /// From nothing to everything, 0 to 1.
    Heat(f32),
    /// A colour of the data's own, 8-bit sRGB.
    Exactly([u8; 3]),
}

/// Okabe and Ito (2008), the order changed so that neighbours differ most; black is gray, and the
/// colours too near to the background are moved away from it. Contrast with the background is at
/// least 3 to 1.
const SERIES: [(&str, &str); 8] = [
    ("#0072b2", "#4ba3e3"),
    ("#d55e00", "#f07f2e"),
    ("#00855f", "#2bb88c"),
    ("#b0568a", "#dd8fb9"),
    ("#a87400", "#e69f00"),
    ("#2b8cc4", "#7cc7f2"),
    ("#6b6b6b", "#b5b5b5"),
    ("#8a7d00", "#f0e442"),
];

/// Classes that palette and shapes give a look of their own.
const DISTINCT: usize = SERIES.len() * Shape::ALL.len();

/// The colour and shape of a class.
pub(crate) fn class_style(class: usize, classes: usize) -> (Ink, Shape) {
    if classes <= DISTINCT {
        let shape = Shape::ALL[class / SERIES.len() % Shape::ALL.len()];
        return (Ink::Series(class % SERIES.len()), shape);
    }
    let turn = class as f32 / classes.max(1) as f32;
    (Ink::Hue(turn, (class % 3) as u8), Shape::ALL[class % Shape::ALL.len()])
}

impl Ink {
    pub(crate) fn colour(self, theme: Theme) -> String {
        let dark = theme == Theme::Dark;
        let pick = |light: &str, night: &str| if dark { night } else { light }.to_owned();
        match self {
            Self::Background => pick("#ffffff", "#14171b"),
            Self::Text => pick("#1b1f24", "#e8eaed"),
            Self::Muted => pick("#5c6570", "#9aa4af"),
            Self::Grid => pick("#e3e6ea", "#2b3138"),
            Self::OnHeat => pick("#ffffff", "#0c0e10"),
            Self::Series(index) => {
                let (light, night) = SERIES[index % SERIES.len()];
                pick(light, night)
            }
            Self::Hue(turn, level) => {
                let lightness = if dark { 0.78 } else { 0.52 } + (f32::from(level) - 1.0) * 0.08;
                oklch(lightness, 0.13, turn)
            }
            Self::Heat(share) => {
                let share = share.clamp(0.0, 1.0).sqrt();
                let (from, to) = if dark {
                    ([0x1c, 0x21, 0x27], [0x8f, 0xd0, 0xff])
                } else {
                    ([0xee, 0xf4, 0xf9], [0x00, 0x4a, 0x80])
                };
                let mixed = [0, 1, 2].map(|channel| {
                    let (low, high) = (from[channel] as f32, to[channel] as f32);
                    (low + (high - low) * share).round() as u8
                });
                hexadecimal(mixed)
            }
            Self::Exactly(color) => hexadecimal(color),
        }
    }

    /// The colour in a page that defines [`css_variables`].
    pub(crate) fn css(self) -> String {
        match self {
            Self::Background => "var(--background)".into(),
            Self::Text => "var(--text)".into(),
            Self::Muted => "var(--muted)".into(),
            Self::Grid => "var(--grid)".into(),
            Self::OnHeat => "var(--on-heat)".into(),
            Self::Series(index) => format!("var(--series-{})", index % SERIES.len()),
            // Of medium lightness: seen on both backgrounds.
            Self::Hue(turn, level) => oklch(0.62 + (f32::from(level) - 1.0) * 0.06, 0.13, turn),
            Self::Exactly(color) => hexadecimal(color),
            Self::Heat(share) => {
                let percent = share.clamp(0.0, 1.0).sqrt() * 100.0;
                format!("color-mix(in srgb, var(--heat-1) {percent:.1}%, var(--heat-0))")
            }
        }
    }
}

/// The colours of a theme as declarations of custom properties.
pub(crate) fn css_variables(theme: Theme) -> String {
    let mut inks = vec![
        ("background".to_owned(), Ink::Background),
        ("text".into(), Ink::Text),
        ("muted".into(), Ink::Muted),
        ("grid".into(), Ink::Grid),
        ("on-heat".into(), Ink::OnHeat),
        ("heat-0".into(), Ink::Heat(0.0)),
        ("heat-1".into(), Ink::Heat(1.0)),
    ];
    inks.extend((0..SERIES.len()).map(|index| (format!("series-{index}"), Ink::Series(index))));
    inks.into_iter().map(|(name, ink)| format!("--{name}:{};", ink.colour(theme))).collect()
}

/// Ottosson's Oklab (2020) in polar form: hues of the same lightness look equally light.
fn oklch(lightness: f32, chroma: f32, turn: f32) -> String {
    let (sin, cos) = (turn * std::f32::consts::TAU).sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    let linear = [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_93 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ];
    hexadecimal(linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let encoded = if value <= 0.003_130_8 {
            12.92 * value
        } else {
            1.055 * value.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    }))
}

fn hexadecimal([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
