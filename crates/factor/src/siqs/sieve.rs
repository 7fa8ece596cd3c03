//! The sieve over the interval of one polynomial, in blocks that fit the first cache.
/// Cells of a block. 32 KiB is the first cache of most processors.
pub(super) const BLOCK: usize = 1 << 15;

/// A cell with this bit is worth a look.
const CANDIDATE: u8 = 0x80;

/// How many primes are looked at together when the divisors of a candidate are searched.
const GROUP: usize = 16;

pub(super) struct Sieve {
    cells: Box<[u8; BLOCK]>,
    /// Length of the whole interval.
    length: usize,
    /// The first prime sieved with, the first whose hits are sorted by blocks, and the number of
    /// primes.
    small: usize,
    large: usize,
    primes: Vec<u32>,
    logs: Vec<u8>,
    /// `2^16 / p` rounded up, for the primes sieved block by block.
    reciprocals: Vec<u32>,
    /// The next hits of these primes, counted from the end of the block that was sieved last.
    next: [Vec<u32>; 2],
    /// For each block the hits of the large primes: the index of the prime above 16 bits of place.
    /// One more list takes what is past the interval, so that no branch depends on the root.
    hits: Vec<Vec<u32>>,
    /// How long these lists are.
    lengths: Vec<usize>,
    /// Where in the lists of hits the primes of each logarithm begin.
    levels: Vec<Level>,
    start: u8,
}

/// The lengths of the lists of hits when the first prime of this logarithm was entered.
struct Level {
    log: u8,
    first: usize,
    lengths: Vec<usize>,
}

impl Sieve {
    /// `threshold` is what the logarithms must add up to, to base 2 and with `scale` units for 1.
    pub(super) fn new(primes: &[u32], half: u32, least: u32, threshold: f64, scale: f64) -> Self {
        let length = 2 * half as usize;
        let small = primes.partition_point(|&p| p < least);
        let large = primes.partition_point(|&p| p < BLOCK as u32);
        let logs: Vec<u8> = primes
            .iter()
            .map(|&p| (f64::from(p).log2() * scale).round() as u8)
            .collect();
        let mut levels: Vec<Level> = Vec::new();
        for (index, &log) in logs.iter().enumerate().skip(large) {
            if levels.last().is_none_or(|level| level.log != log) {
                levels.push(Level {
                    log,
                    first: index,
                    lengths: vec![0; length.div_ceil(BLOCK)],
                });
            }
        }
        // A prime above the size of a block has at most two hits in it.
        let capacity = 2 * (primes.len() - large);
        let lists = length.div_ceil(BLOCK) + 1;
        Self {
            cells: Box::new([0; BLOCK]),
            length,
            small,
            large,
            primes: primes.to_vec(),
            logs,
            reciprocals: primes[..large].iter().map(|&p| 65_536 / p + 1).collect(),
            next: [vec![0; large], vec![0; large]],
            hits: vec![vec![0; capacity]; lists],
            lengths: vec![0; lists],
            levels,
            start: CANDIDATE - threshold.clamp(1.0, 127.0) as u8,
        }
    }

    pub(super) fn blocks(&self) -> usize {
        self.length.div_ceil(BLOCK)
    }

    /// The primes whose hits are sorted by blocks.
    pub(super) fn large(&self) -> std::ops::Range<usize> {
        self.large..self.primes.len()
    }

    /// The primes that are not sieved with.
    pub(super) fn small(&self) -> usize {
        self.small
    }

    /// What it costs to sieve a block, in the units of the pacer.
    pub(super) fn cost(&self) -> u32 {
        (self.length.min(BLOCK) / 4 + 2 * self.large) as u32
    }

    /// Leaves the primes of `a` out, or takes them in again.
    pub(super) fn set_logs(&mut self, indices: &[usize], scale: f64, sieved: bool) {
        for &index in indices {
            self.logs[index] = if sieved {
                (f64::from(self.primes[index]).log2() * scale).round() as u8
            } else {
                0
            };
        }
    }

    /// Begins with a polynomial, whose roots the primes below [`Self::large`] are sieved from.
    pub(super) fn begin(&mut self, roots: &[Vec<u32>; 2]) {
        for (next, roots) in self.next.iter_mut().zip(roots) {
            next.copy_from_slice(&roots[..self.large]);
        }
        self.lengths.fill(0);
    }

    /// Enters the hits of some of the large primes, in ascending order.
    pub(super) fn enter(&mut self, roots: &[Vec<u32>; 2], range: std::ops::Range<usize>) {
        let mut start = range.start;
        while start < range.end {
            let following = self.levels.partition_point(|level| level.first <= start);
            let end = self
                .levels
                .get(following)
                .map_or(range.end, |level| level.first.min(range.end));
            if let Some(level) = self.levels.get_mut(following.saturating_sub(1)) {
                if level.first == start {
                    let blocks = level.lengths.len();
                    level.lengths.copy_from_slice(&self.lengths[..blocks]);
                }
            }
            self.enter_level(roots, start..end);
            start = end;
        }
    }

    fn enter_level(&mut self, roots: &[Vec<u32>; 2], range: std::ops::Range<usize>) {
        let length = self.length as u32;
        let outside = self.blocks();
        let primes = &self.primes[range.clone()];
        let (first, second) = (&roots[0][range.clone()], &roots[1][range.clone()]);
        let (hits, lengths) = (&mut self.hits, &mut self.lengths);
        lengths[outside] = 0;
        let mut push = |block: usize, hit: u32| {
            let length = &mut lengths[block];
            hits[block][*length] = hit;
            *length += 1;
        };
        for (offset, ((&p, &first), &second)) in primes.iter().zip(first).zip(second).enumerate() {
            let index = ((range.start + offset) as u32) << 16;
            for mut place in [first, second] {
                for _ in 0..length / p {
                    push(place as usize / BLOCK, index | (place % BLOCK as u32));
                    place += p;
                }
                let block = (place as usize / BLOCK).min(outside);
                push(block, index | (place % BLOCK as u32));
            }
        }
    }

    /// Sieves a block, of which the earlier ones have been sieved.
    pub(super) fn sieve(&mut self, block: usize) {
        let length = (self.length - block * BLOCK).min(BLOCK);
        let cells = &mut *self.cells;
        cells[..length].fill(self.start);
        let [first, second] = &mut self.next;
        let range = self.small..self.large;
        for (((&p, &log), first), second) in self.primes[range.clone()]
            .iter()
            .zip(&self.logs[range.clone()])
            .zip(&mut first[range.clone()])
            .zip(&mut second[range])
        {
            let (mut low, mut high) = (*first.min(second) as usize, *first.max(second) as usize);
            let p = p as usize;
            while high < length {
                cells[low % BLOCK] = cells[low % BLOCK].wrapping_add(log);
                cells[high % BLOCK] = cells[high % BLOCK].wrapping_add(log);
                low += p;
                high += p;
            }
            if low < length {
                cells[low % BLOCK] = cells[low % BLOCK].wrapping_add(log);
                low += p;
            }
            *first = (low - length) as u32;
            *second = (high - length) as u32;
        }
        let hits = &self.hits[block][..self.lengths[block]];
        for (number, level) in self.levels.iter().enumerate() {
            let end = self
                .levels
                .get(number + 1)
                .map_or(hits.len(), |next| next.lengths[block]);
            for hit in &hits[level.lengths[block]..end] {
                let cell = &mut cells[*hit as usize % BLOCK];
                *cell = cell.wrapping_add(level.log);
            }
        }
    }

    /// The places of the candidates in the block sieved last, and how much of their logarithm was
    /// found.
    pub(super) fn candidates(&self, block: usize, places: &mut Vec<(u32, u8)>) {
        let length = (self.length - block * BLOCK).min(BLOCK);
        for (number, cells) in self.cells[..length].chunks_exact(64).enumerate() {
            let all = cells.iter().fold(0, |all, &cell| all | cell);
            if all & CANDIDATE == 0 {
                continue;
            }
            for (offset, &cell) in cells.iter().enumerate() {
                if cell & CANDIDATE != 0 {
                    places.push(((number * 64 + offset) as u32, cell.wrapping_sub(self.start)));
                }
            }
        }
    }

    /// Calls `divisor` with the index of every prime that is sieved with and hits the place in the
    /// block sieved last.
    pub(super) fn divisors(&self, block: usize, place: u32, mut divisor: impl FnMut(usize)) {
        let length = (self.length - block * BLOCK).min(BLOCK) as u32;
        let back = length - place;
        let hit = |p: u32, reciprocal: u32, next: u32| {
            // Exact for multiples of p below 2^16.
            let distance = back + next;
            ((distance * reciprocal) >> 16) * p == distance
        };
        let mut start = self.small;
        while start < self.large {
            let end = (start + GROUP).min(self.large);
            let primes = &self.primes[start..end];
            let reciprocals = &self.reciprocals[start..end];
            let (first, second) = (&self.next[0][start..end], &self.next[1][start..end]);
            let mut any = false;
            for (((&p, &reciprocal), &first), &second) in
                primes.iter().zip(reciprocals).zip(first).zip(second)
            {
                any |= hit(p, reciprocal, first) | hit(p, reciprocal, second);
            }
            if any {
                for (offset, (((&p, &reciprocal), &first), &second)) in primes
                    .iter()
                    .zip(reciprocals)
                    .zip(first)
                    .zip(second)
                    .enumerate()
                {
                    if hit(p, reciprocal, first) | hit(p, reciprocal, second) {
                        divisor(start + offset);
                    }
                }
            }
            start = end;
        }
        for hits in self.hits[block][..self.lengths[block]].chunks(2 * GROUP) {
            if hits
                .iter()
                .fold(false, |any, hit| any | (hit & 0xffff == place))
            {
                for hit in hits {
                    if hit & 0xffff == place {
                        divisor((hit >> 16) as usize);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small, medium and large primes; the interval ends within a block.
    #[test]
    fn cells_and_divisors_are_those_of_a_plain_sieve() {
        const HALF: u32 = 50_016;
        let primes: Vec<u32> = (3..140_000u32)
            .step_by(2)
            .filter(|n| (3..400).step_by(2).all(|d| n % d != 0 || *n == d))
            .step_by(2)
            .collect();
        let roots = [17, 12_345].map(|seed: u32| {
            let roots = primes
                .iter()
                .map(|&p| seed.wrapping_mul(p.wrapping_mul(77) ^ seed) % p);
            roots.collect::<Vec<u32>>()
        });
        let mut sieve = Sieve::new(&primes, HALF, 30, 30.0, 1.5);
        sieve.begin(&roots);
        let large = sieve.large();
        let middle = large.start + 100;
        sieve.enter(&roots, large.start..middle);
        sieve.enter(&roots, middle..large.end);
        let (mut found, mut above) = (0, 0);
        for block in 0..sieve.blocks() {
            sieve.sieve(block);
            let mut candidates = Vec::new();
            sieve.candidates(block, &mut candidates);
            let length = (2 * HALF as usize - block * BLOCK).min(BLOCK);
            for place in (0..length as u32).step_by(61) {
                let index = (block * BLOCK) as u32 + place;
                let hits: Vec<usize> = (sieve.small()..primes.len())
                    .filter(|&i| roots.iter().any(|roots| index % primes[i] == roots[i]))
                    .collect();
                let mut divisors = Vec::new();
                sieve.divisors(block, place, |prime| divisors.push(prime));
                divisors.sort_unstable();
                divisors.dedup();
                assert_eq!(divisors, hits, "{index}");
                let logs = hits.iter().map(|&i| {
                    let both = roots[0][i] == roots[1][i];
                    sieve.logs[i] * (1 + u8::from(both))
                });
                let sum: u8 = logs.sum();
                assert_eq!(sieve.cells[place as usize], sieve.start + sum);
                let candidate = candidates
                    .iter()
                    .any(|&(at, log)| at == place && log == sum);
                assert_eq!(candidate, sieve.start + sum >= CANDIDATE);
                found += hits.len();
                above += usize::from(candidate);
            }
        }
        assert!(
            found > 1_000 && above > 10,
            "{found} hits, {above} candidates"
        );
    }
}
