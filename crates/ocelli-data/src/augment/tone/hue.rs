//! Turns of the colour circle, by Pillow's 8-bit hue, saturation and value.

use crate::picture::Picture;

/// Turns the hue by a part of the circle, from -0.5 to 0.5.
pub(super) fn turn(picture: &mut Picture, turn: f64) {
    // torchvision cuts the shift off towards zero, then lets it wrap round.
    let shift = ((turn * 255.0) as i32) as u8;
    let (colors, _) = picture.pixels_mut().as_chunks_mut::<3>();
    for color in colors {
        let [hue, saturation, value] = hsv_from_rgb(*color);
        *color = rgb_from_hsv([hue.wrapping_add(shift), saturation, value]);
    }
}

/// Each step has the precision that Pillow's C code gives it: single, but for sums with literals.
pub(super) fn hsv_from_rgb([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let most = red.max(green).max(blue);
    let least = red.min(green).min(blue);
    if most == least {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let below = |channel: u8| f32::from(most - channel) / range;
    let (below_red, below_green, below_blue) = (below(red), below(green), below(blue));
    let sixths = if red == most {
        below_blue - below_green
    } else if green == most {
        (2.0 + f64::from(below_red) - f64::from(below_blue)) as f32
    } else {
        (4.0 + f64::from(below_green) - f64::from(below_red)) as f32
    };
    let hue = ((f64::from(sixths) / 6.0 + 1.0) % 1.0) as f32;
    let saturation = range / f32::from(most);
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most]
}

pub(super) fn rgb_from_hsv([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let sector = sixths.floor();
    let within = f64::from((sixths - sector) as f32);
    let saturation = f64::from((f64::from(saturation) / 255.0) as f32);
    let part = |share: f64| (f64::from(value) * (1.0 - saturation * share)).round() as u8;
    let (low, falling, rising) = (part(1.0), part(within), part(1.0 - within));
    match sector as u8 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}
