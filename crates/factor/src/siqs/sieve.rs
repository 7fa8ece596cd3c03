//! The sieve over the interval of one polynomial, in blocks that fit the first cache.
/// Cells of a block. 32 KiB is the first cache of most processors.
pub(super) const BLOCK: usize = 1 << 15;

/// The longest interval.
pub(super) const MOST_BLOCKS: usize = 8;

/// A cell with this bit is a candidate.
const CANDIDATE: u8 = 0x80;
const CANDIDATES: u64 = u64::from_ne_bytes([CANDIDATE; 8]);

/// How many primes are checked together in the search for the divisors of a candidate.
const GROUP: usize = 16;

pub(super) struct Sieve {
    cells: Box<[u8; BLOCK]>,
    /// Length of the whole interval.
    length: usize,
    /// The first prime sieved with, the first above a quarter of a block, and the first whose hits
    /// are sorted by blocks.
    small: usize,
    medium: usize,
    large: usize,
    primes: Vec<u32>,
    logs: Vec<u8>,
    /// `2^16 / p` rounded up, for the primes sieved block by block.
    reciprocals: Vec<u32>,
    /// The next hits of these primes, counted from the end of the block that was sieved last.
    next: [Vec<u32>; 2],
    /// For each block the hits of the large primes: the index of the prime above 16 bits of place.
    /// One more list takes what is past the interval, so that no branch depends on the root. Each
    /// list has the same room.
    hits: Vec<u32>,
    room: usize,
    /// Where these lists end.
    ends: Vec<usize>,
    /// Where in the lists of hits the primes of each logarithm begin.
    levels: Vec<Level>,
    start: u8,
}

/// Where the lists of hits ended when the first prime of this logarithm was entered.
struct Level {
    log: u8,
    first: usize,
    ends: Vec<usize>,
}

impl Sieve {
    /// `threshold` is what the logarithms must add up to, to base 2 and with `scale` units for 1.
    pub(super) fn new(primes: &[u32], half: u32, least: u32, threshold: f64, scale: f64) -> Self {
        let length = (2 * half as usize).min(MOST_BLOCKS * BLOCK);
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
                    ends: vec![0; length.div_ceil(BLOCK)],
                });
            }
        }
        // A prime above the size of a block has at most two hits in it.
        let room = 2 * (primes.len() - large);
        let lists = length.div_ceil(BLOCK) + 1;
        Self {
            cells: Box::new([0; BLOCK]),
            length,
            small,
            medium: primes.partition_point(|&p| p < BLOCK as u32 / 4).max(small),
            large,
            primes: primes.to_vec(),
            logs,
            reciprocals: primes[..large].iter().map(|&p| 65_536 / p + 1).collect(),
            next: [vec![0; large], vec![0; large]],
            hits: vec![0; room * lists],
            room,
            ends: vec![0; lists],
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

    /// The cost of sieving a block, in the units of the pacer.
    pub(super) fn cost(&self) -> usize {
        self.length.min(BLOCK) / 4 + 2 * self.large
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
        for (list, end) in self.ends.iter_mut().enumerate() {
            *end = list * self.room;
        }
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
            if let Some(level) = self.levels.get_mut(following.saturating_sub(1))
                && level.first == start
            {
                let blocks = level.ends.len();
                level.ends.copy_from_slice(&self.ends[..blocks]);
            }
            self.enter_level(roots, start..end);
            start = end;
        }
    }

    fn enter_level(&mut self, roots: &[Vec<u32>; 2], mut range: std::ops::Range<usize>) {
        // Primes with as many certain hits of each root go together.
        while !range.is_empty() {
            let certain = self.length as u32 / self.primes[range.start];
            let end = match (self.length as u32).checked_div(certain) {
                Some(last) => {
                    range.start + self.primes[range.clone()].partition_point(|&p| p <= last)
                }
                None => range.end,
            };
            let group = range.start..end;
            match certain {
                0 => self.enter_group::<0>(roots, group),
                1 => self.enter_group::<1>(roots, group),
                2 => self.enter_group::<2>(roots, group),
                3 => self.enter_group::<3>(roots, group),
                4 => self.enter_group::<4>(roots, group),
                5 => self.enter_group::<5>(roots, group),
                6 => self.enter_group::<6>(roots, group),
                // Primes above a block have no more in the longest interval.
                _ => self.enter_group::<7>(roots, group),
            }
            range.start = end;
        }
    }

    /// Enters primes whose roots have `CERTAIN` hits each, and perhaps one more.
    fn enter_group<const CERTAIN: u32>(
        &mut self,
        roots: &[Vec<u32>; 2],
        range: std::ops::Range<usize>,
    ) {
        let outside = self.blocks();
        let primes = &self.primes[range.clone()];
        let (first, second) = (&roots[0][range.clone()], &roots[1][range.clone()]);
        let hits = &mut self.hits[..];
        let ends: &mut [usize; MOST_BLOCKS + 1] = &mut [0; MOST_BLOCKS + 1];
        ends[..=outside].copy_from_slice(&self.ends);
        ends[outside] = outside * self.room;
        let mut push = |block: usize, hit: u32| {
            // The bound is never reached: it spares a check of each access.
            let end = &mut ends[block.min(MOST_BLOCKS)];
            if let Some(place) = hits.get_mut(*end) {
                *place = hit;
            }
            *end += 1;
        };
        let entries = primes
            .iter()
            .zip(first)
            .zip(second)
            .zip(range.start as u32..);
        for (((&p, &first), &second), index) in entries {
            let index = index << 16;
            for mut place in [first, second] {
                for _ in 0..CERTAIN {
                    push(place as usize / BLOCK, index | (place % BLOCK as u32));
                    place += p;
                }
                let block = (place as usize / BLOCK).min(outside);
                push(block, index | (place % BLOCK as u32));
            }
        }
        self.ends.copy_from_slice(&ends[..=outside]);
    }

    /// Sieves a block. The earlier blocks have been sieved.
    pub(super) fn sieve(&mut self, block: usize) {
        let length = (self.length - block * BLOCK).min(BLOCK);
        let cells = &mut *self.cells;
        cells[..length].fill(self.start);
        let [first, second] = &mut self.next;
        // WebAssembly under epoch interruption pays for every turn of a loop, so that loops are
        // unrolled: measured, the whole factorisation takes half the time.
        let range = self.small..self.medium;
        let primes = self.primes[range.clone()]
            .iter()
            .zip(&self.logs[range.clone()]);
        let next = first[range.clone()].iter_mut().zip(&mut second[range]);
        for ((&p, &log), (first, second)) in primes.zip(next) {
            let mut pair = Pair::new(*first, *second);
            let p = p as usize;
            while pair.high + 3 * p < length {
                pair.hit(cells, p, log);
                pair.hit(cells, p, log);
                pair.hit(cells, p, log);
                pair.hit(cells, p, log);
            }
            while pair.high < length {
                pair.hit(cells, p, log);
            }
            (*first, *second) = pair.finish(cells, p, log, length);
        }
        let range = self.medium..self.large;
        let primes = self.primes[range.clone()]
            .iter()
            .zip(&self.logs[range.clone()]);
        let next = first[range.clone()].iter_mut().zip(&mut second[range]);
        for ((&p, &log), (first, second)) in primes.zip(next) {
            let mut pair = Pair::new(*first, *second);
            let p = p as usize;
            // Four times at most.
            if pair.high < length {
                pair.hit(cells, p, log);
                if pair.high < length {
                    pair.hit(cells, p, log);
                    if pair.high < length {
                        pair.hit(cells, p, log);
                        if pair.high < length {
                            pair.hit(cells, p, log);
                        }
                    }
                }
            }
            (*first, *second) = pair.finish(cells, p, log, length);
        }
        let end_of_list = self.ends[block];
        for (number, level) in self.levels.iter().enumerate() {
            let end = self
                .levels
                .get(number + 1)
                .map_or(end_of_list, |next| next.ends[block]);
            let mut add = |hit: u32| {
                let cell = &mut cells[hit as usize % BLOCK];
                *cell = cell.wrapping_add(level.log);
            };
            let (groups, rest) = self.hits[level.ends[block]..end].as_chunks::<8>();
            for group in groups {
                for hit in group {
                    add(*hit);
                }
            }
            for hit in rest {
                add(*hit);
            }
        }
    }

    /// The places of the candidates in the block sieved last, and how much of their logarithm was
    /// found.
    pub(super) fn candidates(&self, block: usize, places: &mut Vec<(u32, u8)>) {
        let length = (self.length - block * BLOCK).min(BLOCK);
        let (groups, _) = self.cells[..length].as_chunks::<128>();
        for (number, cells) in groups.iter().enumerate() {
            let (words, _) = cells.as_chunks::<8>();
            let words = words.iter().map(|word| u64::from_ne_bytes(*word));
            if words.fold(0, |all, word| all | word) & CANDIDATES == 0 {
                continue;
            }
            for (offset, &cell) in cells.iter().enumerate() {
                if cell & CANDIDATE != 0 {
                    places.push((
                        (number * cells.len() + offset) as u32,
                        cell.wrapping_sub(self.start),
                    ));
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
        let hits = &self.hits[block * self.room..self.ends[block]];
        for hits in hits.chunks(2 * GROUP) {
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

/// The next hits of a prime's two roots.
struct Pair {
    low: usize,
    high: usize,
}

impl Pair {
    #[inline(always)]
    fn new(first: u32, second: u32) -> Self {
        Self {
            low: first.min(second) as usize,
            high: first.max(second) as usize,
        }
    }

    /// Both roots hit within the block.
    #[inline(always)]
    fn hit(&mut self, cells: &mut [u8; BLOCK], p: usize, log: u8) {
        let (low, high) = (self.low % BLOCK, self.high % BLOCK);
        cells[low] = cells[low].wrapping_add(log);
        cells[high] = cells[high].wrapping_add(log);
        self.low += p;
        self.high += p;
    }

    /// The lower root may hit one more time. Returns both from the end of the block.
    #[inline(always)]
    fn finish(mut self, cells: &mut [u8; BLOCK], p: usize, log: u8, length: usize) -> (u32, u32) {
        if self.low < length {
            let low = self.low % BLOCK;
            cells[low] = cells[low].wrapping_add(log);
            self.low += p;
        }
        ((self.low - length) as u32, (self.high - length) as u32)
    }
}

#[cfg(test)]
mod tests;
