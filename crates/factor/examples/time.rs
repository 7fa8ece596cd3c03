//! Processor time of the factorisation of products of two equal primes: `time DIGITS [COUNT]`.
use std::{fs, ops::ControlFlow};

use num_bigint::BigUint;
use num_prime::nt_funcs::next_prime;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u32>().ok());
    let digits = arguments.next().unwrap_or(40);
    let count = arguments.next().unwrap_or(3);
    let mut seed = u64::from(digits);
    let mut times = Vec::new();
    for _ in 0..count {
        let mut prime = || {
            let mut start = BigUint::from(10u32).pow((digits - 1) / 2) * 4u32;
            let mut noise = BigUint::from(0u32);
            for _ in 0..4 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                noise = (noise << 32) + (seed >> 32);
            }
            start += noise % (&start / 2u32);
            next_prime(&start, None).unwrap_or_default()
        };
        let n = prime() * prime();
        let Ok(number) = n.to_string().parse() else {
            continue;
        };
        let begin = processor_seconds();
        let search = factor::factorize(&number, async || ControlFlow::Continue(()), |_| {});
        let result = pollster::block_on(search);
        let seconds = processor_seconds() - begin;
        times.push(seconds);
        match result {
            Ok(factors) if factors.product() == n && factors.prime_powers().len() == 2 => {}
            other => println!("WRONG {n}: {other:?}"),
        }
        if count <= 3 {
            println!("{n} {:.2} ms", seconds * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    let mean: f64 = times.iter().sum::<f64>() / times.len() as f64;
    println!(
        "{digits} digits: median {:.3} ms, mean {:.3} ms",
        times[times.len() / 2] * 1e3,
        mean * 1e3
    );
}

/// Processor time of this process so far, which other processes disturb less than wall time does.
fn processor_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}
