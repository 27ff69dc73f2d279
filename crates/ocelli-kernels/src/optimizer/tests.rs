use super::*;
use crate::testing::{error, numbers, same_for_any_number_of_threads};

/// Some roundings in each of a few steps, relative to the largest weight.
const TOLERANCE: f64 = 1e-6;

const STEPS: u64 = 5;

/// None, one, around vectors, and several tasks with a rest.
const LENGTHS: [usize; 6] = [0, 1, 17, 64, 1009, 40_009];

fn doubles(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&number| f64::from(number)).collect()
}

/// The pseudocode of `torch.optim.SGD`, in float64.
fn sgd(sgd: &Sgd, value: &mut [f64], gradients: &[Vec<f32>]) -> Vec<f64> {
    let mut buffer: Option<Vec<f64>> = None;
    for gradient in gradients {
        let g: Vec<f64> = (gradient.iter().zip(&*value))
            .map(|(&g, value)| f64::from(g) + sgd.weight_decay * value)
            .collect();
        let mut direction = g.clone();
        if sgd.momentum != 0.0 {
            let updated: Vec<f64> = match &buffer {
                None => g.clone(),
                Some(old) => (old.iter().zip(&g))
                    .map(|(old, g)| sgd.momentum * old + (1.0 - sgd.dampening) * g)
                    .collect(),
            };
            direction = (updated.iter().zip(&g))
                .map(|(b, g)| if sgd.nesterov { g + sgd.momentum * b } else { *b })
                .collect();
            buffer = Some(updated);
        }
        value.iter_mut().zip(&direction).for_each(|(v, d)| *v -= sgd.learning_rate * d);
    }
    buffer.unwrap_or_default()
}

/// The pseudocode of `torch.optim.Adam` and `AdamW`, in float64.
fn adam(adam: &Adam, value: &mut [f64], gradients: &[Vec<f32>]) -> [Vec<f64>; 2] {
    let [beta1, beta2] = adam.betas;
    let [mut m, mut v] = [vec![0.0; value.len()], vec![0.0; value.len()]];
    for (step, gradient) in gradients.iter().enumerate() {
        let t = step as i32 + 1;
        for (index, value) in value.iter_mut().enumerate() {
            let mut g = f64::from(gradient[index]);
            if adam.decoupled {
                *value -= adam.learning_rate * adam.weight_decay * *value;
            } else {
                g += adam.weight_decay * *value;
            }
            m[index] = beta1 * m[index] + (1.0 - beta1) * g;
            v[index] = beta2 * v[index] + (1.0 - beta2) * g * g;
            let mean = m[index] / (1.0 - beta1.powi(t));
            let root = (v[index] / (1.0 - beta2.powi(t))).sqrt();
            *value -= adam.learning_rate * mean / (root + adam.epsilon);
        }
    }
    [m, v]
}

fn gradients(length: usize) -> Vec<Vec<f32>> {
    (0..STEPS as u32).map(|step| numbers(length, 10 + step)).collect()
}

/// Weights and buffer after all steps.
fn run_sgd(isa: Isa, settings: &Sgd, length: usize) -> [Vec<f32>; 2] {
    let mut value = numbers(length, 1);
    let mut buffer = vec![f32::NAN; if settings.momentum == 0.0 { 0 } else { length }];
    for (step, gradient) in gradients(length).iter().enumerate() {
        let memory = (settings.momentum != 0.0).then_some(&mut buffer[..]);
        settings.step(isa, &mut value, gradient, memory, step == 0);
    }
    [value, buffer]
}

/// Weights and averages after all steps.
fn run_adam(isa: Isa, settings: &Adam, length: usize) -> [Vec<f32>; 3] {
    let mut value = numbers(length, 1);
    let [mut m, mut v] = [vec![0.0; length], vec![0.0; length]];
    for (gradient, step) in gradients(length).iter().zip(1..) {
        settings.step(isa, step, &mut value, gradient, [&mut m, &mut v]);
    }
    [value, m, v]
}

const PLAIN: Sgd =
    Sgd { learning_rate: 0.1, weight_decay: 0.01, momentum: 0.0, dampening: 0.0, nesterov: false };

const ADAM: Adam = Adam {
    learning_rate: 0.01,
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    weight_decay: 0.1,
    decoupled: false,
};

#[test]
fn sgd_follows_its_definition() {
    let all = [
        PLAIN,
        Sgd { weight_decay: 0.0, ..PLAIN },
        Sgd { momentum: 0.9, ..PLAIN },
        Sgd { momentum: 0.9, dampening: 0.3, ..PLAIN },
        Sgd { momentum: 0.9, nesterov: true, ..PLAIN },
    ];
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for (settings, length) in all.iter().flat_map(|s| LENGTHS.map(|length| (s, length))) {
            let mut value = doubles(&numbers(length, 1));
            let buffer = sgd(settings, &mut value, &gradients(length));
            let found = run_sgd(isa, settings, length);
            for (found, expected) in found.iter().zip([&value, &buffer]) {
                let error = error(found, expected);
                assert!(error < TOLERANCE, "{} {settings:?} {length}: {error}", isa.name());
            }
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn adam_follows_its_definition() {
    let all = [
        ADAM,
        Adam { weight_decay: 0.0, ..ADAM },
        Adam { decoupled: true, ..ADAM },
        Adam { betas: [0.8, 0.95], epsilon: 1e-3, ..ADAM },
    ];
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for (settings, length) in all.iter().flat_map(|s| LENGTHS.map(|length| (s, length))) {
            let mut value = doubles(&numbers(length, 1));
            let [m, v] = adam(settings, &mut value, &gradients(length));
            let found = run_adam(isa, settings, length);
            for (found, expected) in found.iter().zip([&value, &m, &v]) {
                let error = error(found, expected);
                assert!(error < TOLERANCE, "{} {settings:?} {length}: {error}", isa.name());
            }
        }
    }
}

#[test]
fn no_instruction_set_and_no_number_of_threads_changes_a_bit() {
    let momentum = Sgd { momentum: 0.9, nesterov: true, ..PLAIN };
    let expected =
        (run_sgd(Isa::active(), &momentum, 40_009), run_adam(Isa::active(), &ADAM, 40_009));
    for isa in Isa::available() {
        let found = (run_sgd(isa, &momentum, 40_009), run_adam(isa, &ADAM, 40_009));
        assert!(found == expected, "{} differs", isa.name());
    }
    same_for_any_number_of_threads(|| run_adam(Isa::active(), &ADAM, 40_009));
}
