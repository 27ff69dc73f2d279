//! From `--device` and `--threads` to a device and a thread pool.

use ocelli_train::trainer::Compute;

use crate::cli::ComputeArgs;
use crate::failure::Failure;

/// Sets up the threads of this process and finds the device.
///
/// A wrong `OCELLI_ISA` ends the command here, rather than being passed over in silence.
pub(crate) fn set_up(arguments: &ComputeArgs) -> Result<Compute, Failure> {
    ocelli_nn::cpu::instruction_set().map_err(Failure::usage)?;
    let threads = match arguments.threads {
        Some(threads) => usize::from(threads),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    // This thread is one of them: a network is hundreds of short kernels a step, and handing each
    // to a pool that sleeps would cost more than some of them take.
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .build_global()
        .map_err(Failure::failed)?;
    Ok(Compute {
        device: ocelli_nn::device::parse(&arguments.device).map_err(Failure::usage)?,
        device_name: arguments.device.clone(),
        threads,
        commit: option_env!("OCELLI_COMMIT").map(str::to_owned),
    })
}
