//! Pictures of a report that need the run's data or its model.

use ocelli_data::random::{Purpose, generator};
use ocelli_data::{Dataset, Picture};
use ocelli_report::figure::{Captioned, Gallery, Group};
use ocelli_report::sheet::Tile;
use ocelli_report::{heat_over, thumbnail};
use ocelli_train::pictures::decode_options;
use ocelli_train::recipe::Task;
use ocelli_train::trained::Trained;
use ocelli_train::trained::grad_cam::{ClassMap, Looked};
use ocelli_train::trainer::Compute;
use ocelli_train::views;
use rand::Rng;

use super::source::Source;
use crate::cli::ReportArgs;
use crate::failure::Failure;
use crate::sheets::PictureSheet;

/// The longer side of a gallery's picture, pixels: sharp where two are a CSS pixel.
const LONGEST: u32 = 288;
/// Pictures of a batch that are shown.
const BATCH_PICTURES: usize = 12;
/// More pictures than these are no gallery that anyone looks through.
const MOST_LOOKED_AT: usize = 500;

/// Where the network looked, in the pictures that `wanted` says: a number of them, or their names.
pub(super) fn grad_cam(
    arguments: &ReportArgs,
    wanted: &str,
    source: &Source,
    compute: &Compute,
) -> Result<Gallery, Failure> {
    let trained = Trained::open(&arguments.runs[0], &arguments.checkpoint, &compute.device)
        .map_err(Failure::failed)?;
    if trained.recipe.task != Task::Classify {
        return Err(Failure::usage(format!(
            "--grad-cam is for classification; the run's task is {}",
            trained.recipe.task.name()
        )));
    }
    let Some(pictures) = &source.pictures else {
        return Err(Failure::failed(format!(
            "--grad-cam: the run's pictures can't be had from {}",
            trained.recipe.data.train
        )));
    };
    let val = &pictures.val;
    let chosen = chosen(wanted, val, trained.recipe.seed)?;
    let decode = decode_options(&trained.recipe.data);
    let classes = &trained.info.classes;
    let mut names = Vec::new();
    let mut given = Vec::new();
    for index in chosen {
        let sample = &val.samples[index];
        match sample.picture(&decode) {
            Ok(picture) => {
                let class = sample.label.and_then(|label| val.classes.get(label as usize));
                let label = class.and_then(|class| classes.iter().position(|name| name == class));
                names.push(file_name(&sample.name));
                given.push((picture, label));
            }
            Err(error) => eprintln!("note: {error}"),
        }
    }
    let looked = trained.grad_cam(&given);
    let groups = names.iter().zip(&given).zip(&looked).map(|((name, (_, label)), looked)| Group {
        label: (*name).to_owned(),
        pictures: looked_at(name, *label, looked, classes),
    });
    let [height, width] =
        looked.iter().find_map(|looked| looked.answer.as_ref()).map_or([0, 0], |map| map.size);
    let places = match height * width {
        1 => "At this size of pictures the network's last map has one place, and tells none apart; a \
              larger data.size does."
            .to_owned(),
        _ => format!("The network's last map has {height} x {width} places."),
    };
    Ok(Gallery {
        name: "grad-cam".into(),
        title: "Where the network looked".into(),
        note: format!(
            "Grad-CAM of validation pictures, with the weights of epoch {}: what is light raised the \
             class's score most; where all is dark, nothing did. {places}",
            trained.epoch
        ),
        groups: groups.collect(),
        legend: Vec::new(),
    })
}

/// Positions of the validation pictures that are asked for.
fn chosen(wanted: &str, val: &Dataset, seed: u64) -> Result<Vec<usize>, Failure> {
    if let Ok(count) = wanted.trim().parse::<usize>() {
        if !(1..=MOST_LOOKED_AT).contains(&count) {
            return Err(Failure::usage(format!(
                "--grad-cam {count}: expected 1 to {MOST_LOOKED_AT} pictures, or their file names"
            )));
        }
        let mut random = generator(seed, Purpose::Subset, 0, 0);
        // Sorting by random keys: no library's shuffle, whose draws may change.
        let mut keyed: Vec<(u64, usize)> =
            (0..val.len()).map(|index| (random.next_u64(), index)).collect();
        keyed.sort_unstable();
        let mut chosen: Vec<usize> = keyed.into_iter().take(count).map(|keyed| keyed.1).collect();
        chosen.sort_unstable();
        return Ok(chosen);
    }
    let mut chosen = Vec::new();
    for name in wanted.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let before = chosen.len();
        let is_called = |sample: &str| {
            let file = file_name(sample);
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            [sample, file, stem].contains(&name)
        };
        let here = val.samples.iter().enumerate().filter(|(_, sample)| is_called(&sample.name));
        chosen.extend(here.map(|(index, _)| index));
        if chosen.len() == before {
            let some: Vec<&str> =
                val.samples.iter().take(3).map(|sample| file_name(&sample.name)).collect();
            return Err(Failure::usage(format!(
                "--grad-cam {name}: no validation picture is called so; there are for example {}",
                some.join(", ")
            )));
        }
    }
    if chosen.is_empty() {
        return Err(Failure::usage(
            "--grad-cam: expected a number of pictures, or their file names",
        ));
    }
    Ok(chosen)
}

/// The picture, what speaks for the answer, and for the right class where that is another.
fn looked_at(
    name: &str,
    label: Option<usize>,
    looked: &Looked,
    classes: &[String],
) -> Vec<Captioned> {
    let class = |class: usize| classes.get(class).map_or("?", String::as_str);
    let mut shown = vec![Captioned {
        caption: label.map_or_else(String::new, |label| class(label).to_owned()),
        alternative: format!("{name}, as the network is given it"),
        image: small(&looked.seen).unwrap_or_default(),
    }];
    let kinds = [("answer", &looked.answer), ("truth", &looked.truth)];
    for (kind, map) in kinds.into_iter().filter_map(|(kind, map)| Some((kind, map.as_ref()?))) {
        let name = class(map.class);
        let [width, height] = [looked.seen.width(), looked.seen.height()];
        let size = [height as usize, width as usize];
        let heat = heat_over(looked.seen.pixels(), size, &map.values, map.size);
        shown.push(Captioned {
            caption: format!("{kind}: {name} {:.0}\u{a0}%", map.probability * 100.0),
            alternative: format!("What speaks for {name} lies {}", place(map)),
            image: heat.and_then(|rgb| thumbnail(rgb, width, height, LONGEST)).unwrap_or_default(),
        });
    }
    shown
}

/// Where the weight of a map lies, in words.
fn place(map: &ClassMap) -> &'static str {
    let mut sums = [0.0f64; 3];
    for (at, value) in map.values.iter().enumerate() {
        let value = f64::from(*value);
        let (row, column) = (at / map.size[1], at % map.size[1]);
        let down = (row as f64 + 0.5) / map.size[0] as f64;
        let along = (column as f64 + 0.5) / map.size[1] as f64;
        sums = [sums[0] + value, sums[1] + value * down, sums[2] + value * along];
    }
    let [total, down, along] = sums;
    if total.is_nan() || total <= 0.0 {
        return "nowhere";
    }
    if map.values.len() == 1 {
        return "anywhere: the map has one place";
    }
    let third = |share: f64| (share > 0.4) as usize + (share > 0.6) as usize;
    const PLACES: [[&str; 3]; 3] = [
        ["at the upper left", "at the top", "at the upper right"],
        ["at the left", "in the middle", "at the right"],
        ["at the lower left", "at the bottom", "at the lower right"],
    ];
    PLACES[third(down / total)][third(along / total)]
}

/// What the network is given at first: none without the run's pictures.
pub(super) fn first_batch(source: &Source) -> Result<Option<Gallery>, Failure> {
    let (Some(recipe), Some(pictures)) = (&source.recipe, &source.pictures) else {
        return Ok(None);
    };
    let views = views::first_batch(recipe, pictures.train.clone(), BATCH_PICTURES)
        .map_err(|error| Failure::failed(format!("the first batch can't be shown: {error}")))?;
    let groups = views.names.iter().enumerate().map(|(place, name)| {
        let name = file_name(name);
        let of_row = |row: &views::ViewRow| {
            row.pictures.get(place).map(|picture| Captioned {
                caption: row.title.clone(),
                alternative: format!("{name}, {}", row.title),
                image: small(picture).unwrap_or_default(),
            })
        };
        Group { label: name.to_owned(), pictures: views.rows.iter().filter_map(of_row).collect() }
    });
    Ok(Some(Gallery {
        name: "first-batch".into(),
        title: "What the network is given".into(),
        note: "Pictures of the first training batch, as they are and as the network is given them."
            .into(),
        groups: groups.collect(),
        legend: Vec::new(),
    }))
}

/// Sheets as a gallery; none where there are none.
pub(super) fn of_sheets(sheets: &[PictureSheet], note: &str) -> Option<Gallery> {
    let first = sheets.first()?;
    let tile = |name: &str, tile: &Tile| Captioned {
        caption: tile.title.clone(),
        alternative: format!("{name}, {}", tile.title),
        image: thumbnail(tile.rgb.clone(), tile.width, tile.height, LONGEST).unwrap_or_default(),
    };
    let groups = sheets.iter().map(|PictureSheet { name, sheet }| Group {
        label: name.clone(),
        pictures: sheet
            .rows
            .iter()
            .flat_map(|row| &row.tiles)
            .map(|shown| tile(name, shown))
            .collect(),
    });
    Some(Gallery {
        name: "answers".into(),
        title: "Answers".into(),
        note: note.to_owned(),
        groups: groups.collect(),
        legend: first.sheet.legend.clone(),
    })
}

fn small(picture: &Picture) -> Option<Vec<u8>> {
    thumbnail(picture.pixels().to_vec(), picture.width(), picture.height(), LONGEST)
}

fn file_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
