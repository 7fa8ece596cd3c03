//! From polynomials to relations.

use num_bigint::BigUint;

use super::{
    parameters::Parameters,
    polynomial::{CHUNK, Polynomials},
    relations::{Division, Relations},
    sieve::{BLOCK, Sieve},
    wide::Wide,
};
use pacer::{Interrupted, Pacer};

/// The cost of a candidate in the units of the pacer, without the check of every prime.
const CANDIDATE: usize = 400;

/// A relation: the polynomial's value at a place is a product of primes of the base and a large prime.
pub(super) struct Found<'a> {
    /// The polynomial's number among those with the same leading coefficient.
    pub(super) polynomial: u32,
    /// Counted from the start of the interval.
    pub(super) place: u32,
    /// See [`super::relations::Relation`].
    pub(super) root: Wide,
    pub(super) columns: &'a [u16],
    /// The indices of the primes of the leading coefficient, whose columns are the last ones.
    pub(super) factors: &'a [usize],
    /// 1 if there is none.
    pub(super) large: u32,
}

/// What takes in the relations.
pub(super) trait Sink {
    fn add(&mut self, found: Found<'_>);

    /// Whether the search may end.
    fn is_enough(&self) -> bool;
}

impl Sink for Relations {
    fn add(&mut self, found: Found<'_>) {
        self.add(found.root, found.columns, [1, found.large]);
    }

    fn is_enough(&self) -> bool {
        self.are_enough()
    }
}

pub(super) struct Search {
    sieve: Sieve,
    half: u32,
    /// Units of the sieve's cells for a bit.
    scale: f64,
    /// The largest prime that a value may have besides those of the base.
    largest: u32,
    /// The bits that may be left when all but the primes of the base that were not sieved with are
    /// divided out.
    slack: f64,
    /// Reused.
    candidates: Vec<(u32, u8)>,
    columns: Vec<u16>,
    divisors: Vec<usize>,
}

impl Search {
    pub(super) fn new(kn: &BigUint, primes: &[u32], parameters: &Parameters) -> Self {
        // The largest value is half sqrt(k n / 8).
        let size = (kn.bits() as f64 - 3.0) / 2.0 + f64::from(parameters.half).log2();
        let threshold = size - parameters.slack;
        let scale = (100.0 / threshold).min(4.0);
        Self {
            sieve: Sieve::new(
                primes,
                parameters.half,
                parameters.least,
                threshold * scale,
                scale,
            ),
            half: parameters.half,
            scale,
            largest: parameters.largest(primes),
            slack: parameters.slack,
            candidates: Vec::new(),
            columns: Vec::new(),
            divisors: Vec::new(),
        }
    }

    /// Sieves all polynomials with one leading coefficient, or until the sink has enough.
    pub(super) async fn sieve(
        &mut self,
        polynomials: &mut Polynomials,
        sink: &mut impl Sink,
        pacer: &mut Pacer<'_>,
    ) -> Result<(), Interrupted> {
        let large = self.sieve.large();
        self.sieve
            .set_logs(polynomials.factors(), self.scale, false);
        let mut change = None;
        loop {
            if let Some((part, grows)) = change {
                pacer.spend(large.start / 4).await?;
                polynomials.step(part, grows, 0..large.start);
            }
            self.sieve.begin(&polynomials.roots);
            for start in large.clone().step_by(CHUNK) {
                let range = start..(start + CHUNK).min(large.end);
                pacer.spend(2 * range.len()).await?;
                if let Some((part, grows)) = change {
                    polynomials.step(part, grows, range.clone());
                }
                self.sieve.enter(&polynomials.roots, range);
            }
            for block in 0..self.sieve.blocks() {
                pacer.spend(self.sieve.cost()).await?;
                self.sieve.sieve(block);
                self.candidates.clear();
                self.sieve.candidates(block, &mut self.candidates);
                for number in 0..self.candidates.len() {
                    pacer.spend(CANDIDATE + large.start / 8).await?;
                    let (place, found) = self.candidates[number];
                    self.check(block, place, found, polynomials, sink);
                }
            }
            if sink.is_enough() {
                break;
            }
            change = polynomials.coefficients.next_part();
            if change.is_none() {
                break;
            }
        }
        self.sieve.set_logs(polynomials.factors(), self.scale, true);
        Ok(())
    }

    /// Divides a candidate by all primes of the base, and keeps it if little is left.
    fn check(
        &mut self,
        block: usize,
        place: u32,
        found: u8,
        polynomials: &mut Polynomials,
        sink: &mut impl Sink,
    ) {
        let index = (block * BLOCK) as u32 + place;
        let x = index as i32 - self.half as i32;
        let value = polynomials.coefficients.value(x);
        let primes = &polynomials.primes;
        let Some(mut division) = Division::begin(&value, &mut self.columns) else {
            return;
        };
        let [first, second] = &polynomials.roots;
        for prime in 0..self.sieve.small() {
            let residue = index % primes[prime];
            if residue == first[prime] || residue == second[prime] {
                division.divide(primes[prime], prime);
            }
        }
        if f64::from(division.bits()) - f64::from(found) / self.scale > self.slack {
            return;
        }
        let factors = polynomials.factors();
        for &prime in factors {
            division.divide(primes[prime], prime);
        }
        self.divisors.clear();
        let divisors = &mut self.divisors;
        self.sieve
            .divisors(block, place, |prime| divisors.push(prime));
        for &prime in &self.divisors {
            division.divide(primes[prime], prime);
        }
        let Some((large, columns)) = division.finish(self.largest, factors) else {
            return;
        };
        sink.add(Found {
            polynomial: polynomials.coefficients.index(),
            place: index,
            root: polynomials.coefficients.square_root(x),
            columns,
            factors,
            large,
        });
    }
}
