//! What the sieve does for numbers of which size.

/// How to sieve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// Primes in the base.
    pub(super) base: usize,
    /// Half the length of the interval of each polynomial.
    pub(super) half: u32,
    /// The binary logarithm of what may be left of a value after the sieved primes have been
    /// divided out.
    pub(super) slack: f64,
    /// A large prime is at most this many times the largest prime of the base.
    pub(super) large: u32,
    /// Primes below are not sieved with.
    pub(super) least: u32,
}

/// Bits of `k n`, primes in the base, half the interval in units of 1024, slack, multiple for large
/// primes, least prime.
const TABLE: [(u32, usize, u32, f64, u32, u32); 14] = [
    (50, 40, 2, 12.0, 20, 5),
    (64, 60, 4, 14.0, 20, 7),
    (80, 100, 8, 16.0, 30, 11),
    (100, 190, 16, 18.0, 30, 17),
    (116, 320, 16, 20.0, 40, 23),
    (133, 560, 16, 22.0, 40, 31),
    (150, 1000, 32, 25.0, 50, 47),
    (166, 1700, 32, 27.0, 60, 61),
    (183, 2600, 64, 29.0, 70, 79),
    (200, 4000, 64, 31.0, 80, 97),
    (216, 6500, 96, 33.0, 80, 127),
    (233, 12000, 128, 36.0, 90, 127),
    (250, 22000, 192, 38.0, 100, 191),
    (282, 55000, 256, 42.0, 120, 251),
];

impl Parameters {
    pub(crate) fn new(bits: u32) -> Self {
        let upper = TABLE
            .partition_point(|row| row.0 < bits)
            .clamp(1, TABLE.len() - 1);
        let (low, high) = (TABLE[upper - 1], TABLE[upper]);
        let part = (f64::from(bits) - f64::from(low.0)) / f64::from(high.0 - low.0);
        let part = part.clamp(0.0, 1.0);
        let between = |a: f64, b: f64| a + (b - a) * part;
        // Sizes grow by factors.
        let scaled = |a: f64, b: f64| between(a.ln(), b.ln()).exp();
        let tune = Self {
            base: scaled(low.1 as f64, high.1 as f64) as usize,
            half: scaled(f64::from(low.2), f64::from(high.2)).round() as u32 * 1024,
            slack: between(low.3, high.3),
            large: between(f64::from(low.4), f64::from(high.4)) as u32,
            least: between(f64::from(low.5), f64::from(high.5)) as u32,
        };
        // TUNE
        let env = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<f64>().ok());
        Self {
            base: env("BASE").map_or(tune.base, |v| v as usize),
            half: env("HALF").map_or(tune.half, |v| v as u32 * 1024),
            slack: env("SLACK").unwrap_or(tune.slack),
            large: env("LARGE").map_or(tune.large, |v| v as u32),
            least: env("LEAST").map_or(tune.least, |v| v as u32),
        }
    }
}
