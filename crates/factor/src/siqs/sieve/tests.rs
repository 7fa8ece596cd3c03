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
