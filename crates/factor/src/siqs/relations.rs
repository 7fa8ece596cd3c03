//! The relations found, and how many independent ones they make.
use std::collections::{HashMap, HashSet};

use super::wide::{Cofactor, Wide};

/// The column of the sign, and that of the prime 2; those of the base follow.
pub(super) const SIGN: u16 = 0;
pub(super) const TWO: u16 = 1;
pub(super) const FIRST: usize = 2;

/// `root²` is the product of the columns' numbers and the large primes, up to a square that is
/// known: see [`super::root`].
pub(super) struct Relation {
    pub(super) root: Wide,
    /// 1 where there is none.
    pub(super) large: [u32; 2],
    /// Where its columns begin in the store.
    start: usize,
}

/// A value of a polynomial that is divided by the primes of the base.
pub(super) struct Division<'a> {
    rest: Cofactor,
    columns: &'a mut Vec<u16>,
}

impl<'a> Division<'a> {
    /// Begins with the sign and the prime 2. None for zero.
    pub(super) fn begin(value: &Wide, columns: &'a mut Vec<u16>) -> Option<Self> {
        if *value == Wide::default() {
            return None;
        }
        columns.clear();
        if value.is_negative() {
            columns.push(SIGN);
        }
        let mut rest = Cofactor::new(value);
        let twos = rest.take_twos();
        columns.extend((0..twos).map(|_| TWO));
        Some(Self { rest, columns })
    }

    /// Divides by a prime with this index as often as it can.
    #[inline(always)]
    pub(super) fn divide(&mut self, prime: u32, index: usize) {
        while self.rest.divide(prime) {
            self.columns.push((index + FIRST) as u16);
        }
    }

    /// The bits of what is left.
    pub(super) fn bits(&self) -> u32 {
        self.rest.bits()
    }

    /// The large prime that is left, 1 if none is, and the columns of the value times `a`, whose primes are
    /// given. None if it is above `largest`.
    pub(super) fn finish(self, largest: u32, factors: &[usize]) -> Option<(u32, &'a [u16])> {
        let rest = u32::try_from(self.rest.to_u64()?).ok()?;
        self.columns
            .extend(factors.iter().map(|&prime| (prime + FIRST) as u16));
        (rest <= largest).then_some((rest, self.columns.as_slice()))
    }
}

#[derive(Default)]
pub(super) struct Relations {
    relations: Vec<Relation>,
    /// The columns of all relations, as often as their primes divide.
    columns: Vec<u16>,
    seen: HashSet<u64>,
    /// A relation connects its large primes; each that closes a cycle makes a product in which all
    /// of them are squares (A. K. Lenstra and M. S. Manasse, "Factoring with two large primes",
    /// Math. Comp. 63 (1994)). The vertex 0 is the number 1.
    vertices: HashMap<u32, u32>,
    parents: Vec<u32>,
    cycles: usize,
    /// How many are looked for.
    needed: usize,
}

impl Relations {
    /// No relations, of which so many independent ones are looked for.
    pub(super) fn new(needed: usize) -> Self {
        let mut relations = Self {
            needed,
            ..Self::default()
        };
        relations.vertex(1);
        relations
    }

    /// Takes in a relation, unless it is known.
    pub(super) fn add(&mut self, root: Wide, columns: &[u16], large: [u32; 2]) {
        if !self.seen.insert(root.low_bits()) {
            return;
        }
        self.relations.push(Relation {
            root,
            large,
            start: self.columns.len(),
        });
        self.columns.extend_from_slice(columns);
        let ends = large.map(|prime| {
            let vertex = self.vertex(prime);
            self.component(vertex)
        });
        if ends[0] == ends[1] {
            self.cycles += 1;
        } else {
            self.parents[ends[0] as usize] = ends[1];
        }
    }

    fn vertex(&mut self, prime: u32) -> u32 {
        let next = self.parents.len() as u32;
        let vertex = *self.vertices.entry(prime).or_insert(next);
        if vertex == next {
            self.parents.push(next);
        }
        vertex
    }

    fn component(&mut self, mut vertex: u32) -> u32 {
        while self.parents[vertex as usize] != vertex {
            let above = self.parents[vertex as usize];
            self.parents[vertex as usize] = self.parents[above as usize];
            vertex = above;
        }
        vertex
    }

    /// How many independent products without a large prime there are.
    pub(super) fn cycles(&self) -> usize {
        self.cycles
    }

    /// How many are looked for.
    pub(super) fn needed(&self) -> usize {
        self.needed
    }

    pub(super) fn are_enough(&self) -> bool {
        self.cycles >= self.needed
    }

    /// Looks for so many more.
    pub(super) fn need(&mut self, more: usize) {
        self.needed += more;
    }

    pub(super) fn len(&self) -> usize {
        self.relations.len()
    }

    pub(super) fn relation(&self, index: usize) -> &Relation {
        &self.relations[index]
    }

    pub(super) fn columns(&self, index: usize) -> &[u16] {
        let end = self
            .relations
            .get(index + 1)
            .map_or(self.columns.len(), |next| next.start);
        &self.columns[self.relations[index].start..end]
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;

    #[test]
    fn cycles_are_counted_and_duplicates_left_out() {
        let mut relations = Relations::new(7);
        let mut add = |root: u32, large| {
            relations.add(Wide::new(&BigInt::from(root)), &[SIGN, TWO], large);
            (relations.len(), relations.cycles())
        };
        assert_eq!(add(1, [1, 1]), (1, 1));
        assert_eq!(add(1, [1, 1]), (1, 1));
        assert_eq!(add(2, [1, 7]), (2, 1));
        assert_eq!(add(3, [11, 13]), (3, 1));
        assert_eq!(add(4, [7, 11]), (4, 1));
        assert_eq!(add(5, [13, 1]), (5, 2));
        assert_eq!(add(6, [17, 17]), (6, 3));
        assert_eq!(relations.columns(0), [SIGN, TWO]);
        assert!(!relations.are_enough());
    }
}
