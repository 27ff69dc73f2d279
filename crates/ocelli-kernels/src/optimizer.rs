//! Optimizer steps in place: one pass over the weights, their gradients, and what the optimizer
//! remembers.
//!
//! The arithmetic is PyTorch's, each multiplication and addition rounded by itself, in the order
//! written here: so results are the same bits with every instruction set. The factors of a step
//! are computed in f64 and rounded once.

use crate::isa::{Isa, Simd};
use crate::pass::{Extent, Operation, pass};

/// Stochastic gradient descent as `torch.optim.SGD`: the momentum buffer starts as the first
/// gradient, undampened, and the learning rate multiplies the buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Of this step.
    pub learning_rate: f64,
    /// Times the weight, added to the gradient.
    pub weight_decay: f64,
    /// What remains of the buffer. With 0, [`step`](Self::step) needs none.
    pub momentum: f64,
    /// What is kept of a new gradient is `1 - dampening`.
    pub dampening: f64,
    /// Looks ahead by the momentum.
    pub nesterov: bool,
}

impl Sgd {
    /// Moves the weights `value`. `buffer` is overwritten if this step `is_first`, and updated
    /// otherwise.
    ///
    /// # Panics
    /// If lengths differ, or there is momentum but no buffer.
    pub fn step(
        &self,
        isa: Isa,
        value: &mut [f32],
        gradient: &[f32],
        buffer: Option<&mut [f32]>,
        is_first: bool,
    ) {
        let extent = Extent::flat(value.len());
        assert_eq!(gradient.len(), value.len(), "lengths of a gradient and of its weights");
        let (penalty, learning_rate) = (self.weight_decay as f32, self.learning_rate as f32);
        let (to, gradient) = (value.as_mut_ptr(), gradient.as_ptr());
        if self.momentum == 0.0 {
            let plain = Plain { penalty, learning_rate };
            // SAFETY: both have the same length; weights are updated in place.
            unsafe { pass(isa, plain, extent, [to.cast_const(), gradient], [], [to]) }
            return;
        }
        let buffer = buffer.expect("a buffer, as there is momentum");
        assert_eq!(buffer.len(), extent.len(), "lengths of a buffer and of its weights");
        let memory = buffer.as_mut_ptr();
        let momentum = self.momentum as f32;
        let (keep, new) =
            if is_first { (0.0, 1.0) } else { (momentum, (1.0 - self.dampening) as f32) };
        // Numbers rather than branches: the sums with a zero are exact.
        let (of_gradient, of_buffer) = if self.nesterov { (1.0, momentum) } else { (0.0, 1.0) };
        let step = Momentum { penalty, learning_rate, keep, new, of_gradient, of_buffer };
        if is_first {
            // Whatever it holds, times zero, would stay if it were no number.
            buffer.fill(0.0);
        }
        let inputs = [to.cast_const(), gradient, memory.cast_const()];
        // SAFETY: all have the same length; weights and buffer are updated in place.
        unsafe { pass(isa, step, extent, inputs, [], [to, memory]) }
    }
}

/// Adam (Kingma and Ba 2015) as `torch.optim.Adam`, and AdamW (Loshchilov and Hutter 2019) as
/// `torch.optim.AdamW`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Of this step.
    pub learning_rate: f64,
    /// What remains of the running averages, of the gradient and of its square.
    pub betas: [f64; 2],
    /// Added to the root of the second average.
    pub epsilon: f64,
    /// The share of the learning rate by which weights shrink where `decoupled` (AdamW); else
    /// times the weight, added to the gradient.
    pub weight_decay: f64,
    /// AdamW.
    pub decoupled: bool,
}

impl Adam {
    /// Moves the weights `value` and the running averages. `count` is that of the weights' steps,
    /// this one included: the first is 1.
    ///
    /// # Panics
    /// If lengths differ, or `count` is 0.
    pub fn step(
        &self,
        isa: Isa,
        count: u64,
        value: &mut [f32],
        gradient: &[f32],
        [average, average_of_square]: [&mut [f32]; 2],
    ) {
        assert!(count > 0, "the first step is step 1");
        let lengths = [gradient.len(), average.len(), average_of_square.len()];
        assert_eq!(lengths, [value.len(); 3], "lengths of gradient and averages, to the weights'");
        let [value_at, average, square] =
            [value.as_mut_ptr(), average.as_mut_ptr(), average_of_square.as_mut_ptr()];
        let inputs = [value_at.cast_const(), gradient.as_ptr(), average, square];
        let outputs = [value_at, average, square];
        let extent = Extent::flat(value.len());
        // SAFETY: all have the same length; weights and averages are updated in place.
        unsafe { pass(isa, self.factors(count), extent, inputs, [], outputs) }
    }

    fn factors(&self, count: u64) -> Factors {
        let [beta1, beta2] = self.betas;
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let root_correction = (1.0 - beta2.powi(count)).sqrt();
        let decay = self.weight_decay;
        Factors {
            keep: if self.decoupled { (1.0 - self.learning_rate * decay) as f32 } else { 1.0 },
            penalty: if self.decoupled { 0.0 } else { decay as f32 },
            new1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            new2: (1.0 - beta2) as f32,
            step_size: (self.learning_rate * root_correction / (1.0 - beta1.powi(count))) as f32,
            epsilon: (self.epsilon * root_correction) as f32,
        }
    }
}

/// SGD without momentum.
#[derive(Clone, Copy)]
struct Plain {
    penalty: f32,
    learning_rate: f32,
}

impl Operation<2, 0, 1> for Plain {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [value, gradient]: [S::Vector; 2],
        []: [S::Vector; 0],
    ) -> [S::Vector; 1] {
        let g = simd.add(gradient, simd.mul(simd.splat(self.penalty), value));
        [simd.sub(value, simd.mul(simd.splat(self.learning_rate), g))]
    }
}

/// SGD with momentum.
#[derive(Clone, Copy)]
struct Momentum {
    penalty: f32,
    learning_rate: f32,
    keep: f32,
    new: f32,
    of_gradient: f32,
    of_buffer: f32,
}

impl Operation<3, 0, 2> for Momentum {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [value, gradient, buffer]: [S::Vector; 3],
        []: [S::Vector; 0],
    ) -> [S::Vector; 2] {
        let times = |factor: f32, vector: S::Vector| simd.mul(simd.splat(factor), vector);
        let g = simd.add(gradient, times(self.penalty, value));
        let buffer = simd.add(times(self.keep, buffer), times(self.new, g));
        let direction = simd.add(times(self.of_gradient, g), times(self.of_buffer, buffer));
        [simd.sub(value, times(self.learning_rate, direction)), buffer]
    }
}

/// The factors of one step of Adam. With both sides of its fraction multiplied by
/// `sqrt(1 - beta2^t)`, the correction of the root, an element costs one division, not two.
#[derive(Clone, Copy)]
struct Factors {
    keep: f32,
    penalty: f32,
    new1: f32,
    beta2: f32,
    new2: f32,
    /// `learning_rate · sqrt(1 - beta2^t) / (1 - beta1^t)`
    step_size: f32,
    /// `epsilon · sqrt(1 - beta2^t)`
    epsilon: f32,
}

impl Operation<4, 0, 3> for Factors {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        simd: S,
        [value, gradient, average, square]: [S::Vector; 4],
        []: [S::Vector; 0],
    ) -> [S::Vector; 3] {
        let times = |factor: f32, vector: S::Vector| simd.mul(simd.splat(factor), vector);
        let kept = times(self.keep, value);
        let g = simd.add(gradient, times(self.penalty, value));
        let average = simd.add(average, times(self.new1, simd.sub(g, average)));
        let square = simd.add(times(self.beta2, square), simd.mul(times(self.new2, g), g));
        let root = simd.add(simd.sqrt(square), simd.splat(self.epsilon));
        let value = simd.sub(kept, simd.div(times(self.step_size, average), root));
        [value, average, square]
    }
}

#[cfg(test)]
mod tests;
