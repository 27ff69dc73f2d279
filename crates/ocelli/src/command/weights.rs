//! `ocelli weights inspect` and `ocelli weights convert`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ocelli_data::random::{Purpose, generator};
use ocelli_models::pretrained::{self, Pretrained};
use ocelli_models::{ModelConfig, ModelEntry, build, build_dense};
use ocelli_nn::state::{self, StateDict};
use ocelli_nn::weights::{self as files, Loaded, source::Source};
use serde::Serialize;

use super::{print_json, print_text};
use crate::cli::{WeightsCommand, WeightsConvertArgs, WeightsInspectArgs};
use crate::failure::Failure;
use crate::terminal::{progress, table::Table};

#[derive(Serialize)]
struct Inspection<'a> {
    source: &'a str,
    format: &'static str,
    tensors: usize,
    /// Floats of all tensors: weights and statistics.
    numbers: usize,
    notes: &'a [String],
    state: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    key: String,
    shape: Vec<usize>,
    #[serde(rename = "type")]
    element_type: &'static str,
}

pub(crate) fn weights(command: &WeightsCommand) -> Result<ExitCode, Failure> {
    match command {
        WeightsCommand::Inspect(arguments) => inspect(arguments),
        WeightsCommand::Convert(arguments) => convert(arguments),
    }
}

/// The file of weights, fetched where it is not here yet. `None` where there are to be none.
pub(crate) fn locate(source: &str) -> Result<Option<PathBuf>, Failure> {
    let source = Source::parse(source).map_err(Failure::usage)?;
    let bar = progress::bytes("fetching");
    let path = source.locate(&mut |done, total| {
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    });
    bar.finish_and_clear();
    path.map_err(Failure::failed)
}

/// Weights from wherever they are.
pub(crate) fn fetch(source: &str) -> Result<Loaded, Failure> {
    let path = locate(source)?.ok_or_else(|| {
        Failure::usage("\"none\" are no weights: expected a file, or a name of published ones")
    })?;
    files::read(path).map_err(Failure::failed)
}

fn inspect(arguments: &WeightsInspectArgs) -> Result<ExitCode, Failure> {
    let Loaded { state, format, notes } = fetch(&arguments.source)?;
    let entries = state.iter().map(|(key, array)| Entry {
        key: key.to_owned(),
        shape: array.shape().to_vec(),
        element_type: array.values().type_name(),
    });
    let inspection = Inspection {
        source: &arguments.source,
        format: format.name(),
        tensors: state.len(),
        numbers: state.iter().map(|(_, array)| array.values().len()).sum(),
        notes: &notes,
        state: entries.collect(),
    };
    if arguments.json {
        print_json(&inspection)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["key", "shape", "type"]);
    for Entry { key, shape, element_type } in &inspection.state {
        let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        table.row(&[key.clone(), shape, (*element_type).to_owned()]);
    }
    print_text(&format!(
        "{table}\n{}: {}, {} tensors, {} numbers\n",
        inspection.source, inspection.format, inspection.tensors, inspection.numbers
    ))?;
    tell(&notes);
    Ok(ExitCode::SUCCESS)
}

fn convert(arguments: &WeightsConvertArgs) -> Result<ExitCode, Failure> {
    let Loaded { state, notes, .. } = fetch(&arguments.source)?;
    tell(&notes);
    let state = match &arguments.model {
        Some(model) => as_of_model(model, state)?,
        None => state,
    };
    let format = files::write(&arguments.out, &state).map_err(Failure::failed)?;
    report(&arguments.out, &state, format.name())?;
    Ok(ExitCode::SUCCESS)
}

/// The weights under the keys of a model, which they have to fit.
fn as_of_model(name: &str, state: StateDict) -> Result<StateDict, Failure> {
    let mut random = generator(0, Purpose::Initialization, 0, 0);
    let device = ocelli_nn::device::parse("cpu").map_err(Failure::failed)?;
    if ModelEntry::find_dense(name).is_some() {
        let config = pretrained::config_of(name, None, Some(&state));
        let model = build_dense(&config, &mut random, &device).map_err(Failure::usage)?;
        let Pretrained { model, notes } =
            pretrained::load_dense(model, state).map_err(Failure::failed)?;
        tell(&notes);
        return Ok(state::state_dict(&model));
    }
    // An unknown name is told where the model is built.
    let entry = ModelEntry::find(name);
    let classes = entry.and_then(|entry| pretrained::classes_of(&state, entry.head));
    let classes = classes.unwrap_or(1000);
    let model =
        build(&ModelConfig::new(name, classes), &mut random, &device).map_err(Failure::usage)?;
    let Pretrained { model, notes } = pretrained::load(model, state).map_err(Failure::failed)?;
    tell(&notes);
    Ok(state::state_dict(&model))
}

fn report(path: &Path, state: &StateDict, format: &str) -> Result<(), Failure> {
    print_text(&format!("{}: {} tensors, {format} format\n", path.display(), state.len()))
}

fn tell(notes: &[String]) {
    for note in notes {
        eprintln!("note: {note}");
    }
}
