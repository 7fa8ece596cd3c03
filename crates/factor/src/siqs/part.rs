//! The relations of some leading coefficients, on the way between two instances.
//!
//! Only what is laborious to find is sent: where the value is, and which primes divide it. The
//! receiver computes the value again and divides it, so that it takes nothing on trust.
//!
//! Numbers are in LEB128. First the first number of a leading coefficient and how many there are; then
//! for each with relations its offset from the number before, and the relations: the offset of the
//! polynomial from the one before plus 1, the place, the large prime, the number of primes, and their
//! indices in the base, each as the difference from the one before. A zero follows the last relation.
use std::{collections::BTreeMap, ops::Range};

use pacer::{Interrupted, Pacer};

use super::{
    ENOUGH, Solved, Start,
    coefficients::Coefficients,
    estimate::Estimate,
    relations::{Division, FIRST, Relations},
    search::{Found, Sink},
};

/// More leading coefficients than any search takes.
pub(super) const MOST_NUMBERS: u32 = 1 << 16;
/// What a relation costs its receiver, and each of its primes, in the units of the pacer.
const RELATION: usize = 300;
const PRIME: usize = 20;
/// What the first value of a polynomial costs.
const POLYNOMIAL: usize = 200;

/// The relations of some leading coefficients.
pub(crate) struct Yield {
    bytes: Vec<u8>,
    estimate: Estimate,
    /// The number that the next one counts from.
    next: u32,
    /// Whether relations of a leading coefficient are being written.
    is_open: bool,
    /// The current leading coefficient, and the polynomial of the last relation.
    number: u32,
    polynomial: u32,
    /// Reused.
    indices: Vec<u32>,
}

impl Yield {
    pub(super) fn new(numbers: &Range<u32>, start: &Start) -> Self {
        let mut bytes = Vec::new();
        write(&mut bytes, numbers.start);
        write(&mut bytes, numbers.end - numbers.start);
        Self {
            bytes,
            estimate: Estimate::new(start.needed(), &start.base.primes, &start.parameters),
            next: numbers.start,
            is_open: false,
            number: numbers.start,
            polynomial: 0,
            indices: Vec::new(),
        }
    }

    /// Turns to a leading coefficient.
    pub(super) fn begin(&mut self, number: u32) {
        self.close();
        (self.number, self.polynomial) = (number, 0);
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            write(&mut self.bytes, 0);
        }
    }

    /// How much of the search they are, in units of 1 / [`super::WHOLE`].
    pub(crate) fn weight(&self) -> u32 {
        self.estimate.weight()
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.close();
        self.bytes
    }
}

impl Sink for Yield {
    fn add(&mut self, found: Found<'_>) {
        if !self.is_open {
            write(&mut self.bytes, self.number - self.next);
            self.next = self.number;
            self.is_open = true;
        }
        let indices = &mut self.indices;
        indices.clear();
        let columns = found.columns.iter().map(|&column| usize::from(column));
        let primes = columns.filter_map(|column| column.checked_sub(FIRST));
        indices.extend(
            primes
                .filter(|index| !found.factors.contains(index))
                .map(|index| index as u32),
        );
        indices.sort_unstable();
        indices.dedup();
        let bytes = &mut self.bytes;
        write(bytes, found.polynomial - self.polynomial + 1);
        self.polynomial = found.polynomial;
        write(bytes, found.place);
        write(bytes, found.large);
        write(bytes, indices.len() as u32);
        let mut before = 0;
        for &index in &*indices {
            write(bytes, index - before);
            before = index;
        }
        self.estimate.add(found.large);
    }

    fn is_enough(&self) -> bool {
        false
    }
}

/// The bytes are not the relations of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

fn write(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Result<u32, Corrupt> {
        let mut number = 0u64;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Corrupt)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return number.try_into().map_err(|_| Corrupt);
            }
        }
        Err(Corrupt)
    }

    /// A number that is added to another.
    fn offset(&mut self, base: u32) -> Result<u32, Corrupt> {
        base.checked_add(self.number()?).ok_or(Corrupt)
    }
}

/// Takes in all relations, and estimates what is missing if they are not enough.
pub(super) async fn read(
    start: Start,
    results: &[&[u8]],
    relations: &mut Relations,
    pacer: &mut Pacer<'_>,
) -> Result<Result<Solved, Corrupt>, Interrupted> {
    // By their first number: what is there twice is left out.
    let mut parts = BTreeMap::new();
    for result in results {
        let mut reader = Reader(result);
        let (Ok(first), Ok(count)) = (reader.number(), reader.number()) else {
            return Ok(Err(Corrupt));
        };
        if first.saturating_add(count) > MOST_NUMBERS {
            return Ok(Err(Corrupt));
        }
        parts.insert(first, (first..first + count, reader));
    }
    let mut receiver = Receiver {
        coefficients: Coefficients::new(&start.kn),
        estimate: Estimate::new(start.needed(), &start.base.primes, &start.parameters),
        start,
        relations,
        columns: Vec::new(),
        indices: Vec::new(),
    };
    let (mut next, mut sieved) = (0, 0);
    for (numbers, reader) in parts.into_values() {
        // The parts are disjoint, and the leading coefficients come in order.
        if numbers.start < next {
            return Ok(Err(Corrupt));
        }
        sieved += numbers.end - numbers.start;
        next = match receiver.part(numbers, reader, next, pacer).await? {
            Ok(next) => next,
            Err(corrupt) => return Ok(Err(corrupt)),
        };
    }
    // Some more than the estimate: with too few, the job needs another round.
    let more = (receiver.estimate.times() - 1.0).max(0.01) * 1.02;
    let numbers = (more * f64::from(sieved)).min(f64::from(MOST_NUMBERS)) as u32 + 1;
    let weight = ENOUGH
        .saturating_sub(receiver.estimate.weight().into())
        .max(ENOUGH / 100);
    Ok(Ok(Solved::Missing { numbers, weight }))
}

struct Receiver<'a> {
    start: Start,
    coefficients: Coefficients,
    estimate: Estimate,
    relations: &'a mut Relations,
    /// Reused.
    columns: Vec<u16>,
    indices: Vec<usize>,
}

impl Receiver<'_> {
    /// Takes in a part. `next` is the number of the leading coefficient that comes next; returns the one
    /// that does so then.
    async fn part(
        &mut self,
        numbers: Range<u32>,
        mut reader: Reader<'_>,
        mut next: u32,
        pacer: &mut Pacer<'_>,
    ) -> Result<Result<u32, Corrupt>, Interrupted> {
        let mut number = numbers.start;
        while !reader.0.is_empty() {
            number = match reader.offset(number) {
                Ok(number) if number >= next && number < numbers.end => number,
                _ => return Ok(Err(Corrupt)),
            };
            let mut rows = None;
            while next <= number {
                rows = self.start.leading.choose(pacer).await?;
                next += 1;
            }
            let Some(rows) = rows else {
                return Ok(Err(Corrupt));
            };
            let factors = self.start.leading.factors(&rows);
            let base = &self.start.base;
            self.coefficients.begin(factors, &base.primes, &base.roots);
            loop {
                match reader.number() {
                    Ok(0) => break,
                    Ok(step) => {
                        let target = self.coefficients.index().checked_add(step - 1);
                        let Some(target) = target.filter(|&to| to < self.coefficients.count())
                        else {
                            return Ok(Err(Corrupt));
                        };
                        while self.coefficients.index() < target {
                            pacer.spend(POLYNOMIAL).await?;
                            self.coefficients.next_part();
                        }
                        pacer.spend(POLYNOMIAL + RELATION).await?;
                    }
                    Err(corrupt) => return Ok(Err(corrupt)),
                }
                let large = match self.relation(&mut reader) {
                    Ok(large) => large,
                    Err(corrupt) => return Ok(Err(corrupt)),
                };
                self.estimate.add(large);
                pacer.spend(PRIME * self.indices.len().min(500)).await?;
            }
        }
        Ok(Ok(next))
    }

    /// Takes in a relation of the current polynomial, and returns its large prime.
    fn relation(&mut self, reader: &mut Reader<'_>) -> Result<u32, Corrupt> {
        let half = self.start.parameters.half;
        let primes = &self.start.base.primes;
        let place = reader.number()?;
        let large = reader.number()?;
        let count = reader.number()?;
        // No value has more prime factors than bits.
        if place >= 2 * half || large == 0 || u64::from(count) > super::MAX_BITS {
            return Err(Corrupt);
        }
        let x = place as i32 - half as i32;
        let value = self.coefficients.value(x);
        let mut division = Division::begin(&value, &mut self.columns).ok_or(Corrupt)?;
        let factors = &self.coefficients.factors;
        for &index in factors {
            division.divide(primes[index], index);
        }
        let mut index = 0;
        self.indices.clear();
        for _ in 0..count {
            index = reader.offset(index)?;
            let prime = *primes.get(index as usize).ok_or(Corrupt)?;
            division.divide(prime, index as usize);
            self.indices.push(index as usize);
        }
        let largest = self.start.parameters.largest(primes);
        let (rest, columns) = division.finish(largest, factors).ok_or(Corrupt)?;
        if rest != large {
            return Err(Corrupt);
        }
        let root = self.coefficients.square_root(x);
        self.relations.add(root, columns, [1, large]);
        Ok(large)
    }
}
