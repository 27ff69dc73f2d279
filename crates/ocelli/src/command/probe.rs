//! `ocelli probe`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use ocelli_data::random::{Purpose, generator};
use ocelli_models::probe::{ProbeRequest, probe as run};
use ocelli_models::{ModelConfig, classes_of};
use ocelli_nn::safetensors;

use crate::cli::ProbeArgs;
use crate::compute;
use crate::failure::Failure;

pub(crate) fn probe(arguments: &ProbeArgs) -> Result<ExitCode, Failure> {
    let compute = compute::set_up(&arguments.compute)?;
    let input = safetensors::read(&arguments.input).map_err(Failure::failed)?;
    let weights = match &arguments.weights {
        Some(path) => Some(safetensors::read(path).map_err(Failure::failed)?),
        None => None,
    };
    let classes = arguments
        .classes
        .or_else(|| weights.as_ref().and_then(|weights| classes_of(&arguments.model, weights)))
        .unwrap_or(1000);
    let request = ProbeRequest {
        config: ModelConfig { name: arguments.model.clone(), classes, in_channels: 3 },
        weights,
        input,
        train: arguments.train,
        gradients: arguments.gradients,
    };
    let mut random = generator(0, Purpose::Initialization, 0, 0);
    let output = run(request, &mut random, &compute.device).map_err(Failure::failed)?;
    safetensors::write(&arguments.out, &output, &BTreeMap::new()).map_err(Failure::failed)?;
    Ok(ExitCode::SUCCESS)
}
