//! The primes in ascending order, by a segmented sieve of Eratosthenes over the odd numbers.

use pacer::Pacer;

/// Odd numbers in a segment.
const SEGMENT: usize = 1 << 14;
/// What sieving a segment costs, in the units of the pacer, while the primes stay below 10^9.
const SEGMENT_COST: usize = 12_000;

/// The odd primes below the end of the second segment, 2^16: made when the crate is compiled, because
/// many a component lives for one request.
static SMALL: [u16; 6_541] = {
    let mut composite = [false; 2 * SEGMENT];
    let mut primes = [0; 6_541];
    let (mut index, mut count) = (1, 0);
    while index < 2 * SEGMENT {
        if !composite[index] {
            let prime = 2 * index + 1;
            primes[count] = prime as u16;
            count += 1;
            let mut multiple = 2 * index * (index + 1);
            while multiple < 2 * SEGMENT {
                composite[multiple] = true;
                multiple += prime;
            }
        }
        index += 1;
    }
    assert!(count == primes.len());
    primes
};

/// Every number is known by its index here: `2 index + 1`.
pub(crate) struct Primes {
    /// How many of the small primes were taken.
    taken: usize,
    /// The primes of the first segment, each with the index of its next odd multiple to cross out.
    sieving: Vec<(usize, usize)>,
    /// The segment: whether each of its numbers is composite.
    composite: Vec<bool>,
    /// The index of the segment's first number.
    start: usize,
    /// The place in the segment to look at next.
    next: usize,
}

impl Primes {
    /// From 3 on. Right up to 10^9, which the primes of the first segment reach.
    pub(crate) fn odd() -> Self {
        Self {
            taken: 0,
            sieving: Vec::new(),
            composite: Vec::new(),
            start: 0,
            next: 0,
        }
    }

    pub(crate) async fn next(&mut self, pacer: &mut Pacer<'_>) -> u64 {
        if let Some(&prime) = SMALL.get(self.taken) {
            self.taken += 1;
            return u64::from(prime);
        }
        while self.start < 2 * SEGMENT {
            pacer.tick(SEGMENT_COST).await;
            self.advance();
        }
        loop {
            if let Some(gap) = self.composite[self.next..]
                .iter()
                .position(|composite| !composite)
            {
                let index = self.start + self.next + gap;
                self.next += gap + 1;
                return 2 * index as u64 + 1;
            }
            pacer.tick(SEGMENT_COST).await;
            self.advance();
        }
    }

    /// Sieves the next segment.
    fn advance(&mut self) {
        self.next = 0;
        if self.composite.is_empty() {
            self.composite = vec![false; SEGMENT];
            self.composite[0] = true;
            for index in 1..SEGMENT {
                if self.composite[index] {
                    continue;
                }
                let prime = 2 * index + 1;
                let square = 2 * index * (index + 1);
                self.sieving.push((prime, square));
                for multiple in (square..SEGMENT).step_by(prime) {
                    self.composite[multiple] = true;
                }
            }
            return;
        }
        self.start += SEGMENT;
        let end = self.start + SEGMENT;
        self.composite.fill(false);
        for (prime, multiple) in &mut self.sieving {
            if *multiple >= end {
                // The multiples of larger primes begin at their squares, further on.
                if *prime * *prime / 2 >= end {
                    break;
                }
                continue;
            }
            // In the second segment the small primes are still at their squares.
            if *multiple < self.start {
                *multiple += (self.start - *multiple).next_multiple_of(*prime);
            }
            while *multiple < end {
                self.composite[*multiple - self.start] = true;
                *multiple += *prime;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_plain_sieve_over_several_segments() {
        const END: usize = 3_000_000;
        let mut composite = vec![false; END];
        let mut expected = Vec::new();
        for number in 2..END {
            if !composite[number] {
                expected.push(number as u64);
                for multiple in (number * number..END).step_by(number) {
                    composite[multiple] = true;
                }
            }
        }
        let mut pacer = crate::unpaced();
        let mut primes = Primes::odd();
        pollster::block_on(async {
            for &prime in &expected[1..] {
                assert_eq!(primes.next(&mut pacer).await, prime);
            }
        });
    }
}
