use super::*;
use crate::activation::reference;
use crate::testing::{error, error_relative_to, largest, numbers, same_for_any_number_of_threads};

/// A few roundings for each element, relative to the largest.
const ELEMENT_TOLERANCE: f64 = 2e-6;

/// Sums of up to 256 terms in f32, relative to the largest sum.
const SUM_TOLERANCE: f64 = 1e-5;

const EPSILON: f64 = 1e-5;

/// Rows and channels: none, one, vectors and periods with and without rest, several tasks.
const SIZES: [[usize; 2]; 14] = [
    [0, 5],
    [3, 0],
    [1, 1],
    [1, 64],
    [2, 3],
    [7, 17],
    [97, 1],
    [211, 3],
    [331, 17],
    [13, 64],
    [29, 100],
    [5, 259],
    [2053, 64],
    [1511, 100],
];

struct Case {
    rows: usize,
    channels: usize,
    x: Vec<f32>,
    dy: Vec<f32>,
    residual: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    /// Channels differ in mean and spread.
    fn new([rows, channels]: [usize; 2]) -> Self {
        let mut x = numbers(rows * channels, 1);
        for row in x.chunks_exact_mut(channels.max(1)) {
            for (channel, x) in row.iter_mut().enumerate() {
                *x = *x * (1.0 + channel as f32 % 5.0) + channel as f32 % 7.0 - 3.0;
            }
        }
        Self {
            rows,
            channels,
            x,
            dy: numbers(rows * channels, 2),
            residual: numbers(rows * channels, 3),
            weight: numbers(channels, 4).iter().map(|weight| weight + 1.5).collect(),
            bias: numbers(channels, 5),
        }
    }

    fn column(&self, of: &[f32], channel: usize) -> impl Iterator<Item = f64> + Clone {
        of[channel.min(of.len())..].iter().step_by(self.channels).map(|&x| f64::from(x))
    }

    /// Mean and biased variance by channel.
    fn statistics(&self) -> [Vec<f64>; 2] {
        let count = self.rows.max(1) as f64;
        let mut all = [vec![], vec![]];
        for channel in 0..self.channels {
            let x = self.column(&self.x, channel);
            let mean = x.clone().sum::<f64>() / count;
            all[0].push(mean);
            all[1].push(x.map(|x| (x - mean).powi(2)).sum::<f64>() / count);
        }
        all
    }

    /// What goes into the activation.
    fn sums(&self, [mean, variance]: &[Vec<f64>; 2], with_residual: bool) -> Vec<f64> {
        let of = |index: usize| {
            let channel = index % self.channels;
            let normal =
                (f64::from(self.x[index]) - mean[channel]) / (variance[channel] + EPSILON).sqrt();
            let residual = if with_residual { f64::from(self.residual[index]) } else { 0.0 };
            normal * f64::from(self.weight[channel]) + f64::from(self.bias[channel]) + residual
        };
        (0..self.x.len()).map(of).collect()
    }

    /// Gradients of x, weight, bias and residual, by the chain rule.
    fn gradients(
        &self,
        statistics: &[Vec<f64>; 2],
        frozen: bool,
        activation: Activation,
        with_residual: bool,
    ) -> [Vec<f64>; 4] {
        let [mean, variance] = statistics;
        let g: Vec<f64> = (self.sums(statistics, with_residual).iter().zip(&self.dy))
            .map(|(&sum, &dy)| f64::from(dy) * reference::derivative(activation, sum))
            .collect();
        let (mut dx, mut weight, mut bias) = (vec![0.0; g.len()], vec![], vec![]);
        let count = self.rows as f64;
        for channel in 0..self.channels {
            let inverse = 1.0 / (variance[channel] + EPSILON).sqrt();
            let places = (channel..g.len()).step_by(self.channels);
            let normal = |index: usize| (f64::from(self.x[index]) - mean[channel]) * inverse;
            let sum: f64 = places.clone().map(|index| g[index]).sum();
            let product: f64 = places.clone().map(|index| g[index] * normal(index)).sum();
            let scale = f64::from(self.weight[channel]) * inverse;
            for index in places {
                let through = (sum + normal(index) * product) / count;
                dx[index] = scale * (g[index] - if frozen { 0.0 } else { through });
            }
            weight.push(product);
            bias.push(sum);
        }
        [dx, weight, bias, g]
    }
}

fn rounded(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|&number| number as f32).collect()
}

#[test]
fn statistics_agree_with_the_definition() {
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for size in SIZES {
            let case = Case::new(size);
            let found = Statistics::of(isa, &case.x, case.channels);
            let [mean, variance] = case.statistics();
            assert_eq!(found.count, if case.channels == 0 { 0 } else { case.rows });
            for (what, found, expected) in
                [("mean", &found.mean, &mean), ("variance", &found.variance, &variance)]
            {
                let error = error(found, expected);
                assert!(error < ELEMENT_TOLERANCE, "{} {what} {size:?}: {error}", isa.name());
            }
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

#[test]
fn a_variance_survives_a_mean_ten_thousand_times_as_large() {
    let [rows, channels] = [3001, 17];
    let mut case = Case::new([rows, channels]);
    case.x.iter_mut().for_each(|x| *x = *x * 0.1 + 1000.0);
    let [_, variance] = case.statistics();
    for isa in Isa::available() {
        let found = Statistics::of(isa, &case.x, channels);
        let error = error(&found.variance, &variance);
        assert!(error < SUM_TOLERANCE, "{}: {error}", isa.name());
    }
}

#[test]
fn blocks_of_any_stride_add_up_to_the_whole() {
    let case = Case::new([700, 24]);
    for isa in Isa::available() {
        // The columns 5..24 of the rows 0..300 and 300..700.
        let mut total = statistics::Moments::new(19);
        for rows in [0..300, 300..300, 300..700] {
            let mut moments = statistics::Moments::new(19);
            let from = case.x[rows.start * 24..].as_ptr().wrapping_add(5);
            // SAFETY: the rows are in `x`.
            unsafe { moments.add_pointer(isa, from, rows.len(), 24) };
            total.merge(&moments);
        }
        let found = total.statistics();
        let [mean, variance] = case.statistics();
        assert_eq!(found.count, 700);
        assert!(error(&found.mean, &mean[5..]) < ELEMENT_TOLERANCE);
        assert!(error(&found.variance, &variance[5..]) < ELEMENT_TOLERANCE);
    }
}

#[test]
fn running_statistics_move_as_in_pytorch() {
    let statistics = Statistics { mean: vec![2.0], variance: vec![3.0], count: 4 };
    let (mut mean, mut variance) = (vec![1.0], vec![1.0]);
    statistics.update_running(0.1, &mut mean, &mut variance);
    // 0.9 + 0.1 · 2, and 0.9 + 0.1 · 3 · 4 / 3.
    assert_eq!((mean, variance), (vec![1.1], vec![1.3]));
    let single = Statistics { mean: vec![2.0], variance: vec![0.0], count: 1 };
    let (mut mean, mut variance) = (vec![0.0], vec![1.0]);
    single.update_running(0.5, &mut mean, &mut variance);
    assert_eq!((mean, variance), (vec![1.0], vec![0.5]));
}

#[test]
fn every_activation_and_instruction_set_agrees_with_the_definition() {
    for isa in Isa::available() {
        eprintln!("ran {}", isa.name());
        for size in SIZES {
            let case = Case::new(size);
            let statistics = case.statistics().map(|numbers| rounded(&numbers));
            let exact = [0, 1].map(|index| statistics[index].iter().map(|&x| x.into()).collect());
            for activation in Activation::ALL {
                // What cutting into tasks changes, one activation shows.
                if case.x.len() > 100_000 && activation != Activation::Relu {
                    continue;
                }
                let norm = BatchNorm {
                    isa,
                    mean: &statistics[0],
                    variance: &statistics[1],
                    frozen: false,
                    epsilon: EPSILON,
                    weight: &case.weight,
                    bias: &case.bias,
                    activation,
                };
                for with_residual in [false, true] {
                    check(&case, &norm, &exact, with_residual);
                }
            }
        }
    }
    eprintln!("absent here: {:?}", Isa::absent());
}

/// Forward, in place and not; backward, frozen and not, with all ways to say what was added.
fn check(case: &Case, norm: &BatchNorm<'_>, exact: &[Vec<f64>; 2], with_residual: bool) {
    let activation = norm.activation;
    let size = [case.rows, case.channels];
    let residual = with_residual.then_some(&case.residual[..]);
    let sums = case.sums(exact, with_residual);
    let expected: Vec<f64> = sums.iter().map(|&sum| reference::value(activation, sum)).collect();
    let y = norm.forward(Cow::Borrowed(&case.x), residual);
    let worst = error(&y, &expected);
    let what = format!("{} {activation:?} {size:?} residual {with_residual}", norm.isa.name());
    assert!(worst < ELEMENT_TOLERANCE, "{what}: {worst}");
    assert!(y == norm.forward(Cow::Owned(case.x.clone()), residual), "{what}: in place");

    // Where a sum is so near a corner that f32 may see its other side, the gradient is either's.
    let mut case = Case { dy: case.dy.clone(), x: case.x.clone(), ..Case::new(size) };
    for (dy, sum) in case.dy.iter_mut().zip(&sums) {
        if [-3.0, 0.0, 3.0].iter().any(|corner: &f64| (sum - corner).abs() < 1e-5) {
            *dy = 0.0;
        }
    }
    let mut ways = vec![];
    if with_residual {
        ways.push(Added::Residual(&case.residual));
        if matches!(activation, Activation::None | Activation::Relu) {
            ways.push(Added::Result(&y));
        }
    } else {
        ways.push(Added::Nothing);
    }
    for frozen in [false, true] {
        let norm = BatchNorm { frozen, ..*norm };
        let [scaled, ..] = case.gradients(exact, true, activation, with_residual);
        let [dx, weight, bias, g] = case.gradients(exact, frozen, activation, with_residual);
        for &added in &ways {
            let found = norm.backward(Cow::Borrowed(&case.x), case.dy.clone(), added);
            let check = |of: &str, size: f64, found: &[f32], expected: &[f64], tolerance: f64| {
                let worst = error_relative_to(size, found, expected);
                assert!(worst < tolerance, "{what} frozen {frozen}, {of}: {worst}");
            };
            // Before the means are subtracted, which with a single row leaves nothing.
            check("dx", largest(&scaled), &found.x, &dx, SUM_TOLERANCE);
            check("d weight", largest(&weight), &found.weight, &weight, SUM_TOLERANCE);
            check("d bias", largest(&bias), &found.bias, &bias, SUM_TOLERANCE);
            assert_eq!(found.residual.is_some(), with_residual);
            if let Some(residual) = &found.residual {
                check("d residual", largest(&g), residual, &g, ELEMENT_TOLERANCE);
            }
            let again = norm.backward(Cow::Owned(case.x.clone()), case.dy.clone(), added);
            assert!(found == again, "{what}: in the memory of x");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = Case::new([2053, 100]);
    same_for_any_number_of_threads(|| {
        let statistics = Statistics::of(Isa::active(), &case.x, case.channels);
        let norm = BatchNorm {
            isa: Isa::active(),
            mean: &statistics.mean,
            variance: &statistics.variance,
            frozen: false,
            epsilon: EPSILON,
            weight: &case.weight,
            bias: &case.bias,
            activation: Activation::Silu,
        };
        let y = norm.forward(Cow::Borrowed(&case.x), Some(&case.residual));
        let added = Added::Residual(&case.residual);
        let gradients = norm.backward(Cow::Borrowed(&case.x), case.dy.clone(), added);
        (statistics.clone(), y, gradients)
    });
}

#[test]
#[should_panic(expected = "Silu behind a sum needs the residual itself")]
fn the_result_is_refused_where_it_does_not_tell_the_gradient() {
    let one = [1.0];
    let norm = BatchNorm {
        isa: Isa::active(),
        mean: &one,
        variance: &one,
        frozen: false,
        epsilon: EPSILON,
        weight: &one,
        bias: &one,
        activation: Activation::Silu,
    };
    let _ = norm.backward(Cow::Borrowed(&one), vec![1.0], Added::Result(&one));
}

/// `cargo test -p ocelli-kernels --lib -- --ignored --nocapture batch_norm::tests::speed`
#[test]
#[ignore = "prints times, for a quiet machine: cargo test --workspace --lib speed_against_copying -- --ignored --nocapture"]
fn speed_against_copying() {
    let [rows, channels] = [32 * 56 * 56, 64];
    let case = Case::new([rows, channels]);
    let bytes = (rows * channels * size_of::<f32>()) as f64;
    let mut target = vec![0.0f32; rows * channels];
    let mut lines: Vec<(String, f64, Vec<f64>)> = Vec::new();
    let mut record = |name: &str, passes: f64, work: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        work();
        let seconds = start.elapsed().as_secs_f64();
        match lines.iter_mut().find(|line| line.0 == name) {
            Some(line) => line.2.push(seconds),
            None => lines.push((name.to_owned(), passes, vec![seconds])),
        }
    };
    let isa = Isa::active();
    for _ in 0..9 {
        record("copy by one thread", 2.0, &mut || target.copy_from_slice(&case.x));
        record("copy by all threads", 2.0, &mut || {
            let to = crate::parallel::Shared::new(target.as_mut_ptr());
            crate::parallel::for_each(64, |part| {
                let range = crate::parallel::part(case.x.len(), 64, part);
                // SAFETY: parts lie apart.
                unsafe { to.slice(range.clone()) }.copy_from_slice(&case.x[range]);
            });
        });
        let statistics = Statistics::of(isa, &case.x, channels);
        record("statistics", 1.0, &mut || {
            std::hint::black_box(Statistics::of(isa, &case.x, channels));
        });
        let mut norm = BatchNorm {
            isa,
            mean: &statistics.mean,
            variance: &statistics.variance,
            frozen: false,
            epsilon: EPSILON,
            weight: &case.weight,
            bias: &case.bias,
            activation: Activation::Relu,
        };
        let mut y = target.clone();
        for activation in [Activation::Relu, Activation::Silu] {
            norm.activation = activation;
            record(&format!("forward {activation:?}, over x"), 2.0, &mut || {
                y = norm.forward(Cow::Owned(std::mem::take(&mut y)), None);
            });
            record(&format!("forward {activation:?}, new memory"), 2.0, &mut || {
                std::hint::black_box(norm.forward(Cow::Borrowed(&case.x), None));
            });
            let mut dy = case.dy.clone();
            record(&format!("backward {activation:?}"), 5.0, &mut || {
                let dy = std::mem::take(&mut dy);
                std::hint::black_box(norm.backward(Cow::Borrowed(&case.x), dy, Added::Nothing));
            });
        }
        norm.activation = Activation::Relu;
        let (mut x, mut dy) = (case.x.clone(), case.dy.clone());
        record("backward Relu, residual, over x", 7.0, &mut || {
            let (x, dy) = (std::mem::take(&mut x), std::mem::take(&mut dy));
            std::hint::black_box(norm.backward(Cow::Owned(x), dy, Added::Result(&case.residual)));
        });
    }
    eprintln!("{}, {} threads, {rows} x {channels}", isa.name(), rayon::current_num_threads());
    for (name, passes, mut seconds) in lines {
        seconds.sort_by(f64::total_cmp);
        let (median, least) = (seconds[seconds.len() / 2], seconds[0]);
        let speed = passes * bytes / median / 1e9;
        eprintln!(
            "{name:34} {:7.2} ms {speed:6.1} GB/s, least {:.2} ms",
            median * 1e3,
            least * 1e3
        );
    }
}
