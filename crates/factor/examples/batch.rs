//! The prime factors of the numbers on standard input, one number a line, in the form of GNU factor: `12: 2 2 3`.
use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let number = line?.parse()?;
        let search = factor::factorize(&number, async || ControlFlow::Continue(()), |_| {});
        let factors = pollster::block_on(search).map_err(|_| "interrupted")?;
        write!(output, "{}:", factors.product())?;
        for power in factors.prime_powers() {
            for _ in 0..power.exponent {
                write!(output, " {}", power.prime)?;
            }
        }
        writeln!(output)?;
    }
    Ok(output.flush()?)
}
