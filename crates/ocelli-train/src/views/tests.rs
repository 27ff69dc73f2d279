use super::*;
use crate::pictures;
use crate::recipe::read::RecipeText;
use crate::recipe::resolve::resolve;

const RECIPE: &str = r#"
seed = 5
[data]
train = "synth://birds?classes=3&count=40&size=24"
val = 0.25
size = 24
workers = 2
[train]
batch_size = 8
"#;

fn views(overrides: &[&str], most: usize) -> BatchViews {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let (recipe, text) = RecipeText::new("test".into(), RECIPE.into()).parse(&overrides).unwrap();
    let mut recipe = resolve(recipe, &text).unwrap();
    let pictures = pictures::open(&mut recipe).unwrap();
    first_batch(&recipe, pictures.train, most).unwrap()
}

fn titles(views: &BatchViews) -> Vec<&str> {
    views.rows.iter().map(|row| row.title.as_str()).collect()
}

#[test]
fn without_augmentation_the_network_is_given_the_very_picture() {
    let shown = views(&["data.augment=[]"], 5);
    assert_eq!(titles(&shown), ["original", "augmented"]);
    assert_eq!((shown.names.len(), shown.rows[0].pictures.len()), (5, 5));
    assert!(shown.rows[0].pictures == shown.rows[1].pictures, "normalization was not undone");
    let wide = "data.augment=[{ normalize = { mean = [0.1, 0.5, 0.9], std = [0.1, 1.0, 3.0] } }]";
    let shown = views(&[wide], 5);
    assert!(shown.rows[0].pictures == shown.rows[1].pictures, "nor of other means");
}

#[test]
fn views_are_those_of_the_first_training_batch() {
    let flip = "data.augment=[{ random_horizontal_flip = { p = 1.0 } }]";
    let shown = views(&[flip], 3);
    for (original, augmented) in shown.rows[0].pictures.iter().zip(&shown.rows[1].pictures) {
        let at = |x, y| (original.pixel(x, y), augmented.pixel(23 - x, y));
        assert!((0..24).all(|x| at(x, 7).0 == at(x, 7).1));
    }
    // How many are looked at changes none of them.
    let more = views(&["data.augment=[{ random_resized_crop = {} }]"], 8);
    let fewer = views(&["data.augment=[{ random_resized_crop = {} }]"], 2);
    assert_eq!(more.names[..2], fewer.names[..]);
    assert!(more.rows[1].pictures[..2] == fewer.rows[1].pictures[..]);
    let mixed = ["data.augment=[]", "train.cutmix_alpha=1.0"];
    let shown = views(&mixed, 8);
    assert!(shown.rows[0].pictures != shown.rows[1].pictures, "pictures were not mixed");
}

#[test]
fn other_tasks_show_what_is_asked_for() {
    let shown = views(&["task=segment", "model.name=unet"], 2);
    assert_eq!(titles(&shown), ["original", "augmented", "mask"]);
    let colours: std::collections::HashSet<[u8; 3]> =
        shown.rows[2].pictures[0].pixels().as_chunks().0.iter().copied().collect();
    assert!((2..=10).contains(&colours.len()), "{colours:?}");
    let shown = views(&["task=colorize", "model.name=unet"], 2);
    assert_eq!(titles(&shown), ["original", "given", "asked for"]);
    let gray = shown.rows[1].pictures[0].pixels().as_chunks::<3>().0;
    assert!(gray.iter().all(|[red, green, blue]| red == green && green == blue));
}
