//! Recipes made for pictures that come without one.

use std::path::Path;

use ocelli_data::synth::{Birds, BirdsConfig, write_image_folder};

use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;
use ocelli_train::recipe::suggest::{Decided, Suggestion, suggest};
use ocelli_train::recipe::{DataSection, LossSection, ModelSection, Recipe, Size, Task};

/// Birds in class folders, their masks in a tree of their own.
fn birds(folder: &Path, size: u32) -> String {
    let config = BirdsConfig::parse(&format!("synth://birds?classes=3&count=12&size={size}"));
    write_image_folder(&Birds::new(config.unwrap()), folder, 0.25, |_, _| {}).unwrap();
    folder.display().to_string()
}

/// The same birds in one folder, and their masks in another if `masks`.
fn flat(folder: &Path, size: u32, masks: bool) -> String {
    let birds = birds(&folder.join("birds"), size);
    let place = folder.join("flat");
    let parts = if masks {
        vec![("train", "images"), ("masks/train", "masks")]
    } else {
        vec![("train", "images")]
    };
    for (from, to) in parts {
        std::fs::create_dir_all(place.join(to)).unwrap();
        for class in std::fs::read_dir(Path::new(&birds).join(from)).unwrap() {
            for file in std::fs::read_dir(class.unwrap().path()).unwrap() {
                let file = file.unwrap();
                // No number at the end, which would make a class of what stands before it.
                let name = file.file_name().into_string().unwrap().replace('.', "x.");
                std::fs::copy(file.path(), place.join(to).join(name)).unwrap();
            }
        }
    }
    if masks {
        std::fs::copy(Path::new(&birds).join("parts.csv"), place.join("palette.csv")).unwrap();
    }
    place.display().to_string()
}

fn decided(location: &str) -> Decided {
    let data = DataSection { train: location.to_owned(), ..DataSection::default() };
    Decided { data, ..Decided::default() }
}

/// The suggestion as `ocelli train` takes it up: written, read and resolved.
fn resolved(suggestion: &Suggestion) -> Recipe {
    let text = RecipeText::new("made".to_owned(), suggestion.recipe.to_toml().unwrap());
    let (recipe, text) = text.parse(&[]).unwrap();
    resolve(recipe, &text).unwrap()
}

#[test]
fn masks_beside_pictures_make_a_segmentation() {
    let folder = tempfile::tempdir().unwrap();
    let suggestion = suggest(&decided(&flat(folder.path(), 128, true))).unwrap();
    let recipe = resolved(&suggestion);
    assert_eq!(recipe.task, Task::Segment);
    assert_eq!(recipe.model.name, "unet_resnet18");
    assert_eq!(recipe.data.size, Size::Square(128));
    assert_eq!((recipe.train.epochs, recipe.train.batch_size), (60, 4));
    assert_eq!(recipe.train.snapshots.len(), 3);
    let reasons = suggestion.reasons.join("\n");
    for words in ["9 classes", "size 128", "Dice", "60 epochs", "encoder_weights"] {
        assert!(reasons.contains(words), "{words:?} is missing in {reasons}");
    }
    assert_eq!(losses(&recipe), ["cross_entropy", "dice"], "eyes and beaks have few pixels");
}

/// The names of a segmentation's losses.
fn losses(recipe: &Recipe) -> Vec<&'static str> {
    let loss = LossSection::segmentation(recipe.train.loss.as_ref()).unwrap();
    loss.terms.iter().map(|term| term.name.as_str()).collect()
}

#[test]
fn small_pictures_get_a_network_of_few_halvings_and_what_is_said_holds() {
    let folder = tempfile::tempdir().unwrap();
    let location = flat(folder.path(), 40, true);
    let recipe = resolved(&suggest(&decided(&location)).unwrap());
    assert_eq!((recipe.model.name.as_str(), recipe.model.depth), ("unet", Some(3)));
    assert_eq!(recipe.data.size, Size::Square(32));
    let model = ModelSection { name: "fcn32_resnet18".to_owned(), ..ModelSection::default() };
    let mut asked = Decided { model: Some(model), has_size: true, ..decided(&location) };
    asked.data.size = Size::HeightWidth([48, 80]);
    (asked.epochs, asked.batch_size) = (Some(3), Some(2));
    let recipe = resolved(&suggest(&asked).unwrap());
    assert_eq!((recipe.model.name.as_str(), recipe.model.width), ("fcn32_resnet18", None));
    assert_eq!(recipe.data.size, Size::HeightWidth([48, 80]));
    assert_eq!((recipe.train.epochs, recipe.train.batch_size), (3, 2));
}

#[test]
fn class_folders_are_classes_unless_masks_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut decided = decided(&birds(folder.path(), 32));
    let recipe = resolved(&suggest(&decided).unwrap());
    assert_eq!((recipe.task, recipe.model.name.as_str()), (Task::Classify, "resnet18"));
    decided.task = Some(Task::Segment);
    assert_eq!(resolved(&suggest(&decided).unwrap()).task, Task::Segment);
    decided.task = None;
    decided.data.palette = Some(folder.path().join("parts.csv"));
    let suggestion = suggest(&decided).unwrap();
    assert_eq!(resolved(&suggestion).task, Task::Segment, "a palette is of masks");
    assert!(suggestion.reasons.join("\n").contains("background"), "{:?}", suggestion.reasons);
}

#[test]
fn of_pictures_alone_the_person_is_asked_what_to_learn() {
    let folder = tempfile::tempdir().unwrap();
    let mut decided = decided(&flat(folder.path(), 128, false));
    let error = suggest(&decided).unwrap_err().to_string();
    for words in ["9 pictures", "neither classes nor masks", "task=colorize", "\"byol\""] {
        assert!(error.contains(words), "{words:?} is missing in {error}");
    }
    decided.task = Some(Task::Colorize);
    let recipe = resolved(&suggest(&decided).unwrap());
    assert_eq!((recipe.task, recipe.model.name.as_str()), (Task::Colorize, "unet"));
    decided.task = Some(Task::Segment);
    let error = suggest(&decided).unwrap_err().to_string();
    assert!(error.contains("masks"), "{error}");
}

#[test]
fn streets_keep_their_proportions() {
    let Some(data) = ocelli_testing::shared_data() else { return };
    let mut decided = decided(&data.join("camvid").display().to_string());
    let suggestion = suggest(&decided).unwrap();
    let recipe = resolved(&suggestion);
    assert_eq!(recipe.task, Task::Segment);
    assert_eq!(recipe.data.size, Size::HeightWidth([192, 256]));
    assert_eq!((recipe.train.epochs, recipe.train.batch_size), (40, 8));
    let reasons = suggestion.reasons.join("\n");
    for words in ["11 classes", "train 367", "val 101", "are Road"] {
        assert!(reasons.contains(words), "{words:?} is missing in {reasons}");
    }
    decided.task = Some(Task::Colorize);
    let recipe = resolved(&suggest(&decided).unwrap());
    assert_eq!(recipe.data.size, Size::HeightWidth([192, 256]));
}
