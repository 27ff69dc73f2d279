//! t-distributed stochastic neighbour embedding (van der Maaten and Hinton 2008).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::affinity::Affinities;
use super::gradient::Forces;
use super::{Neighbours, Points, ProjectionError, check, nearest_neighbours, pca};

const INITIAL_DEVIATION: f64 = 1e-4;
const EARLY_MOMENTUM: f32 = 0.5;
const MOMENTUM: f32 = 0.8;
const GAIN_STEP: f32 = 0.2;
const GAIN_DECAY: f32 = 0.8;
const LOWEST_GAIN: f32 = 0.01;

/// How to place points in the plane so that near ones stay near. Names, defaults and results are
/// scikit-learn's `TSNE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tsne {
    /// How many neighbours a point has, smoothly counted: more than 1, below the number of points.
    pub perplexity: f64,
    /// Attraction is so many times stronger at first, which draws clusters together.
    pub early_exaggeration: f64,
    /// Iterations with early exaggeration.
    pub early_iterations: usize,
    /// All iterations.
    pub iterations: usize,
    /// The step.
    pub learning_rate: LearningRate,
    /// A cell whose side is less than `angle` times its distance repels as one point; 0 is exact.
    pub angle: f64,
    /// Where points start.
    pub initialization: Initialization,
    /// Of [`Initialization::Random`].
    pub seed: u64,
}

/// The step of t-SNE's gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LearningRate {
    /// `max(count / early_exaggeration / 4, 50)` (Belkina et al. 2019).
    Auto,
    /// This one.
    Fixed(f64),
}

/// Where t-SNE's points start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialization {
    /// Along the first two principal components, with a standard deviation of 1e-4 along the
    /// first: keeps what is far apart on far sides, and is the same each time.
    Pca,
    /// Normally distributed with a standard deviation of 1e-4.
    Random,
}

impl Default for Tsne {
    fn default() -> Self {
        Self {
            perplexity: 30.0,
            early_exaggeration: 12.0,
            early_iterations: 250,
            iterations: 1000,
            learning_rate: LearningRate::Auto,
            angle: 0.5,
            initialization: Initialization::Pca,
            seed: 0,
        }
    }
}

/// Points in the plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// Where each point lies.
    pub points: Vec<[f32; 2]>,
    /// The Kullback-Leibler divergence in nats between similarities of neighbours in the features
    /// and in the plane, over all pairs without approximation: the smaller, the truer the picture.
    pub kl_divergence: f64,
}

impl Tsne {
    /// Places points in the plane. The time grows with the square of the number of points (the
    /// search for neighbours), which a caller has to bound; see [`evenly_spread`](super::evenly_spread).
    ///
    /// # Errors
    /// [`ProjectionError::Setting`] if a setting is out of its range.
    pub fn fit(&self, points: Points<'_>) -> Result<Embedding, ProjectionError> {
        self.check(points.count())?;
        let each = ((3.0 * self.perplexity + 1.0) as usize).min(points.count() - 1);
        let neighbours = nearest_neighbours(points, each)?;
        let start = self.start(points)?;
        Ok(self.descend(&neighbours, start))
    }

    fn check(&self, count: usize) -> Result<(), ProjectionError> {
        check(count >= 4, "the number of points", count as f64, "at least 4")?;
        check(
            self.perplexity > 1.0 && self.perplexity < count as f64,
            "perplexity",
            self.perplexity,
            format!("more than 1, and less than the {count} points"),
        )?;
        check(
            self.early_exaggeration >= 1.0 && self.early_exaggeration.is_finite(),
            "early_exaggeration",
            self.early_exaggeration,
            "at least 1",
        )?;
        check((0.0..=1.0).contains(&self.angle), "angle", self.angle, "0 to 1")?;
        if let LearningRate::Fixed(rate) = self.learning_rate {
            check(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "more than 0")?;
        }
        Ok(())
    }

    fn start(&self, points: Points<'_>) -> Result<Vec<[f32; 2]>, ProjectionError> {
        let count = points.count();
        if self.initialization == Initialization::Random {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            let mut draw = || {
                let value: f64 = StandardNormal.sample(&mut random);
                (value * INITIAL_DEVIATION) as f32
            };
            return Ok((0..count).map(|_| [draw(), draw()]).collect());
        }
        let pca = pca(points, points.width().min(2))?;
        let variance = pca.projected.iter().map(|row| row[0] * row[0]).sum::<f64>() / count as f64;
        let scale = if variance > 0.0 { INITIAL_DEVIATION / variance.sqrt() } else { 0.0 };
        let at =
            |row: &[f64], axis: usize| row.get(axis).map_or(0.0, |value| (value * scale) as f32);
        Ok(pca.projected.iter().map(|row| [at(row, 0), at(row, 1)]).collect())
    }

    fn descend(&self, neighbours: &Neighbours, start: Vec<[f32; 2]>) -> Embedding {
        let count = start.len();
        let affinities = Affinities::new(neighbours, self.perplexity);
        let rate = match self.learning_rate {
            LearningRate::Auto => (count as f64 / self.early_exaggeration / 4.0).max(50.0),
            LearningRate::Fixed(rate) => rate,
        } as f32;
        let mut points = start;
        let mut velocity = vec![[0.0f32; 2]; count];
        let mut gains = vec![[1.0f32; 2]; count];
        let mut forces = Forces::new(count);
        for iteration in 0..self.iterations {
            let early = iteration < self.early_iterations;
            let exaggeration = if early { self.early_exaggeration as f32 } else { 1.0 };
            let momentum = if early { EARLY_MOMENTUM } else { MOMENTUM };
            forces.attract(&affinities, &points);
            forces.repel(&points, self.angle as f32);
            let normalizer = (1.0 / forces.normalizer.max(f64::MIN_POSITIVE)) as f32;
            for point in 0..count {
                for axis in 0..2 {
                    let gradient = 4.0
                        * (exaggeration * forces.attraction[point][axis]
                            - normalizer * forces.repulsion[point][axis]);
                    let speed = &mut velocity[point][axis];
                    let gain = &mut gains[point][axis];
                    // Faster where the direction stays, slower where it turns (Jacobs 1988).
                    *gain = if *speed * gradient < 0.0 {
                        *gain + GAIN_STEP
                    } else {
                        (*gain * GAIN_DECAY).max(LOWEST_GAIN)
                    };
                    *speed = momentum * *speed - rate * *gain * gradient;
                    points[point][axis] += *speed;
                }
            }
        }
        let kl_divergence = divergence(&affinities, &points, &mut forces);
        Embedding { points, kl_divergence }
    }
}

fn divergence(affinities: &Affinities, points: &[[f32; 2]], forces: &mut Forces) -> f64 {
    forces.repel(points, 0.0);
    let normalizer = forces.normalizer.max(f64::MIN_POSITIVE);
    let mut sum = 0.0;
    for (point, here) in points.iter().enumerate() {
        for place in affinities.starts[point]..affinities.starts[point + 1] {
            let wanted = f64::from(affinities.values[place]);
            if wanted > 0.0 {
                let there = points[affinities.columns[place] as usize];
                let (dx, dy) = (f64::from(here[0] - there[0]), f64::from(here[1] - there[1]));
                let found = 1.0 / (1.0 + dx * dx + dy * dy) / normalizer;
                sum += wanted * (wanted / found).ln();
            }
        }
    }
    sum
}
