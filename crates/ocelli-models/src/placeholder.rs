use burn::module::Module;

/// The place of a layer without state, so that those after it have torchvision's numbers.
#[derive(Module, Debug)]
pub(crate) struct Placeholder;
