use super::layout::{HIGHEST, WIDEST};
use super::*;

const GREEN: [u8; 3] = [10, 200, 30];
const BLUE: [u8; 3] = [20, 30, 220];

fn tile(width: u32, height: u32, color: [u8; 3]) -> Tile {
    Tile { title: "epoch 1".into(), width, height, rgb: color.repeat((width * height) as usize) }
}

fn row(tiles: Vec<Tile>) -> SheetRow {
    SheetRow { label: Some("a.png".into()), tiles }
}

fn sheet(rows: Vec<SheetRow>) -> Sheet {
    Sheet { title: "Masks".into(), rows, legend: Vec::new(), note: None }
}

fn drawn(sheet: &Sheet) -> image::RgbImage {
    image::load_from_memory(&png(sheet).unwrap()).unwrap().into_rgb8()
}

/// The rectangle that holds every pixel of a colour: left, top, width, height.
fn bounds(picture: &image::RgbImage, color: [u8; 3]) -> Option<[u32; 4]> {
    let found = || picture.enumerate_pixels().filter(move |(.., pixel)| pixel.0 == color);
    let (left, right) = (found().map(|at| at.0).min()?, found().map(|at| at.0).max()?);
    let (top, bottom) = (found().map(|at| at.1).min()?, found().map(|at| at.1).max()?);
    Some([left, top, right - left + 1, bottom - top + 1])
}

#[test]
fn tiles_of_a_row_stand_side_by_side_in_one_height() {
    let picture = drawn(&sheet(vec![row(vec![tile(300, 200, GREEN), tile(60, 100, BLUE)])]));
    let green = bounds(&picture, GREEN).unwrap();
    let blue = bounds(&picture, BLUE).unwrap();
    assert_eq!([green[2], green[3]], [300, 200]);
    assert_eq!([blue[2], blue[3]], [120, 200]);
    assert_eq!(green[1], blue[1]);
    assert!(blue[0] > green[0] + green[2], "{green:?} and {blue:?} overlap");
    assert_eq!(picture.get_pixel(0, 0).0, [255; 3]);
}

#[test]
fn columns_line_up_over_rows_and_narrow_tiles_stand_in_their_middle() {
    let rows = vec![
        row(vec![tile(200, 200, GREEN), tile(200, 200, [1, 2, 3])]),
        row(vec![tile(100, 200, BLUE), tile(200, 200, [3, 2, 1])]),
    ];
    let picture = drawn(&sheet(rows));
    let [wide, narrow] = [GREEN, BLUE].map(|color| bounds(&picture, color).unwrap());
    assert_eq!(narrow[0], wide[0] + 50);
    assert!(narrow[1] >= wide[1] + wide[3]);
    let [above, below] = [[1, 2, 3], [3, 2, 1]].map(|color| bounds(&picture, color).unwrap());
    assert_eq!(above[0], below[0]);
}

#[test]
fn small_pictures_grow_in_whole_steps_with_sharp_edges() {
    let mut checkered = tile(32, 32, GREEN);
    for (place, pixel) in checkered.rgb.chunks_exact_mut(3).enumerate() {
        if (place / 32 + place % 32) % 2 == 1 {
            pixel.copy_from_slice(&BLUE);
        }
    }
    let picture = drawn(&sheet(vec![row(vec![checkered])]));
    let [left, top, width, height] = bounds(&picture, GREEN).unwrap();
    assert_eq!([width, height], [256, 256]);
    for (x, y) in (0..256).flat_map(|y| (0..256).map(move |x| (x, y))) {
        let expected = if (x / 8 + y / 8) % 2 == 0 { GREEN } else { BLUE };
        assert_eq!(picture.get_pixel(left + x, top + y).0, expected, "at {x}, {y}");
    }
}

#[test]
fn many_or_large_pictures_shrink_until_the_sheet_fits() {
    let wide = sheet(vec![row((0..9).map(|_| tile(1000, 800, GREEN)).collect())]);
    let picture = drawn(&wide);
    assert!((2000..=WIDEST as u32).contains(&picture.width()), "{}", picture.width());
    let long = sheet((0..100).map(|_| row(vec![tile(256, 256, GREEN)])).collect());
    let picture = drawn(&long);
    assert!((5000..=HIGHEST as u32).contains(&picture.height()), "{}", picture.height());
}

#[test]
fn each_legend_entry_has_its_colour_below_the_pictures() {
    for count in [1usize, 11, 60] {
        let color = |entry: usize| [entry as u8 * 3, 255 - entry as u8 * 2, 77];
        let mut sheet = sheet(vec![row(vec![tile(128, 64, GREEN)])]);
        let name = |entry: usize| format!("{} {entry}", "name ".repeat(entry % 12));
        sheet.legend = (0..count)
            .map(|entry| LegendEntry { name: name(entry), color: color(entry) })
            .collect();
        let picture = drawn(&sheet);
        let [_, top, _, height] = bounds(&picture, GREEN).unwrap();
        for entry in 0..count {
            let [x, y, width, tall] = bounds(&picture, color(entry)).unwrap();
            assert_eq!(width, tall, "entry {entry} of {count}");
            assert!(width >= 12 && y >= top + height && x + width < picture.width());
        }
    }
}

#[test]
fn words_are_drawn_in_room_of_their_own_and_long_ones_are_cut() {
    let mut long = tile(64, 64, GREEN);
    long.title = "a title that is far longer than its picture is wide".repeat(3);
    let mut sheet = sheet(vec![row(vec![long, tile(64, 64, BLUE)])]);
    sheet.title = "Ω ".repeat(4000);
    sheet.note = Some("words ".repeat(4000));
    let picture = drawn(&sheet);
    let [left, top, width, _] = bounds(&picture, GREEN).unwrap();
    let title_is_dark = |x: u32| (top - 18..top - 2).any(|y| picture.get_pixel(x, y).0[0] < 128);
    assert!((left..left + width).any(title_is_dark));
    let next = bounds(&picture, BLUE).unwrap()[0];
    assert!(!(left + width..next).any(title_is_dark), "the title runs into the next one");
    assert!((0..picture.height()).all(|y| picture.get_pixel(picture.width() - 2, y).0 == [255; 3]));
}

#[test]
fn tiles_whose_bytes_are_not_those_of_their_size_are_refused() {
    for (width, height, bytes) in [(4, 4, 47), (4, 4, 64), (0, 4, 0), (u32::MAX, u32::MAX, 3)] {
        let bad = Tile { title: "bad".into(), width, height, rgb: vec![0; bytes] };
        let error = png(&sheet(vec![row(vec![tile(4, 4, GREEN), bad])])).unwrap_err();
        assert!(
            matches!(error, SheetError::Length { row: 0, tile: 1, found, .. } if found == bytes)
        );
        assert!(error.to_string().contains("bad"), "{error}");
    }
}

#[test]
fn sheets_without_pictures_or_with_too_many_are_refused() {
    assert!(matches!(png(&sheet(vec![row(vec![])])), Err(SheetError::Empty { .. })));
    let tiny = || tile(1, 1, GREEN);
    let too_wide = sheet(vec![row((0..200).map(|_| tiny()).collect())]);
    let too_long = sheet((0..400).map(|_| row(vec![tiny()])).collect());
    let mut too_many = sheet(vec![row(vec![tiny()])]);
    let entry = LegendEntry { name: "class".into(), color: BLUE };
    too_many.legend = vec![entry; 9000];
    for sheet in [too_wide, too_long, too_many] {
        let error = png(&sheet).unwrap_err();
        assert!(matches!(error, SheetError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn extreme_forms_and_odd_sizes_are_drawn() {
    for (width, height) in [(1, 1), (1, 3000), (3000, 1), (7, 5), (641, 479), (33, 97)] {
        let picture =
            drawn(&sheet(vec![row(vec![tile(width, height, GREEN), tile(50, 50, BLUE)])]));
        assert!(bounds(&picture, GREEN).is_some(), "{width} x {height}");
        assert!(picture.width() <= WIDEST as u32 && picture.height() <= HIGHEST as u32);
    }
}
