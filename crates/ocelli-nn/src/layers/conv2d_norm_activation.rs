use burn::tensor::Tensor;

use super::{BatchNorm2d, Conv2d};
use crate::{
    Pass,
    functional::{self, Activation, Convolution, NormalizedConvolution},
};

/// A convolution, its normalization, a shortcut that is added and an activation, as one operation:
/// the block that convolutional networks are built from.
///
/// It borrows its layers, so that they stay where a model's state dict has them. In a training
/// pass it is one node of the autodiff graph; in evaluation, and where the normalization is frozen,
/// the normalization is folded into the convolution.
///
/// ```
/// use ocelli_nn::{Pass, device, functional::Activation, tensor::Tensor};
/// use ocelli_nn::layers::{BatchNorm2d, Conv2dConfig, Conv2dNormActivation};
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
///
/// let device = device::parse("cpu")?;
/// let mut generator = ChaCha8Rng::seed_from_u64(0);
/// let convolution = Conv2dConfig::new(8, 8, [3, 3]).with_padding([1, 1]).without_bias();
/// let convolution = convolution.init(&mut generator, &device);
/// let normalization = BatchNorm2d::new(8, &device);
///
/// let x = Tensor::<4>::ones([1, 5, 7, 8], &device);
/// let y = Conv2dNormActivation::new(&convolution, &normalization)
///     .with_residual(x.clone())
///     .with_activation(Activation::Relu)
///     .forward(x, &Pass::eval());
/// assert_eq!(y.dims(), [1, 5, 7, 8]);
/// # Ok::<(), device::DeviceError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is computed before `forward`"]
pub struct Conv2dNormActivation<'a> {
    convolution: &'a Conv2d,
    normalization: &'a BatchNorm2d,
    residual: Option<Tensor<4>>,
    activation: Activation,
}

impl<'a> Conv2dNormActivation<'a> {
    /// The convolution and its normalization alone.
    pub fn new(convolution: &'a Conv2d, normalization: &'a BatchNorm2d) -> Self {
        Self { convolution, normalization, residual: None, activation: Activation::None }
    }

    /// What is added to the normalized result.
    pub fn with_residual(mut self, residual: Tensor<4>) -> Self {
        self.residual = Some(residual);
        self
    }

    /// What is applied last.
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Computes it, and in a training pass updates the running statistics.
    ///
    /// # Shapes
    /// `[n, h, w, in]` → `[n, h', w', out]`, as the convolution's; the residual has the result's.
    ///
    /// # Panics
    /// As [`Conv2d::forward`] and [`BatchNorm2d::forward`], and if the residual has another shape
    /// than the result.
    #[must_use]
    pub fn forward(self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let Self { convolution, normalization, residual, activation } = self;
        let options = normalization.options(activation);
        let affine = normalization.affine();
        let Convolution { weight, bias, geometry } = convolution.parameters();
        if !pass.of_part(normalization).is_train() {
            let statistics = normalization.statistics(&x.device());
            let convolution =
                folded(Convolution { weight, bias, geometry }, affine, statistics, options.epsilon);
            return functional::conv2d_activation(x, convolution, residual, activation);
        }
        let (y, statistics) = match bias {
            None => {
                let convolution = NormalizedConvolution { weight, geometry, affine };
                functional::conv2d_batch_norm_train(x, convolution, residual, options)
            }
            Some(_) => {
                let x = functional::conv2d(x, weight, bias, geometry);
                functional::batch_norm2d_train(x, affine, residual, options)
            }
        };
        normalization.track(statistics, y.dims());
        y
    }
}

/// The convolution that does what the given one and the normalization after it do.
fn folded(
    Convolution { weight, bias, geometry }: Convolution,
    [norm_weight, norm_bias]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f64,
) -> Convolution {
    let [channels] = norm_weight.dims();
    let scale = norm_weight * (variance + epsilon).sqrt().recip();
    let shift = match bias {
        Some(bias) => bias - mean,
        None => mean.neg(),
    };
    Convolution {
        weight: weight * scale.clone().reshape([channels, 1, 1, 1]),
        bias: Some(norm_bias + shift * scale),
        geometry,
    }
}
