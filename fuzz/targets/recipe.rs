//! A recipe's text, with overrides in the lines that begin with `--set `.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_train::recipe::read::RecipeText;
use ocelli_train::recipe::resolve::resolve;

fuzz_target!(|text: &str| {
    let (overrides, lines): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("--set "));
    let overrides: Vec<String> =
        overrides.iter().map(|line| line["--set ".len()..].to_owned()).collect();
    let read = RecipeText::new("fuzz.toml".to_owned(), lines.join("\n")).parse(&overrides);
    let Ok((recipe, text)) = read else { return };
    let Ok(resolved) = resolve(recipe, &text) else { return };
    // What a run folder keeps must read back as it is.
    let written = resolved.to_toml().expect("a recipe has a TOML form");
    let (read, text) = RecipeText::new("run".to_owned(), written)
        .parse(&[])
        .expect("a written recipe can be read");
    assert_eq!(read, resolved);
    assert_eq!(resolve(read, &text).expect("a written recipe is right"), resolved);
});
