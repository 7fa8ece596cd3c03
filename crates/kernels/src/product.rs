//! Products of a matrix that is known in advance and packed for the kernel with one that is not.

use std::ops::Range;

use crate::tile::{COLUMNS, ROWS, Tile, tile};
use pacer::Pace;

/// Panels of the other matrix that are packed at a time: they stay in the cache while the whole packed matrix is read.
const PANELS_OF_ROWS: usize = 16;
const PANELS_OF_COLUMNS: usize = 9;

/// Values of each item that are multiplied at a time: a panel of each side then fits the innermost cache.
const DEPTH: usize = 512;

/// On which side of the product the packed matrix is. The output should lie in memory row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its items are rows of the output.
    Rows,
    /// Its items are columns of the output.
    Columns,
}

/// A matrix of some items with `depth` values each, in panels of a few items.
#[derive(Clone)]
pub struct Packed {
    items: usize,
    depth: usize,
    panels: Panels,
}

#[derive(Clone)]
enum Panels {
    Rows(Vec<[f32; ROWS]>),
    Columns(Vec<[f32; COLUMNS]>),
}

impl Strided<'_> {
    /// Appends panels of these items.
    fn pack<const WIDTH: usize>(&self, panels: &mut Vec<[f32; WIDTH]>, items: Range<usize>) {
        let start = self.depth.first().copied().unwrap_or_default();
        let contiguous = side_by_side(self.depth);
        for first in items.clone().step_by(WIDTH) {
            let items = &self.items[first..items.end.min(first + WIDTH)];
            if items.len() == WIDTH && side_by_side(items) {
                let data = &self.data[items[0]..];
                panels.extend(
                    self.depth
                        .iter()
                        .filter_map(|at| data.get(*at..)?.first_chunk()),
                );
                continue;
            }
            let panel = panels.len();
            panels.resize(panel + self.depth.len(), [0.0; WIDTH]);
            for (i, item) in items.iter().enumerate() {
                let steps = panels[panel..].iter_mut();
                if contiguous {
                    for (step, value) in steps.zip(&self.data[item + start..]) {
                        step[i] = *value;
                    }
                } else {
                    for (step, at) in steps.zip(self.depth) {
                        step[i] = self.data[item + at];
                    }
                }
            }
        }
    }
}

impl Packed {
    /// Packs the matrix that has `value(item, k)`.
    pub fn new(
        side: Side,
        items: usize,
        depth: usize,
        value: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let panels = match side {
            Side::Rows => {
                let mut panels = Vec::with_capacity(items.div_ceil(ROWS) * depth);
                pack(&mut panels, 0..items, depth, value);
                Panels::Rows(panels)
            }
            Side::Columns => {
                let mut panels = Vec::with_capacity(items.div_ceil(COLUMNS) * depth);
                pack(&mut panels, 0..items, depth, value);
                Panels::Columns(panels)
            }
        };
        Self {
            items,
            depth,
            panels,
        }
    }
}

/// Appends panels of `WIDTH` items each; zeros fill the last one.
fn pack<const WIDTH: usize>(
    panels: &mut Vec<[f32; WIDTH]>,
    items: Range<usize>,
    depth: usize,
    value: impl Fn(usize, usize) -> f32,
) {
    for first in items.clone().step_by(WIDTH) {
        let width = WIDTH.min(items.end - first);
        for k in 0..depth {
            let mut step = [0.0; WIDTH];
            for (i, item) in step.iter_mut().take(width).enumerate() {
                *item = value(first + i, k);
            }
            panels.push(step);
        }
    }
}

/// A matrix in memory: item `i` has its value `k` at `data[items[i] + depth[k]]`.
pub struct Strided<'a> {
    /// The values.
    pub data: &'a [f32],
    /// Where each item begins.
    pub items: &'a [usize],
    /// How far each value is from there.
    pub depth: &'a [usize],
}

/// The output: the result for packed item `p` and other item `i` goes to `data[packed[p] + items[i]]`.
pub struct Output<'a> {
    /// The values.
    pub data: &'a mut [f32],
    /// Where the results of each packed item begin.
    pub packed: &'a [usize],
    /// How far the result of each other item is from there.
    pub items: &'a [usize],
}

/// The last steps for each result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finish {
    /// Is added: one for each packed item, or nothing.
    pub bias: Vec<f32>,
    /// Negative results become 0.
    pub relu: bool,
}

/// Each item of `matrix` times each item of `packed`. Overwrites the output.
pub fn multiply(
    packed: &Packed,
    matrix: &Strided,
    output: &mut Output,
    finish: &Finish,
    pace: Pace,
) {
    let items = matrix.items.len();
    let block = match packed.panels {
        Panels::Rows(_) => COLUMNS * PANELS_OF_COLUMNS,
        Panels::Columns(_) => ROWS * PANELS_OF_ROWS,
    };
    let mut rows: Vec<[f32; ROWS]> = Vec::new();
    let mut columns: Vec<[f32; COLUMNS]> = Vec::new();
    for first in (0..items).step_by(block) {
        let range = first..items.min(first + block);
        for k in (0..packed.depth.max(1)).step_by(DEPTH) {
            let ks = k..packed.depth.min(k + DEPTH);
            let depth = ks.len();
            let part = Strided {
                depth: &matrix.depth[ks.clone()],
                ..*matrix
            };
            let stage = Stage {
                more: k > 0,
                finish: (ks.end == packed.depth).then_some(finish),
            };
            match &packed.panels {
                Panels::Rows(panels) => {
                    columns.clear();
                    part.pack(&mut columns, range.clone());
                    for item in (0..packed.items).step_by(ROWS) {
                        let panel = &panel(panels, item / ROWS, packed.depth)[ks.clone()];
                        let to = &output.packed[item..packed.items.min(item + ROWS)];
                        for (index, others) in
                            output.items[range.clone()].chunks(COLUMNS).enumerate()
                        {
                            let sums = tile(panel, self::panel(&columns, index, depth));
                            stage.put(sums, (output.data, to, others), item, finish_rows);
                        }
                        pace.multiplied(ROWS * range.len() * depth);
                    }
                }
                Panels::Columns(panels) => {
                    rows.clear();
                    part.pack(&mut rows, range.clone());
                    for item in (0..packed.items).step_by(COLUMNS) {
                        let panel = &panel(panels, item / COLUMNS, packed.depth)[ks.clone()];
                        let to = &output.packed[item..packed.items.min(item + COLUMNS)];
                        for (index, others) in output.items[range.clone()].chunks(ROWS).enumerate()
                        {
                            let sums = tile(self::panel(&rows, index, depth), panel);
                            stage.put(sums, (output.data, others, to), item, finish_columns);
                        }
                        pace.multiplied(COLUMNS * range.len() * depth);
                    }
                }
            }
        }
    }
}

/// How the sums over a part of the depth are stored.
struct Stage<'a> {
    /// They are added to those of the parts before.
    more: bool,
    /// They are the last ones.
    finish: Option<&'a Finish>,
}

impl Stage<'_> {
    /// Writes a tile to the output. `finish` applies to tiles whose packed items begin at `first`.
    fn put(
        &self,
        mut sums: Tile,
        output: (&mut [f32], &[usize], &[usize]),
        first: usize,
        finish: fn(&mut Tile, &Finish, usize),
    ) {
        let (data, rows, columns) = output;
        if self.more {
            add(&mut sums, data, rows, columns);
        }
        if let Some(last) = self.finish {
            finish(&mut sums, last, first);
        }
        store(&sums, data, rows, columns);
    }
}

/// Adds the values in the output to a tile.
fn add(sums: &mut Tile, data: &[f32], rows: &[usize], columns: &[usize]) {
    for (sums, row) in sums.iter_mut().zip(rows) {
        for (sum, column) in sums.iter_mut().zip(columns) {
            *sum += data[row + column];
        }
    }
}

fn panel<T>(panels: &[T], index: usize, depth: usize) -> &[T] {
    &panels[index * depth..(index + 1) * depth]
}

fn finish_rows(sums: &mut Tile, finish: &Finish, first: usize) {
    if let Some(bias) = finish.bias.get(first..) {
        for (row, bias) in sums.iter_mut().zip(bias) {
            for sum in row {
                *sum += bias;
            }
        }
    }
    if finish.relu {
        clamp(sums);
    }
}

fn finish_columns(sums: &mut Tile, finish: &Finish, first: usize) {
    if let Some(bias) = finish.bias.get(first..) {
        for row in sums.iter_mut() {
            for (sum, bias) in row.iter_mut().zip(bias) {
                *sum += bias;
            }
        }
    }
    if finish.relu {
        clamp(sums);
    }
}

fn clamp(sums: &mut Tile) {
    for sum in sums.iter_mut().flatten() {
        *sum = sum.max(0.0);
    }
}

/// Whether the offsets are contiguous.
fn side_by_side(offsets: &[usize]) -> bool {
    let first = offsets.first().copied().unwrap_or_default();
    offsets.iter().zip(first..).all(|(at, next)| *at == next)
}

/// Writes the part of a tile that has rows and columns in the output.
fn store(sums: &Tile, data: &mut [f32], rows: &[usize], columns: &[usize]) {
    let Some(first) = columns.first() else {
        return;
    };
    let contiguous = side_by_side(columns);
    for (sums, row) in sums.iter().zip(rows) {
        if contiguous {
            let start = row + first;
            data[start..start + columns.len()].copy_from_slice(&sums[..columns.len()]);
        } else {
            for (sum, column) in sums.iter().zip(columns) {
                data[row + column] = *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A value for each position, small and exact.
    fn value(seed: usize, i: usize, k: usize) -> f32 {
        ((i * 31 + k * 17 + seed) % 13) as f32 - 6.0
    }

    #[test]
    fn the_ends_alone_do_not_make_offsets_side_by_side() {
        assert!(side_by_side(&[7, 8, 9, 10]) && side_by_side(&[3]) && side_by_side(&[]));
        assert!(!side_by_side(&[0, 6, 12, 3]));
        assert!(!side_by_side(&[0, 1, 3]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn products_are_those_of_the_naive_loop(
            items in 1..40usize,
            others in 1..160usize,
            depth in prop_oneof![1..20usize, 500..1100usize],
            on_rows: bool,
            transposed: bool,
            biased: bool,
            relu: bool,
        ) {
            let side = if on_rows { Side::Rows } else { Side::Columns };
            let packed = Packed::new(side, items, depth, |i, k| value(1, i, k));
            let data: Vec<f32> = (0..others * depth).map(|at| value(2, at / depth, at % depth)).collect();
            let rows: Vec<usize> = (0..others).map(|i| i * depth).collect();
            let ks: Vec<usize> = (0..depth).collect();
            let (p, o) = if transposed { (others, 1) } else { (1, items) };
            let to_packed: Vec<usize> = (0..items).map(|i| i * p).collect();
            let to_items: Vec<usize> = (0..others).map(|i| i * o).collect();
            let bias: Vec<f32> = (0..if biased { items } else { 0 }).map(|i| i as f32).collect();
            let mut found = vec![f32::NAN; items * others];
            multiply(
                &packed,
                &Strided { data: &data, items: &rows, depth: &ks },
                &mut Output { data: &mut found, packed: &to_packed, items: &to_items },
                &Finish { bias: bias.clone(), relu },
                Pace(|| ()),
            );
            for i in 0..items {
                for j in 0..others {
                    let sum: f32 = (0..depth).map(|k| value(1, i, k) * value(2, j, k)).sum();
                    let sum = sum + bias.get(i).copied().unwrap_or_default();
                    let expected = if relu { sum.max(0.0) } else { sum };
                    prop_assert_eq!(found[i * p + j * o], expected);
                }
            }
        }
    }
}
