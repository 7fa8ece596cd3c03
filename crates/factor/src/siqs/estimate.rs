//! How much of a search some relations are.
//!
//! Relations with a large prime combine only when the prime comes again, so that the number of
//! independent relations grows ever faster. What `s` times as many relations would make can be
//! computed from their large primes: if a class of `N` primes has had `m` relations, it will have
//! `s m`, which are spread over about `N (1 - exp(-s m / N))` primes; the first with each is of no use.
use super::parameters::Parameters;

/// The weight of relations that suffice alone.
pub(crate) const WHOLE: u32 = 1_000_000;

/// When parts have this weight together, they are probably enough. Measured for 66 to 80 digits: from 1.5 to 2.5 % more than the
/// estimate, which does not know of relations that are found twice.
pub(crate) const ENOUGH: u64 = WHOLE as u64 * 102 / 100;

/// Classes of large primes, by logarithm.
const CLASSES: usize = 24;

pub(super) struct Estimate {
    needed: f64,
    /// The natural logarithm of the least large prime, and how much it grows from class to class.
    least: f64,
    step: f64,
    /// Relations without a large prime.
    full: u32,
    /// Relations of each class.
    partial: [u32; CLASSES],
}

impl Estimate {
    /// For a base of these primes.
    pub(super) fn new(needed: usize, primes: &[u32], parameters: &Parameters) -> Self {
        let least = primes.last().map_or(0.0, |&prime| f64::from(prime).ln());
        let most = f64::from(parameters.largest(primes)).ln();
        Self {
            needed: needed as f64,
            least,
            step: (most - least).max(1.0) / CLASSES as f64,
            full: 0,
            partial: [0; CLASSES],
        }
    }

    /// Counts a relation with this large prime, 1 if it has none.
    pub(super) fn add(&mut self, large: u32) {
        if large == 1 {
            self.full += 1;
            return;
        }
        let class = (f64::from(large).ln() - self.least) / self.step;
        self.partial[(class.max(0.0) as usize).min(CLASSES - 1)] += 1;
    }

    /// How many independent relations there are among `times` as many.
    fn independent(&self, times: f64) -> f64 {
        let partial = self.partial.iter().zip(0u8..).map(|(&found, class)| {
            let log = self.least + self.step * f64::from(class);
            // Modulo half of the primes `k n` is a square.
            let primes = ((log + self.step).exp() - log.exp()) / (log + self.step / 2.0) / 2.0;
            let found = f64::from(found) * times;
            found - primes * (1.0 - (-found / primes).exp())
        });
        f64::from(self.full) * times + partial.sum::<f64>()
    }

    /// How many times as many relations are needed. Infinite when there are none.
    pub(super) fn times(&self) -> f64 {
        if self.full == 0 && self.partial == [0; CLASSES] {
            return f64::INFINITY;
        }
        let (mut low, mut high) = (0.0, 1.0);
        while self.independent(high) < self.needed && high < 1e9 {
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            if self.independent(middle) < self.needed {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// How much of a search the relations are, in units of 1 / [`WHOLE`].
    pub(super) fn weight(&self) -> u32 {
        (f64::from(WHOLE) / self.times()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_weigh_what_they_are_of_the_whole() {
        let parameters = Parameters::new(200);
        let primes = [3, 80_021];
        let mut estimate = Estimate::new(1_000, &primes, &parameters);
        assert_eq!(estimate.weight(), 0);
        for _ in 0..100 {
            estimate.add(1);
        }
        assert!((99_990..=100_000).contains(&estimate.weight()));
        // Among few primes nearly every relation is of use.
        for _ in 0..10_000 {
            estimate.add(80_039);
        }
        let heavy = estimate.weight();
        assert!(heavy > WHOLE, "{heavy}");
        // Among many it is not.
        let mut sparse = Estimate::new(1_000, &primes, &parameters);
        for _ in 0..100 {
            sparse.add(1);
            sparse.add(6_000_011);
        }
        let light = sparse.weight();
        assert!((100_000..110_000).contains(&light), "{light}");
    }
}
