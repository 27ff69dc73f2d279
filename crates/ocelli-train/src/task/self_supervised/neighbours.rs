//! The accuracy of nearest neighbours: how good features are, without training on them.

use std::cmp::Ordering;

use burn::tensor::{Tensor, TensorData};
use ocelli_nn::device;
use rayon::prelude::*;

use crate::recipe::KnnSection;
use crate::task::classify::Features;
use crate::task::floats;

/// Pictures asked at a time: their cosines with the whole bank are in memory together.
const ASKED_AT_ONCE: usize = 256;

/// Labelled features that vote (Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric
/// Instance Discrimination").
pub(super) struct Neighbours<'a> {
    /// `[width, pictures]`, each column of length 1. On the CPU whatever trains: a product of this
    /// size is the cheaper part of measuring.
    bank: Tensor<2>,
    width: usize,
    labels: &'a [i64],
    classes: usize,
    section: &'a KnnSection,
}

impl<'a> Neighbours<'a> {
    pub(super) fn new(bank: &'a Features, classes: usize, section: &'a KnnSection) -> Self {
        let (labels, width) = (&bank.labels[..], bank.width);
        let bank = matrix(unit_rows(bank), width).transpose();
        Self { bank, width, labels, classes, section }
    }

    /// The share of pictures whose class has the most weight among the `k` of the bank that are most
    /// like them, each with the weight `exp(cosine / temperature)`; `None` if there are none to ask,
    /// or to answer.
    pub(super) fn accuracy(&self, asked: &Features) -> Option<f64> {
        if asked.labels.is_empty() || self.labels.is_empty() || asked.width != self.width {
            return None;
        }
        let rows = unit_rows(asked);
        let (width, bank) = (self.width, self.labels.len());
        let mut right = 0usize;
        for (rows, labels) in
            rows.chunks(ASKED_AT_ONCE * width).zip(asked.labels.chunks(ASKED_AT_ONCE))
        {
            let cosines = floats(matrix(rows.to_vec(), width).matmul(self.bank.clone()));
            right += cosines
                .par_chunks_exact(bank)
                .zip(labels)
                .filter(|(cosines, label)| self.answer(cosines) == **label)
                .count();
        }
        Some(right as f64 / asked.labels.len() as f64)
    }

    /// The class with the most weight; of equal ones the first.
    fn answer(&self, cosines: &[f32]) -> i64 {
        let mut order: Vec<usize> = (0..cosines.len()).collect();
        // Of equally near ones the first in the bank, on every machine.
        let nearer = |&left: &usize, &right: &usize| {
            cosines[right].total_cmp(&cosines[left]).then(left.cmp(&right))
        };
        let k = self.section.k.min(order.len());
        if k < order.len() {
            order.select_nth_unstable_by(k, nearer);
            order.truncate(k);
        }
        order.sort_unstable_by(nearer);
        let mut votes = vec![0.0f64; self.classes];
        // Relative to the nearest, which has the weight 1: no temperature is too low for the exponent.
        let nearest = order.first().map_or(0.0, |&index| f64::from(cosines[index]));
        for index in order {
            let further = f64::from(cosines[index]) - nearest;
            let weight = (further / self.section.temperature).exp();
            votes[self.labels[index] as usize] += weight;
        }
        let most = votes.iter().enumerate().max_by(|left, right| {
            let by_weight = left.1.partial_cmp(right.1).unwrap_or(Ordering::Equal);
            by_weight.then(right.0.cmp(&left.0))
        });
        most.map_or(-1, |(class, _)| class as i64)
    }
}

/// Each row divided by its length.
fn unit_rows(features: &Features) -> Vec<f32> {
    let mut rows = features.values.clone();
    for row in rows.chunks_exact_mut(features.width.max(1)) {
        let length = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let scale = (1.0 / length.max(1e-12)) as f32;
        row.iter_mut().for_each(|value| *value *= scale);
    }
    rows
}

/// Rows of so many numbers, on the CPU.
fn matrix(values: Vec<f32>, width: usize) -> Tensor<2> {
    let cpu = device::parse("cpu").expect("there is always a CPU");
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), &cpu)
}
