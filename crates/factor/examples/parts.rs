//! The sieve in parts: `parts NUMBER [THREADS]`. Prints what each stage takes, and how well the weights of the parts
//! predict when there are enough.
use std::{
    ops::ControlFlow,
    sync::Mutex,
    time::{Duration, Instant},
};

use factor::{CUT, Step, begin, join, part};

async fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let number = arguments.next().ok_or("a number")?.parse()?;
    let threads: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let begun = Instant::now();
    let mut step =
        pollster::block_on(begin(&number, CUT, go_on, |_| {})).map_err(|_| "interrupted")?;
    println!("begin {:.2?}", begun.elapsed());
    let mut results: Vec<Vec<u8>> = Vec::new();
    loop {
        let cut = match step {
            Step::Complete(factors) => {
                println!("{factors} {:.2?}", begun.elapsed());
                return Ok(());
            }
            Step::Cut(cut) => cut,
        };
        let sieving = Instant::now();
        let waiting = Mutex::new(cut.parts.iter().cloned());
        let finished = Mutex::new((Vec::new(), 0, Duration::ZERO));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(range) = waiting.lock().ok().and_then(|mut parts| parts.next()) {
                        let began = Instant::now();
                        let result = pollster::block_on(part(&cut.composite, range, go_on, |_| {}));
                        if let (Ok(part), Ok(mut finished)) = (result, finished.lock())
                            && finished.1 < cut.enough
                        {
                            finished.0.push(part.relations);
                            finished.1 += part.weight;
                            finished.2 += began.elapsed();
                        } else {
                            break;
                        }
                    }
                });
            }
        });
        let (new, weight, busy) = finished.into_inner()?;
        println!(
            "{} of {} parts, {:.2?} each, {} KB, weight {weight} of {}, {:.2?}",
            new.len(),
            cut.parts.len(),
            busy / new.len().max(1) as u32,
            new.iter().map(Vec::len).sum::<usize>() / 1000,
            cut.enough,
            sieving.elapsed(),
        );
        results.extend(new);
        let next = cut.parts.last().map_or(0, |last| last.end);
        let joining = Instant::now();
        step = pollster::block_on(join(
            cut.known,
            &cut.composite,
            next,
            &results,
            CUT,
            go_on,
            |_| {},
        ))?;
        println!("join {:.2?}", joining.elapsed());
    }
}
