use super::*;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class <{class}> & “quoted” 🐦")).collect()
}

fn spiral(count: usize) -> (Vec<[f32; 2]>, Vec<Option<usize>>) {
    let points = (0..count).map(|place| {
        let turn = place as f32 * 0.3;
        [turn * turn.cos(), turn * turn.sin()]
    });
    (points.collect(), (0..count).map(|place| Some(place % 7)).collect())
}

/// SVG that a strict reader takes, and PNG of the size that was asked for.
fn holds(figure: &Figure) {
    for theme in [Theme::Light, Theme::Dark] {
        let svg = figure.svg(theme);
        assert!(!svg.contains("<text") && !svg.contains("font"), "letters must be outlines");
        let png = figure.png(theme, 0.5).unwrap();
        let picture = image::load_from_memory(&png).unwrap();
        assert_eq!(picture.width(), (figure.width.ceil() * 0.5) as u32);
    }
    assert!(!figure.description().is_empty());
}

#[test]
fn a_scatter_has_a_key_at_few_at_fifty_and_at_four_hundred_classes() {
    let (points, labels) = spiral(300);
    for classes in [0, 1, 7, 50, 400] {
        let names = names(classes);
        let panel = |title: &str, measured| Panel {
            title: title.into(),
            note: "trustworthiness 0.97".into(),
            axes: ["x".into(), "y".into()],
            measured,
            points: &points,
            labels: &labels,
        };
        let figure =
            scatter("Features", &[vec![panel("PCA", true), panel("t-SNE", false)]], &names);
        holds(&figure);
        assert!(figure.height < 2200.0, "{} at {classes} classes", figure.height);
    }
}

#[test]
fn classes_up_to_forty_eight_differ_in_colour_or_shape() {
    let mut seen: Vec<String> =
        (0..48).map(|class| format!("{:?}", class_style(class, 48))).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 48);
}

fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn inks_stand_out_from_the_background_as_much_as_wcag_asks_for() {
    for theme in [Theme::Light, Theme::Dark] {
        let background = luminance(&Ink::Background.colour(theme));
        let contrast = |ink: Ink| {
            let other = luminance(&ink.colour(theme));
            (background.max(other) + 0.05) / (background.min(other) + 0.05)
        };
        for ink in [Ink::Text, Ink::Muted] {
            assert!(contrast(ink) >= 4.5, "{ink:?} {theme:?}: {}", contrast(ink));
        }
        let hues = (0..400).map(|class| class_style(class, 400).0);
        for ink in (0..8).map(Ink::Series).chain(hues) {
            assert!(contrast(ink) >= 3.0, "{ink:?} {theme:?}: {}", contrast(ink));
        }
    }
}

#[test]
fn curves_leave_gaps_where_values_are_missing_and_stand_without_any() {
    let curve =
        |points: Vec<(f64, f64)>| Curve { name: "val".into(), points, colour: 0, dashed: false };
    let chart = |unit, points| Chart { title: "Loss".into(), unit, curves: vec![curve(points)] };
    let figure = curves(
        "Training",
        &[
            chart(Unit::Number, vec![(1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 0.5)]),
            chart(Unit::Share, vec![(1.0, 0.5)]),
            chart(Unit::Logarithmic, vec![(1.0, 1e-6), (2.0, 0.0), (3.0, f64::INFINITY)]),
            chart(Unit::Logarithmic, (0..9000).map(|epoch| (f64::from(epoch), 1.1)).collect()),
            chart(Unit::Number, Vec::new()),
        ],
    );
    holds(&figure);
    holds(&curves("Nothing", &[]));
    assert!(!figure.svg(Theme::Light).contains("NaN"));
}

#[test]
fn the_confusion_matrix_brings_classes_together_that_are_taken_for_each_other() {
    let cells =
        [[0, 0, 5], [0, 3, 5], [3, 0, 4], [3, 3, 6], [1, 1, 9], [2, 2, 9], [1, 2, 1], [9, 9, 9]];
    let matrix = Confusion::new(4, &cells);
    assert_eq!(matrix.clustered(), [0, 3, 1, 2]);
    assert_eq!(matrix.most_frequent(1), [(0, 3, 5)]);
    let figure = confusion("Confusion", &matrix, &names(4));
    holds(&figure);
    assert!(figure.svg(Theme::Light).contains("class &lt;0&gt; &amp; “quoted” 🐦 taken for"));
    holds(&confusion("Empty", &Confusion::new(0, &[]), &[]));
}

#[test]
fn the_confusion_matrix_is_readable_at_four_hundred_classes_and_bounded_beyond() {
    for classes in [400u64, 3000] {
        let cells: Vec<[u64; 3]> = (0..classes)
            .flat_map(|class| {
                [[class, class, 7], [class, (class * 7 + 1) % classes, 1 + class % 3]]
            })
            .collect();
        let matrix = Confusion::new(classes as usize, &cells);
        let figure = confusion("Confusion", &matrix, &names(classes as usize));
        assert!(figure.width < 5000.0 && figure.height < 5000.0);
        holds(&figure);
    }
}

#[test]
fn bars_and_mistakes_are_drawn_with_and_without_values() {
    let bar = |value| Bar { name: "a <b>".into(), value, note: "20 pictures".into() };
    holds(&bars("F1", "F1", &[bar(Some(0.5)), bar(None), bar(Some(f64::NAN)), bar(Some(2.0))]));
    holds(&bars("F1", "F1", &vec![bar(Some(0.25)); 400]));
    let mut png = Vec::new();
    image::RgbImage::from_pixel(8, 4, image::Rgb([200, 30, 30]))
        .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
        .unwrap();
    let mistake = |image| Mistake {
        picture: "p".into(),
        truth: "<i>".into(),
        answer: "very long class name that will not fit below".into(),
        confidence: Some(0.93),
        image,
    };
    let figure =
        mistakes("Mistakes", &[mistake(Some(png)), mistake(None), mistake(Some(vec![1, 2]))]);
    holds(&figure);
    holds(&mistakes("Mistakes", &[]));
}

#[test]
fn a_scale_beyond_memory_is_refused() {
    let figure = curves("Nothing", &[]);
    for scale in [0.0, -1.0, f32::NAN, 1e6] {
        assert!(matches!(figure.png(Theme::Light, scale), Err(FigureError::Draw { .. })));
    }
}
