//! Axes: round numbers, and where values lie.

/// Values along an axis and the pixels that they are drawn at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f32,
    to: f32,
    logarithmic: bool,
}

impl Axis {
    /// An axis from pixel `from` to pixel `to` for the values; a little wider than they are where
    /// they are all the same.
    pub(super) fn new(values: impl Iterator<Item = f64>, from: f32, to: f32) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low <= f64::EPSILON * high.abs().max(low.abs()) {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - room, high + room);
        }
        Self { low, high, from, to, logarithmic: false }
    }

    /// The same axis with `share` of its length free at both ends.
    pub(super) fn padded(self, share: f64) -> Self {
        let room = (self.high - self.low) * share;
        Self { low: self.low - room, high: self.high + room, ..self }
    }

    /// The same axis with values of equal ratios equally far, if all are above zero.
    pub(super) fn logarithmic(self) -> Self {
        Self { logarithmic: self.low > 0.0, ..self }
    }

    pub(super) fn at(&self, value: f64) -> f32 {
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + (self.to - self.from) * share as f32
    }

    /// Round values within the axis, about `number` of them.
    pub(super) fn ticks(&self, number: usize) -> Vec<f64> {
        if self.logarithmic && self.high / self.low > 20.0 {
            let first = self.low.log10().ceil() as i32;
            let last = self.high.log10().floor() as i32;
            let step = ((last - first) / number.max(1) as i32).max(1) as usize;
            return (first..=last).step_by(step).map(|power| 10f64.powi(power)).collect();
        }
        let rough = (self.high - self.low) / number.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(rough);
        if !(step > 0.0 && step.is_finite()) {
            return vec![self.low];
        }
        let first = (self.low / step - 1e-6).ceil() as i64;
        let last = (self.high / step + 1e-6).floor() as i64;
        (first..=last).take(50).map(|count| count as f64 * step).collect()
    }

    /// Values that count something: no ticks between whole numbers.
    pub(super) fn whole_ticks(&self, number: usize) -> Vec<f64> {
        let mut ticks: Vec<f64> =
            self.ticks(number).into_iter().filter(|tick| tick.fract() == 0.0).collect();
        if ticks.is_empty() {
            ticks.push(((self.low + self.high) / 2.0).round());
        }
        ticks
    }
}

/// A number with as few digits as tell it from its neighbours.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&size) {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        return format!("{digits}e{power}").replace('-', "−");
    }
    let digits = if size >= 100.0 { 0 } else { (2 - size.log10().floor() as i32).clamp(0, 5) };
    let text = format!("{value:.*}", digits as usize);
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.replace('-', "−")
}
