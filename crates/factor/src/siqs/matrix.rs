//! Dependencies between relations: sets of them whose product is a square.
//!
//! First structured elimination (C. Pomerance and J. W. Smith, "Reduction of huge, sparse matrices
//! over finite fields via created catastrophes", Experiment. Math. 1 (1992)): a prime that few
//! relations have is eliminated by adding one of these to the others, while the sets stay sparse.
//! What is left is eliminated in bits.
use std::collections::HashMap;

use super::{
    kernel,
    relations::{FIRST, Relations},
};
use pacer::{Interrupted, Pacer};

/// Columns that more than one in so many relations has are kept in bits from the start.
const DENSE: usize = 12;
/// A prime that more sets have is left to the elimination in bits.
const HEAVIEST: usize = 14;
/// How many more relations than columns are used.
const EXCESS: usize = 48;
/// Relations looked at between two calls of the pacer.
const CHUNK: usize = 4096;

/// A product of relations.
#[derive(Default)]
struct Set {
    /// The sparse columns with an odd exponent, ascending.
    columns: Vec<u32>,
    /// The dense ones, in bits.
    dense: Vec<u64>,
    /// Ascending.
    relations: Vec<u32>,
}

impl Set {
    fn add(&mut self, other: &Self) {
        self.columns = difference(&self.columns, &other.columns);
        self.relations = difference(&self.relations, &other.relations);
        for (word, other) in self.dense.iter_mut().zip(&other.dense) {
            *word ^= other;
        }
    }

    fn weight(&self) -> usize {
        self.columns.len() + self.relations.len()
    }
}

/// What is in exactly one of two ascending lists.
fn difference(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x < y {
            merged.push(*x);
            i += 1;
        } else if y < x {
            merged.push(*y);
            j += 1;
        } else {
            i += 1;
            j += 1;
        }
    }
    merged.extend_from_slice(&a[i..]);
    merged.extend_from_slice(&b[j..]);
    merged
}

/// Sets of relations in which every column and large prime has an even exponent.
pub(super) async fn dependencies(
    relations: &Relations,
    primes: usize,
    pacer: &mut Pacer<'_>,
) -> Result<Vec<Vec<u32>>, Interrupted> {
    let sets = sets(relations, primes + FIRST, pacer).await?;
    let sets = eliminate(sets, pacer).await?;
    let kernel = kernel(&sets, pacer).await?;
    let mut dependencies = Vec::with_capacity(kernel.len());
    let mut odd = vec![false; relations.len()];
    for combination in kernel {
        for index in combination {
            let members = &sets[index].relations;
            pacer.spend(members.len().min(15_000)).await?;
            for &member in members {
                odd[member as usize] ^= true;
            }
        }
        let mut members = Vec::new();
        for (start, chunk) in odd.chunks_mut(CHUNK).enumerate() {
            pacer.spend(CHUNK / 4).await?;
            for (offset, odd) in chunk.iter_mut().enumerate() {
                if std::mem::take(odd) {
                    members.push((start * CHUNK + offset) as u32);
                }
            }
        }
        dependencies.push(members);
    }
    Ok(dependencies)
}

/// A set for each relation that has no large prime of its own.
async fn sets(
    relations: &Relations,
    base_columns: usize,
    pacer: &mut Pacer<'_>,
) -> Result<Vec<Set>, Interrupted> {
    let mut kept: Vec<u32> = (0..relations.len() as u32).collect();
    let mut counts: HashMap<u32, u32> = HashMap::new();
    for &index in &kept {
        pacer.spend(20).await?;
        for prime in relations.relation(index as usize).large {
            *counts.entry(prime).or_default() += 1;
        }
    }
    loop {
        let before = kept.len();
        let mut still = Vec::with_capacity(before);
        for &index in &kept {
            pacer.spend(20).await?;
            let large = relations.relation(index as usize).large;
            if large.iter().all(|prime| *prime == 1 || counts[prime] > 1) {
                still.push(index);
            } else {
                for prime in large {
                    counts.entry(prime).and_modify(|count| *count -= 1);
                }
            }
        }
        kept = still;
        if kept.len() == before {
            break;
        }
    }
    let mut weights = vec![0usize; base_columns];
    for &index in &kept {
        let columns = relations.columns(index as usize);
        pacer.spend(columns.len()).await?;
        for &column in columns {
            weights[column as usize] += 1;
        }
    }
    // The sign and 2 are divisors of every other relation.
    let mut dense: Vec<u16> = (0..base_columns as u16)
        .filter(|&column| weights[column as usize] * DENSE > kept.len())
        .collect();
    dense.sort_unstable();
    let mut large_columns: HashMap<u32, u32> = HashMap::new();
    let mut sets = Vec::with_capacity(kept.len());
    for &index in &kept {
        let columns = relations.columns(index as usize);
        pacer.spend(4 * columns.len()).await?;
        let mut set = Set {
            columns: Vec::with_capacity(columns.len()),
            dense: vec![0; dense.len().div_ceil(64)],
            relations: vec![index],
        };
        let mut sorted = columns.to_vec();
        sorted.sort_unstable();
        for run in sorted.chunk_by(|a, b| a == b) {
            if run.len() % 2 == 0 {
                continue;
            }
            match dense.binary_search(&run[0]) {
                Ok(bit) => set.dense[bit / 64] ^= 1 << (bit % 64),
                Err(_) => set.columns.push(u32::from(run[0])),
            }
        }
        let mut large: Vec<u32> = relations.relation(index as usize).large.to_vec();
        large.sort_unstable();
        for run in large.chunk_by(|a, b| a == b) {
            if run.len() == 1 && run[0] != 1 {
                let next = (base_columns + large_columns.len()) as u32;
                set.columns
                    .push(*large_columns.entry(run[0]).or_insert(next));
            }
        }
        set.columns.sort_unstable();
        sets.push(set);
    }
    Ok(sets)
}

/// The structured elimination: fewer sets, with fewer sparse columns by as many.
async fn eliminate(mut sets: Vec<Set>, pacer: &mut Pacer<'_>) -> Result<Vec<Set>, Interrupted> {
    let width = sets
        .iter()
        .filter_map(|set| set.columns.last())
        .max()
        .map_or(0, |&last| last as usize + 1);
    let mut owners: Vec<Vec<u32>> = vec![Vec::new(); width];
    for (index, set) in sets.iter().enumerate() {
        pacer.spend(set.columns.len()).await?;
        for &column in &set.columns {
            owners[column as usize].push(index as u32);
        }
    }
    let mut queues: Vec<Vec<u32>> = vec![Vec::new(); HEAVIEST + 1];
    for (column, owners) in owners.iter().enumerate() {
        if let Some(queue) = queues.get_mut(owners.len()) {
            queue.push(column as u32);
        }
    }
    while let Some(column) = queues.iter_mut().find_map(Vec::pop) {
        pacer.spend(10).await?;
        let owning = std::mem::take(&mut owners[column as usize]);
        // A column comes into a queue with each change of its weight.
        if owning.len() > HEAVIEST {
            owners[column as usize] = owning;
            continue;
        }
        let Some(&pivot) = owning
            .iter()
            .min_by_key(|&&owner| sets[owner as usize].weight())
        else {
            continue;
        };
        let pivot_set = std::mem::take(&mut sets[pivot as usize]);
        for &owner in owning.iter().filter(|&&owner| owner != pivot) {
            let set = &mut sets[owner as usize];
            pacer
                .spend((set.weight() + pivot_set.weight()).min(15_000))
                .await?;
            for &other in pivot_set.columns.iter().filter(|&&other| other != column) {
                let owners = &mut owners[other as usize];
                if set.columns.binary_search(&other).is_ok() {
                    owners.retain(|&existing| existing != owner);
                } else {
                    owners.push(owner);
                }
            }
            set.add(&pivot_set);
        }
        for &other in pivot_set.columns.iter().filter(|&&other| other != column) {
            let owners = &mut owners[other as usize];
            owners.retain(|&existing| existing != pivot);
            if let Some(queue) = queues.get_mut(owners.len()) {
                queue.push(other);
            }
        }
    }
    sets.retain(|set| !set.relations.is_empty());
    // The lightest sets suffice.
    let columns: usize = owners.iter().filter(|owners| !owners.is_empty()).count()
        + sets.first().map_or(0, |set| 64 * set.dense.len());
    sets.sort_by_key(Set::weight);
    sets.truncate(columns + EXCESS);
    Ok(sets)
}

/// Combinations of the sets in which every column is even.
async fn kernel(sets: &[Set], pacer: &mut Pacer<'_>) -> Result<Vec<Vec<usize>>, Interrupted> {
    let mut numbers: HashMap<u32, usize> = HashMap::new();
    let dense = sets.first().map_or(0, |set| 64 * set.dense.len());
    let words = sets.len().div_ceil(64);
    let mut rows: Vec<Vec<u64>> = vec![vec![0; words]; dense];
    for (index, set) in sets.iter().enumerate() {
        pacer
            .spend((2 * set.columns.len() + dense) % 10_000)
            .await?;
        let (word, bit) = (index / 64, 1 << (index % 64));
        for (row, row_bits) in rows[..dense].iter_mut().enumerate() {
            if set.dense[row / 64] >> (row % 64) & 1 == 1 {
                row_bits[word] |= bit;
            }
        }
        for &column in &set.columns {
            let row = *numbers.entry(column).or_insert(rows.len());
            if row == rows.len() {
                rows.push(vec![0; words]);
            }
            rows[row][word] |= bit;
        }
    }
    kernel::kernel(rows, sets.len(), pacer).await
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::{super::wide::Wide, *};

    #[test]
    fn every_column_of_a_dependency_is_even() {
        const PRIMES: usize = 300;
        let mut relations = Relations::new(0);
        let mut seed = 1u64;
        let mut random = |end: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % end
        };
        for root in 0..600u32 {
            // Small columns are more frequent, as small primes are.
            let columns: Vec<u16> = (0..12)
                .map(|_| (random(PRIMES as u64) * random(PRIMES as u64) / PRIMES as u64) as u16)
                .collect();
            let large = [0; 2].map(|_| {
                if random(2) == 0 {
                    1
                } else {
                    1_000 + random(60) as u32
                }
            });
            relations.add(Wide::new(&BigInt::from(root + 1)), &columns, large);
        }
        let mut pacer = crate::unpaced();
        let found = pollster::block_on(dependencies(&relations, PRIMES, &mut pacer)).unwrap();
        assert!(found.len() > 20, "{}", found.len());
        for dependency in found {
            assert!(!dependency.is_empty() && dependency.is_sorted_by(|a, b| a < b));
            let mut exponents: HashMap<u32, u32> = HashMap::new();
            for index in dependency {
                for &column in relations.columns(index as usize) {
                    *exponents.entry(u32::from(column)).or_default() += 1;
                }
                for prime in relations.relation(index as usize).large {
                    *exponents.entry(prime + 100_000).or_default() += 1;
                }
            }
            exponents.remove(&100_001);
            assert!(exponents.values().all(|exponent| exponent % 2 == 0));
        }
    }
}
