//! The kernel of a matrix of bits, by Gauss's and Jordan's elimination in blocks: the rows are read once
//! for each [`BLOCK`] pivots, whose sums are in a table ("the method of the four Russians": M. Albrecht,
//! G. Bard and W. Hart, "Algorithm 898", ACM Trans. Math. Softw. 37 (2010)).
use std::ops::Range;

use pacer::{Interrupted, Pacer};

/// Pivots that a row is reduced by at once. The table for ten thousand columns fits the second cache.
const BLOCK: usize = 8;
/// Words that are added in one unit of the pacer.
const WORDS: usize = 12;

/// Combinations of the columns in which every row is even.
pub(super) async fn kernel(
    rows: Vec<Vec<u64>>,
    columns: usize,
    pacer: &mut Pacer<'_>,
) -> Result<Vec<Vec<usize>>, Interrupted> {
    let mut elimination = Elimination {
        rows,
        pivots: Vec::new(),
        free: Vec::new(),
    };
    let mut column = 0;
    while column < columns {
        let (start, first) = (column / 64, elimination.pivots.len());
        while column < columns && elimination.pivots.len() < first + BLOCK {
            pacer.spend(elimination.rows.len() / 8 + 1).await?;
            elimination.find_pivot(column, first);
            column += 1;
        }
        let words = columns.div_ceil(64) - start;
        pacer
            .spend(((words << BLOCK) / WORDS + 1).min(20_000))
            .await?;
        let table = elimination.sums(first, start);
        let cost = words / WORDS + 1;
        let size = (5_000 / cost).max(1);
        for chunk in (0..elimination.rows.len()).step_by(size) {
            let end = (chunk + size).min(elimination.rows.len());
            pacer.spend((end - chunk) * cost).await?;
            elimination.reduce(chunk..end, first, start, &table);
        }
    }
    let mut kernel = Vec::with_capacity(elimination.free.len());
    for &column in &elimination.free {
        pacer.spend(elimination.pivots.len() / 16 + 1).await?;
        let pivots = elimination.pivots.iter().zip(&elimination.rows);
        let combined = pivots.filter(|(_, row)| bit(row, column) == 1);
        let mut combination = vec![column];
        combination.extend(combined.map(|(&pivot, _)| pivot));
        kernel.push(combination);
    }
    Ok(kernel)
}

struct Elimination {
    rows: Vec<Vec<u64>>,
    /// The column of the pivot in each of the first rows.
    pivots: Vec<usize>,
    /// Columns without a pivot.
    free: Vec<usize>,
}

fn bit(row: &[u64], column: usize) -> u64 {
    row[column / 64] >> (column % 64) & 1
}

fn add(row: &mut [u64], other: &[u64]) {
    for (word, other) in row.iter_mut().zip(other) {
        *word ^= other;
    }
}

impl Elimination {
    /// Which of the pivots from `first` on the row is to be reduced by: these have no other's column.
    fn mask(&self, row: usize, first: usize) -> usize {
        let pivots = self.pivots[first..].iter().enumerate();
        pivots.fold(0, |mask, (index, &pivot)| {
            mask | (bit(&self.rows[row], pivot) as usize) << index
        })
    }

    /// Looks for a pivot in the column among the rows that have none. The pivots from `first` on have not
    /// been taken from these rows.
    fn find_pivot(&mut self, column: usize, first: usize) {
        let next = self.pivots.len();
        let others = (first..next).rev().fold(0, |others, row| {
            others << 1 | bit(&self.rows[row], column) as usize
        });
        let found = (next..self.rows.len()).find(|&row| {
            let taken = (self.mask(row, first) & others).count_ones();
            bit(&self.rows[row], column) ^ u64::from(taken & 1) == 1
        });
        let Some(found) = found else {
            self.free.push(column);
            return;
        };
        self.rows.swap(next, found);
        let mask = self.mask(next, first);
        let (before, after) = self.rows.split_at_mut(next);
        for (index, row) in before[first..].iter().enumerate() {
            if mask >> index & 1 == 1 {
                add(&mut after[0], row);
            }
        }
        for row in &mut before[first..] {
            if bit(row, column) == 1 {
                add(row, &after[0]);
            }
        }
        self.pivots.push(column);
    }

    /// The sums of all sets of the pivots from `first` on, from the word `start` on, before which they are zero.
    fn sums(&self, first: usize, start: usize) -> Vec<Vec<u64>> {
        let width = self.rows.first().map_or(0, |row| row.len() - start);
        let mut sums = vec![vec![0; width]];
        for row in &self.rows[first..self.pivots.len()] {
            for index in 0..sums.len() {
                let mut sum = sums[index].clone();
                add(&mut sum, &row[start..]);
                sums.push(sum);
            }
        }
        sums
    }

    /// Takes the pivots from `first` on from some of the rows, but not from one another.
    fn reduce(&mut self, rows: Range<usize>, first: usize, start: usize, sums: &[Vec<u64>]) {
        for row in rows {
            let mask = self.mask(row, first);
            if mask != 0 && !(first..self.pivots.len()).contains(&row) {
                add(&mut self.rows[row][start..], &sums[mask]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_kernel_has_every_dimension(rows in proptest::collection::vec(proptest::array::uniform3(any::<u64>()), 1..90), sparse: bool, columns in 1..192usize) {
            let rows: Vec<Vec<u64>> = rows
                .iter()
                .map(|row| {
                    let masked = |(index, word): (usize, &u64)| {
                        let word = if sparse { word & word.rotate_left(7) & word.rotate_left(29) } else { *word };
                        let left = columns.saturating_sub(64 * index);
                        if left < 64 { word & ((1 << left) - 1) } else { word }
                    };
                    row.iter().enumerate().take(columns.div_ceil(64)).map(masked).collect()
                })
                .collect();
            let mut pacer = crate::unpaced();
            let found = pollster::block_on(kernel(rows.clone(), columns, &mut pacer)).unwrap();
            prop_assert!(found.len() >= columns.saturating_sub(rows.len()));
            for combination in &found {
                for row in &rows {
                    prop_assert_eq!(combination.iter().filter(|&&column| bit(row, column) == 1).count() % 2, 0);
                }
            }
            // Each has a column that no other has: they are independent.
            let free: Vec<usize> = found.iter().map(|combination| combination[0]).collect();
            for combination in &found {
                prop_assert_eq!(combination.iter().filter(|column| free.contains(column)).count(), 1);
            }
        }
    }
}
