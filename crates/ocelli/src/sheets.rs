//! Sheets of pictures from run folders: how a model's answers grew from epoch to epoch, and what
//! several models make of the same pictures, beside the truth.
//!
//! They are drawn from `snapshots/` alone, at any time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocelli_data::mask::{self, color_picture};
use ocelli_data::{DecodeOptions, Palette, Picture, decode};
use ocelli_report::sheet::{LegendEntry, Sheet, SheetRow, Tile, png};
use ocelli_train::masks::MaskRecord;
use ocelli_train::recipe::{ColorSpace, Recipe, Task};
use ocelli_train::run_folder::RunFolder;
use ocelli_train::task::colorize::gray;

use crate::failure::Failure;

/// A run's snapshots: what they are of, and where.
struct Snapshots {
    run: String,
    network: String,
    task: Task,
    space: ColorSpace,
    masks: Option<MaskRecord>,
    folder: PathBuf,
    /// The epochs' folders, by number.
    epochs: BTreeMap<u32, PathBuf>,
}

/// The sheet of a picture.
pub(crate) struct PictureSheet {
    /// What the picture's files are called.
    pub(crate) name: String,
    pub(crate) sheet: Sheet,
}

/// Draws the sheets of a run into its `figures/`. Returns how many.
pub(crate) fn of_run(run: &Path) -> Result<usize, Failure> {
    let sheets = grown(run)?;
    save(&sheets, &run.join("figures"))?;
    Ok(sheets.len())
}

/// Draws what runs make of the same pictures. Returns how many sheets.
pub(crate) fn of_runs(runs: &[PathBuf], to: &Path) -> Result<usize, Failure> {
    let sheets = side_by_side(runs)?;
    save(&sheets, to)?;
    Ok(sheets.len())
}

/// How a run's answers grew: one sheet a picture, a tile an epoch. A run that keeps no pictures has
/// none.
pub(crate) fn grown(run: &Path) -> Result<Vec<PictureSheet>, Failure> {
    let snapshots = Snapshots::open(run)?;
    if !snapshots.task.answers_with_pictures() {
        return Ok(Vec::new());
    }
    let mut sheets = Vec::new();
    for name in snapshots.names()? {
        let name = name.as_str();
        let mut tiles = snapshots.given(name)?;
        for (epoch, folder) in &snapshots.epochs {
            tiles.extend(snapshots.answer(folder, name, &format!("epoch {epoch}"))?);
        }
        tiles.extend(snapshots.truth(name)?);
        let title = format!("{}: {name}", snapshots.network);
        sheets.push(sheet(name, title, tiles, snapshots.legend()));
    }
    Ok(sheets)
}

/// What runs make of the pictures that all of them kept: one sheet a picture, a tile a run.
pub(crate) fn side_by_side(runs: &[PathBuf]) -> Result<Vec<PictureSheet>, Failure> {
    let all: Vec<Snapshots> =
        runs.iter().map(|run| Snapshots::open(run)).collect::<Result<_, _>>()?;
    let Some(first) = all.first().filter(|first| first.task.answers_with_pictures()) else {
        return Ok(Vec::new());
    };
    if all.len() < 2 || all.iter().any(|other| other.task != first.task) {
        return Ok(Vec::new());
    }
    let mut names = first.names()?;
    for other in &all[1..] {
        let theirs = other.names()?;
        names.retain(|name| theirs.contains(name));
    }
    let mut sheets = Vec::new();
    for name in names.iter().map(String::as_str) {
        let mut tiles = first.given(name)?;
        for run in &all {
            if let Some((epoch, folder)) = run.epochs.last_key_value() {
                let title = format!("{}, epoch {epoch}", run.run);
                tiles.extend(run.answer(folder, name, &title)?);
            }
        }
        tiles.extend(first.truth(name)?);
        sheets.push(sheet(name, name.to_owned(), tiles, first.legend()));
    }
    Ok(sheets)
}

impl Snapshots {
    fn open(run: &Path) -> Result<Self, Failure> {
        let folder = RunFolder::open(run).map_err(Failure::failed)?;
        let recipe: Recipe = folder.read_recipe().map_err(Failure::failed)?;
        let info = folder.read_info().map_err(Failure::failed)?;
        let mut epochs = BTreeMap::new();
        for path in entries(&folder.snapshots())? {
            let number = file_name(&path).strip_prefix("epoch-").and_then(|n| n.parse().ok());
            if let Some(number) = number {
                epochs.insert(number, path);
            }
        }
        Ok(Self {
            run: folder.name(),
            network: recipe.model.name.clone(),
            task: recipe.task,
            space: recipe.colorize.unwrap_or_default().space,
            masks: info.masks,
            folder: folder.snapshots(),
            epochs,
        })
    }

    /// The names of the pictures that are kept.
    fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names: Vec<String> = entries(&self.folder.join("pictures"))?
            .iter()
            .filter_map(|path| file_name(path).strip_suffix(".png").map(str::to_owned))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What the model is given.
    fn given(&self, name: &str) -> Result<Vec<Tile>, Failure> {
        let picture = picture(&file(&self.folder, "pictures", name))?;
        Ok(vec![match self.task {
            Task::Colorize => tile("gray", &gray(&picture, self.space)),
            _ => tile("picture", &picture),
        }])
    }

    /// What the model made of it, unless it is missing: its epoch may be the one at hand.
    fn answer(&self, epoch: &Path, name: &str, title: &str) -> Result<Option<Tile>, Failure> {
        let part = if self.task == Task::Colorize { "pictures" } else { "masks" };
        self.shown(&file(epoch, part, name), title)
    }

    /// What it should have made of it.
    fn truth(&self, name: &str) -> Result<Option<Tile>, Failure> {
        let part = if self.task == Task::Colorize { "pictures" } else { "truth" };
        self.shown(&file(&self.folder, part, name), "truth")
    }

    fn shown(&self, path: &Path, title: &str) -> Result<Option<Tile>, Failure> {
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(match &self.masks {
            Some(masks) => tile(title, &mask_picture(path, &masks.palette())?),
            None => tile(title, &picture(path)?),
        }))
    }

    fn legend(&self) -> Vec<LegendEntry> {
        let classes =
            self.masks.iter().flat_map(|masks| masks.classes.iter().chain(&masks.ignored));
        classes.map(|class| LegendEntry { name: class.name.clone(), color: class.color }).collect()
    }
}

fn file(folder: &Path, part: &str, name: &str) -> PathBuf {
    folder.join(part).join(format!("{name}.png"))
}

fn tile(title: &str, picture: &Picture) -> Tile {
    Tile {
        title: title.to_owned(),
        width: picture.width(),
        height: picture.height(),
        rgb: picture.pixels().to_vec(),
    }
}

fn picture(path: &Path) -> Result<Picture, Failure> {
    decode::decode(&bytes(path)?, &DecodeOptions::default()).map_err(|error| unusable(path, &error))
}

fn mask_picture(path: &Path, palette: &Palette) -> Result<Picture, Failure> {
    let mask = mask::decode(&bytes(path)?, palette, &DecodeOptions::default())
        .map_err(|error| unusable(path, &error))?;
    Ok(color_picture(&mask, palette))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = match std::fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(folder, &error)),
    };
    read.map(|entry| entry.map(|entry| entry.path()).map_err(|error| unusable(folder, &error)))
        .collect()
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn sheet(name: &str, title: String, tiles: Vec<Tile>, legend: Vec<LegendEntry>) -> PictureSheet {
    let rows = vec![SheetRow { label: None, tiles }];
    PictureSheet { name: name.to_owned(), sheet: Sheet { title, rows, legend, note: None } }
}

/// Writes sheets as `NAME.png` into a folder.
pub(crate) fn save(sheets: &[PictureSheet], folder: &Path) -> Result<(), Failure> {
    for PictureSheet { name, sheet } in sheets {
        let path = folder.join(format!("{name}.png"));
        let bytes = png(sheet).map_err(|error| unusable(&path, &error))?;
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        std::fs::write(&path, bytes).map_err(|error| unusable(&path, &error))?;
    }
    Ok(())
}
