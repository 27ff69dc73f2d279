//! `ocelli probe`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use ocelli_models::probe::{ProbeRequest, probe as run};
use ocelli_nn::{cpu, safetensors};

use super::weights;
use crate::cli::ProbeArgs;
use crate::compute;
use crate::failure::Failure;

pub(crate) fn probe(arguments: &ProbeArgs) -> Result<ExitCode, Failure> {
    let compute = compute::set_up(&arguments.compute)?;
    cpu::set_exact_convolution(arguments.exact_convolution);
    let mut input = safetensors::read(&arguments.input).map_err(Failure::failed)?;
    let weights = match &arguments.weights {
        Some(source) => Some(weights::fetch(source)?.state),
        None => None,
    };
    let mut tensor = |name: &str| {
        input.remove(name).ok_or_else(|| {
            let found: Vec<&str> = input.keys().collect();
            Failure::failed(format!(
                "{}: found no tensor {name:?} (there are: {})",
                arguments.input.display(),
                found.join(", ")
            ))
        })
    };
    let request = ProbeRequest {
        model: arguments.model.clone(),
        classes: arguments.classes,
        weights,
        x: tensor("x")?,
        grad_out: if arguments.gradients { Some(tensor("grad_out")?) } else { None },
        train: arguments.train,
    };
    let output = run(&request, &compute.device).map_err(Failure::failed)?;
    let bytes = safetensors::to_bytes(&output, &BTreeMap::new());
    std::fs::write(&arguments.out, bytes).map_err(|error| {
        Failure::failed(format!("{}: could not be written: {error}", arguments.out.display()))
    })?;
    Ok(ExitCode::SUCCESS)
}
