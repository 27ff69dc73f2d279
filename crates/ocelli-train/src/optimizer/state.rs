use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor, TensorData};
use ocelli_nn::state::{Array, StateDict};
use thiserror::Error;

use crate::flat;

/// An optimizer state that cannot be taken up.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptimizerStateError {
    /// An array that the state must have is not there.
    #[error(
        "the optimizer state has no `{key}`, which {rule} needs; the checkpoint is incomplete \
         or was written by another optimizer: resume with the recipe it was written with"
    )]
    Missing {
        /// Key of the array.
        key: String,
        /// The rule that reads the state.
        rule: &'static str,
    },
    /// The state has arrays that the rule does not know.
    #[error(
        "the optimizer state has `{key}`, which {rule} has no use for; it was written by another \
         optimizer: resume with the recipe it was written with"
    )]
    Unexpected {
        /// Key of the array.
        key: String,
        /// The rule that reads the state.
        rule: &'static str,
    },
    /// An array has the wrong type.
    #[error("the optimizer state's `{key}` holds {found}, expected {expected}")]
    Type {
        /// Key of the array.
        key: String,
        /// What it holds.
        found: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
    /// An array has the wrong number of elements.
    #[error(
        "the optimizer state's `{key}` has {found} elements, expected {expected}; the model has \
         changed since the checkpoint was written"
    )]
    Length {
        /// Key of the array, or of the parameter.
        key: String,
        /// Elements in the state.
        found: usize,
        /// Elements that it must have.
        expected: usize,
    },
    /// The state remembers a parameter that the model does not have.
    #[error(
        "the optimizer state remembers `{key}`, which the model does not have; the model has \
         changed since the checkpoint was written"
    )]
    UnknownParameter {
        /// Key of the parameter.
        key: String,
    },
}

/// A count as an array without dimensions.
pub(super) fn count(count: u64) -> Array {
    Array::from_i64(Vec::new(), vec![i64::try_from(count).unwrap_or(i64::MAX)])
}

/// A flattened tensor as an array.
pub(super) fn array(tensor: &Tensor<1>) -> Array {
    Array::from_f32(tensor.dims().to_vec(), flat::to_vec(tensor))
}

/// Reads a state and keeps account of what was not read.
pub(super) struct Reader<'a> {
    state: &'a StateDict,
    device: &'a Device,
    rule: &'static str,
    read: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(state: &'a StateDict, device: &'a Device, rule: &'static str) -> Self {
        Self { state, device, rule, read: BTreeSet::new() }
    }

    /// Keys of the parameters that the state remembers something of.
    pub(super) fn parameters(&self) -> BTreeSet<String> {
        self.state
            .keys()
            .filter_map(|key| {
                let prefixes = ["exp_avg.", "exp_avg_sq.", "momentum_buffer."];
                prefixes.iter().find_map(|prefix| key.strip_prefix(prefix))
            })
            .map(str::to_owned)
            .collect()
    }

    /// A count.
    pub(super) fn count(&mut self, key: &str) -> Result<u64, OptimizerStateError> {
        let expected = "a count (one int64 of 0 or more)";
        let wrong = |found| OptimizerStateError::Type { key: key.to_owned(), found, expected };
        match self.take(key)?.as_i64() {
            Some([count]) => u64::try_from(*count).map_err(|_| wrong("a negative number")),
            Some(_) => Err(wrong("more or less than one number")),
            None => Err(wrong("float32 values")),
        }
    }

    /// A tensor, of `expected` elements where that is known, and its number of elements.
    pub(super) fn tensor(
        &mut self,
        key: &str,
        expected: Option<usize>,
    ) -> Result<(Tensor<1>, usize), OptimizerStateError> {
        let device = self.device;
        let Some(values) = self.take(key)?.as_f32() else {
            return Err(OptimizerStateError::Type {
                key: key.to_owned(),
                found: "int64 values",
                expected: "float32 values",
            });
        };
        let found = values.len();
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(OptimizerStateError::Length { key: key.to_owned(), found, expected });
        }
        Ok((Tensor::from_data(TensorData::new(values.to_vec(), [found]), device), found))
    }

    /// Refuses a state that holds more than was read.
    pub(super) fn finish(self) -> Result<(), OptimizerStateError> {
        match self.state.keys().find(|key| !self.read.contains(*key)) {
            None => Ok(()),
            Some(key) => {
                Err(OptimizerStateError::Unexpected { key: key.to_owned(), rule: self.rule })
            }
        }
    }

    fn take(&mut self, key: &str) -> Result<&'a Array, OptimizerStateError> {
        let missing = || OptimizerStateError::Missing { key: key.to_owned(), rule: self.rule };
        let array = self.state.get(key).ok_or_else(missing)?;
        self.read.insert(key.to_owned());
        Ok(array)
    }
}

/// Compares the state's keys and lengths with a model's.
pub(super) fn check_lengths<'a>(
    lengths: impl Iterator<Item = (&'a str, usize)>,
    model: &StateDict,
) -> Result<(), OptimizerStateError> {
    for (key, found) in lengths {
        let unknown = || OptimizerStateError::UnknownParameter { key: key.to_owned() };
        let expected = model.get(key).ok_or_else(unknown)?.shape().iter().product();
        if found != expected {
            return Err(OptimizerStateError::Length { key: key.to_owned(), found, expected });
        }
    }
    Ok(())
}
