//! A table of pictures and labels, beside a few files that its rows may name.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ocelli_data::source::SourceOptions;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = ocelli_fuzz::folder("table");
    for file in ["a.png", "b.jpg", "c d.png", "images/e.gif", "train/f.webp", "table/ü.png"] {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .and_then(|()| std::fs::write(&path, ""))
            .expect("the folder can be written");
    }
    folder
});

fuzz_target!(|bytes: &[u8]| {
    let table = FOLDER.join("table.csv");
    std::fs::write(&table, bytes).expect("the table can be written");
    ocelli_fuzz::open(&table, &SourceOptions::default());
});
