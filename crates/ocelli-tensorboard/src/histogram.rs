//! Histograms of many numbers.

use crate::message::Histogram;

/// TensorBoard redraws histograms with 30 buckets; twice as many lose nothing visible.
const BUCKETS: usize = 64;

impl Histogram {
    /// How `values` are spread, in buckets of equal width. What is no finite number is left out;
    /// `None` if nothing remains.
    #[must_use]
    pub fn of(values: &[f32]) -> Option<Self> {
        let finite =
            || values.iter().filter(|value| value.is_finite()).map(|&value| f64::from(value));
        let mut histogram = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, ..Self::default() };
        for value in finite() {
            histogram.min = histogram.min.min(value);
            histogram.max = histogram.max.max(value);
            histogram.count += 1.0;
            histogram.sum += value;
            histogram.sum_of_squares += value * value;
        }
        if histogram.count == 0.0 {
            return None;
        }
        let width = (histogram.max - histogram.min) / BUCKETS as f64;
        if width == 0.0 {
            histogram.limits = vec![histogram.max];
            histogram.buckets = vec![histogram.count];
            return Some(histogram);
        }
        let min = histogram.min;
        histogram.limits = (1..BUCKETS).map(|edge| min + edge as f64 * width).collect();
        histogram.limits.push(histogram.max);
        histogram.buckets = vec![0.0; BUCKETS];
        for value in finite() {
            // The largest value ends in the last bucket.
            let bucket = (((value - min) / width) as usize).min(BUCKETS - 1);
            histogram.buckets[bucket] += 1.0;
        }
        Some(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_number_is_in_a_bucket() {
        let values: Vec<f32> = (0..1000).map(|index| index as f32 * 0.25 - 20.0).collect();
        let mut with_gaps = values.clone();
        with_gaps.extend([f32::NAN, f32::INFINITY]);
        let histogram = Histogram::of(&with_gaps).unwrap();
        assert_eq!((histogram.min, histogram.max, histogram.count), (-20.0, 229.75, 1000.0));
        assert_eq!(histogram.buckets.iter().sum::<f64>(), 1000.0);
        assert_eq!(histogram.limits.len(), histogram.buckets.len());
        assert!(histogram.limits.is_sorted());
        assert_eq!(histogram.limits.last(), Some(&229.75));
        assert!(histogram.buckets.iter().all(|&count| (15.0..=16.0).contains(&count)));
    }

    #[test]
    fn equal_numbers_share_a_bucket_and_none_have_no_histogram() {
        let histogram = Histogram::of(&[0.5; 7]).unwrap();
        assert_eq!((histogram.limits, histogram.buckets), (vec![0.5], vec![7.0]));
        assert_eq!(Histogram::of(&[f32::NAN]), None);
        assert_eq!(Histogram::of(&[]), None);
    }
}
