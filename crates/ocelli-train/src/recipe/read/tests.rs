use super::*;
use crate::recipe::resolve::resolve;
use crate::recipe::{LossSection, Validation};

const RECIPE: &str = "\
task = \"classify\"

[data]
train = \"birds/\"
size = 64

[train]
epochs = 3
";

fn text(content: &str) -> RecipeText {
    RecipeText::new("recipe.toml".into(), content.into())
}

fn error_of(content: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let error = match text(content).parse(&overrides) {
        Err(error) => error,
        Ok((recipe, text)) => resolve(recipe, &text).unwrap_err(),
    };
    error.to_string()
}

fn assert_says(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{word:?} is missing in: {error}");
    }
}

#[test]
fn overrides_change_values_make_sections_and_need_no_quotes() {
    let overrides = ["train.epochs=5", "model.name=resnet34", "data.val=0.3", "data.size=[32, 48]"];
    let (recipe, _) = text(RECIPE).parse(&overrides.map(str::to_owned)).unwrap();
    assert_eq!(recipe.train.epochs, 5);
    assert_eq!(recipe.model.name, "resnet34");
    assert_eq!(recipe.data.val, Some(Validation::Fraction(0.3)));
    assert_eq!(recipe.data.size.height_width(), [32, 48]);
    let (recipe, _) = text(RECIPE).parse(&["data.val=other/birds".to_owned()]).unwrap();
    assert_eq!(recipe.data.val, Some(Validation::Location("other/birds".into())));
}

#[test]
fn an_override_that_looks_like_a_number_is_text_where_text_is_expected() {
    let overrides = ["data.train=2020", "data.label_column=true", "data.size=48"];
    let (recipe, _) = text(RECIPE).parse(&overrides.map(str::to_owned)).unwrap();
    assert_eq!(recipe.data.train, "2020");
    assert_eq!(recipe.data.label_column.as_deref(), Some("true"));
    assert_eq!(recipe.data.size.height_width(), [48, 48]);
}

#[test]
fn expected_kinds_are_named_in_plain_words() {
    let error = error_of(RECIPE, &["train.epochs=2.5"]);
    assert_says(&error, &["floating point `2.5`, expected a whole number from 0 to 4294967295"]);
    assert_says(&error_of(RECIPE, &["train=5"]), &["integer `5`, expected a section"]);
    let error = error_of(&RECIPE.replace("= 3", "= -1"), &[]);
    assert_says(&error, &["line 8, column 10", "integer `-1`, expected a whole number from 0"]);
}

#[test]
fn an_override_of_absurd_depth_is_refused() {
    let deep = format!("{}x=1", "a.".repeat(100_000));
    assert_says(&error_of(RECIPE, &[&deep]), &["key=value"]);
}

#[test]
fn an_override_within_a_table_that_is_given_by_its_name_alone_opens_the_table() {
    let content = "[train]\nloss = \"cross_entropy\"\n";
    let (recipe, _) = text(content).parse(&["train.loss.label_smoothing=0.1".to_owned()]).unwrap();
    let loss = LossSection::classification(recipe.train.loss.as_ref()).unwrap();
    assert_eq!(loss.label_smoothing, Some(0.1));
    let (recipe, _) = text(content).parse(&["train.ema.decay=0.9".to_owned()]).unwrap();
    assert_eq!(recipe.train.ema.unwrap().decay, Some(0.9));
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_keys_that_there_are() {
    let error = error_of(&RECIPE.replace("epochs", "epoch"), &[]);
    assert_says(&error, &["recipe.toml", "line 8, column 1", "epoch", "`epochs`"]);
}

#[test]
fn a_value_of_the_wrong_kind_is_told_with_its_place() {
    let error = error_of(&RECIPE.replace("= 3", "= \"three\""), &[]);
    assert_says(&error, &["line 8, column 10", "three"]);
    let error = error_of(&RECIPE.replace("= 64", "= true"), &[]);
    assert_says(&error, &["line 5", "a number of pixels, or [height, width]"]);
}

#[test]
fn a_value_out_of_range_is_told_with_its_place() {
    let error = error_of(&RECIPE.replace("= 3", "= 0"), &[]);
    assert_says(&error, &["recipe.toml:8:10", "train.epochs", "found 0", "at least 1"]);
}

#[test]
fn a_wrong_override_is_told_by_its_own_words() {
    assert_says(&error_of(RECIPE, &["train.epochs"]), &["--set train.epochs", "key=value"]);
    assert_says(&error_of(RECIPE, &["train.epochz=4"]), &["--set train.epochz=4", "unknown field"]);
    assert_says(&error_of(RECIPE, &["train.epochs.x=4"]), &["`epochs` is a value"]);
    let error = error_of(RECIPE, &["train.epochs=0"]);
    assert_says(&error, &["--set: train.epochs: found 0"]);
}

#[test]
fn text_that_is_no_toml_is_told_with_its_place() {
    assert_says(&error_of("task = ", &[]), &["recipe.toml", "line 1"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = RecipeText::from_file(Path::new("no/such/recipe.toml")).unwrap_err().to_string();
    assert_says(&error, &["no/such/recipe.toml", "could not be read"]);
}
