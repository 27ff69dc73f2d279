use std::borrow::Cow;

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

/// An operand whose values lie one after the other, row-major.
pub(super) struct Dense(FlexTensor);

impl Dense {
    /// The tensor, copied where its values lie otherwise.
    pub(super) fn new(tensor: FlexTensor) -> Self {
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }

    /// The values.
    ///
    /// # Panics
    /// If they are not 32-bit floats, which all of this program's are.
    pub(super) fn values(&self) -> &[f32] {
        self.0.as_slice().expect("kernels work on 32-bit floats")
    }

    /// The values, for keeps: moved out where nobody else holds them.
    pub(super) fn into_values(mut self) -> Vec<f32> {
        self.take().unwrap_or_else(|| self.values().to_vec())
    }

    /// The values, to be moved out if nobody else holds them, to be read otherwise.
    pub(super) fn values_or_memory(&mut self) -> Cow<'_, [f32]> {
        match self.take() {
            Some(memory) => Cow::Owned(memory),
            None => Cow::Borrowed(self.values()),
        }
    }

    /// The memory, where nobody else holds it; nothing is left here then.
    fn take(&mut self) -> Option<Vec<f32>> {
        self.is_alone().then(|| {
            let tensor = std::mem::replace(&mut self.0, tensor(Vec::new(), [0]));
            // Moves the memory, as it is.
            tensor.into_data().try_into_vec().expect("kernels work on 32-bit floats")
        })
    }

    /// Whether the tensor is the only one that holds its memory, and all of it.
    fn is_alone(&self) -> bool {
        let values = self.0.as_slice::<f32>();
        self.0.is_unique()
            && values.is_some_and(|values| size_of_val(values) == self.0.bytes().len())
    }

    /// The lengths of its axes.
    pub(super) fn shape<const D: usize>(&self) -> [usize; D] {
        self.0.layout().shape().dims()
    }
}

/// Values as a tensor, without copying them.
///
/// # Panics
/// If there are more or fewer than the shape has.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    tensor_of(values, Shape::new(shape))
}

/// The same, of any number of axes.
pub(super) fn tensor_of(values: Vec<f32>, shape: Shape) -> FlexTensor {
    assert_eq!(values.len(), shape.num_elements(), "a kernel's result has its shape's length");
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
}
