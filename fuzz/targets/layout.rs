//! How pictures are laid out, told from nothing but their paths: the first line chooses the options,
//! every other line is the path of a file.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use ocelli_data::source::{Labels, Layout, SourceOptions};

static ARCHIVE: LazyLock<PathBuf> =
    LazyLock::new(|| ocelli_fuzz::folder("layout").join("archive.tar"));

fn options(line: &str) -> SourceOptions {
    let (layout, pattern) = line.split_once(' ').unwrap_or((line, ""));
    SourceOptions {
        labels: match layout {
            "masks" => Labels::Masks,
            "either" => Labels::Either,
            "none" => Labels::None,
            _ => Labels::Classes,
        },
        layout: match layout {
            "folders" => Layout::Folders,
            "names" => Layout::Names,
            "csv" => Layout::Csv,
            "flat" => Layout::Flat,
            _ => Layout::Auto,
        },
        name_pattern: (!pattern.is_empty()).then(|| pattern.to_owned()),
        ..SourceOptions::default()
    }
}

fuzz_target!(|text: &str| -> Corpus {
    let mut lines = text.lines();
    let options = options(lines.next().unwrap_or_default());
    let mut archive = tar::Builder::new(Vec::new());
    for path in lines.take(64) {
        let mut header = tar::Header::new_gnu();
        let folder = path.ends_with('/');
        header.set_entry_type(if folder {
            tar::EntryType::Directory
        } else {
            tar::EntryType::Regular
        });
        let contents: &[u8] = if path.ends_with(".csv") { b"image,label\na.png,x\n" } else { b"" };
        header.set_size(if folder { 0 } else { contents.len() as u64 });
        // Not `set_path`, which refuses what a careless program would write.
        let name = path.as_bytes();
        let length = name.len().min(100);
        header.as_mut_bytes()[..length].copy_from_slice(&name[..length]);
        header.set_cksum();
        archive.append(&header, contents).expect("writing to memory");
    }
    let bytes = archive.into_inner().expect("writing to memory");
    std::fs::write(&*ARCHIVE, bytes).expect("the archive can be written");
    ocelli_fuzz::open(&ARCHIVE, &options);
    Corpus::Keep
});
