//! From polynomials to relations.
use std::ops::ControlFlow;

use num_bigint::BigUint;

use super::{
    parameters::Parameters,
    polynomial::{CHUNK, Polynomials},
    relations::{FIRST, Relations, SIGN, TWO},
    sieve::{BLOCK, Sieve},
    wide::Cofactor,
};
use pacer::{Interrupted, Pacer};

/// The cost of a candidate in the units of the pacer, without the check of every prime.
const CANDIDATE: usize = 400;

pub(super) struct Search {
    sieve: Sieve,
    half: u32,
    /// Units of the sieve's cells for a bit.
    scale: f64,
    /// The largest prime that a value may have besides those of the base.
    largest: u64,
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
        let largest = primes.last().copied().unwrap_or(1);
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
            largest: u64::from(largest) * u64::from(parameters.large),
            slack: parameters.slack,
            candidates: Vec::new(),
            columns: Vec::new(),
            divisors: Vec::new(),
        }
    }

    /// Sieves all polynomials with one leading coefficient, or as many as are needed.
    pub(super) async fn sieve<P: AsyncFnMut() -> ControlFlow<()>>(
        &mut self,
        polynomials: &mut Polynomials,
        relations: &mut Relations,
        needed: usize,
        pacer: &mut Pacer<P>,
    ) -> Result<(), Interrupted> {
        let large = self.sieve.large();
        self.sieve.set_logs(&polynomials.factors, self.scale, false);
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
                    self.check(block, place, found, polynomials, relations);
                }
            }
            if relations.cycles() >= needed {
                break;
            }
            change = polynomials.next_part();
            if change.is_none() {
                break;
            }
        }
        self.sieve.set_logs(&polynomials.factors, self.scale, true);
        Ok(())
    }

    /// Divides a candidate by all primes of the base, and keeps it if little is left.
    fn check(
        &mut self,
        block: usize,
        place: u32,
        found: u8,
        polynomials: &mut Polynomials,
        relations: &mut Relations,
    ) {
        let index = (block * BLOCK) as u32 + place;
        let x = index as i32 - self.half as i32;
        let value = polynomials.value(x);
        let primes = &polynomials.primes;
        let columns = &mut self.columns;
        columns.clear();
        if value.is_negative() {
            columns.push(SIGN);
        }
        if value == super::wide::Wide::default() {
            return;
        }
        let mut rest = Cofactor::new(&value);
        let twos = rest.take_twos();
        columns.extend((0..twos).map(|_| TWO));
        let mut divide = |rest: &mut Cofactor, prime: usize| {
            while rest.divide(primes[prime]) {
                columns.push((prime + FIRST) as u16);
            }
        };
        let [first, second] = &polynomials.roots;
        for prime in 0..self.sieve.small() {
            let residue = index % primes[prime];
            if residue == first[prime] || residue == second[prime] {
                divide(&mut rest, prime);
            }
        }
        if f64::from(rest.bits()) - f64::from(found) / self.scale > self.slack {
            return;
        }
        for &prime in &polynomials.factors {
            divide(&mut rest, prime);
        }
        self.divisors.clear();
        let divisors = &mut self.divisors;
        self.sieve
            .divisors(block, place, |prime| divisors.push(prime));
        for &prime in &self.divisors {
            divide(&mut rest, prime);
        }
        let Some(rest) = rest.to_u64().filter(|&rest| rest <= self.largest) else {
            return;
        };
        columns.extend(
            polynomials
                .factors
                .iter()
                .map(|&prime| (prime + FIRST) as u16),
        );
        relations.add(polynomials.square_root(x), columns, [1, rest as u32]);
    }
}
