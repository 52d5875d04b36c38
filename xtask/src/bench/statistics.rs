//! Medians and spreads of repeated measurements.

/// Repeated measurements of the same thing.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The value below which this part of the measurements lies, interpolated.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return f64::NAN };
        #[expect(clippy::cast_precision_loss, reason = "few measurements")]
        let position = part.clamp(0.0, 1.0) * last as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the last index"
        )]
        let (below, above) = (position.floor() as usize, position.ceil() as usize);
        match (self.0.get(below), self.0.get(above)) {
            (Some(low), Some(high)) => low + (high - low) * position.fract(),
            _ => f64::NAN,
        }
    }

    pub(super) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Half the distance between the quartiles, as a part of the median.
    pub(super) fn spread(&self) -> f64 {
        (self.quantile(0.75) - self.quantile(0.25)) / 2.0 / self.median()
    }

    /// Both together.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let mut all = self.clone();
        other.0.iter().for_each(|&value| all.push(value));
        all
    }

    /// In the order of size.
    pub(super) fn values(&self) -> &[f64] {
        &self.0
    }
}

/// How far two baselines of the same run are apart, or scatter, whichever is more: a smaller difference of
/// something else shows nothing.
pub(super) fn noise(first: &Samples, second: &Samples) -> f64 {
    let apart = (first.median() / second.median() - 1.0).abs();
    apart.max(first.spread()).max(second.spread())
}

#[cfg(test)]
mod tests {
    use super::{Samples, noise};

    fn samples(values: &[f64]) -> Samples {
        let mut samples = Samples::default();
        values.iter().for_each(|&value| samples.push(value));
        samples
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn medians_and_spreads() {
        let some = samples(&[5.0, 1.0, 3.0, 4.0, 2.0]);
        assert!(
            close(some.median(), 3.0) && close(some.quantile(0.25), 2.0) && close(some.spread(), 1.0 / 3.0)
        );
        assert!(close(samples(&[1.0, 2.0]).median(), 1.5));
        assert!(samples(&[]).median().is_nan());
    }

    #[test]
    fn noise_is_the_larger_of_distance_and_scatter() {
        let steady = samples(&[10.0, 10.0, 10.0]);
        assert!(close(noise(&steady, &samples(&[11.0, 11.0, 11.0])), 1.0 - 10.0 / 11.0));
        assert!(close(noise(&steady, &samples(&[8.0, 10.0, 12.0])), 0.1));
    }
}
