//! Recognises WAV files of 16 kHz and 16 bits: `cargo run --release --package whisper --example recognize MODEL FILE…`.
//!
//! For each it prints the path, seconds, the evidence for silence, the temperature and the text; with WORDS=1 in the
//! environment the words and their times, too. MARGIN and MERGED set the padding.

#![allow(clippy::expect_used, reason = "a program for measurements")]

use std::{env, fs, time::Instant};

use whisper::{Model, Options, Padding};

fn main() {
    let mut arguments = env::args().skip(1);
    let file = fs::read(arguments.next().expect("a model")).expect("a model");
    let model = Model::load(&file, || ()).expect("a model");
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse().ok());
    let mut options = Options::default();
    if let (Some(margin), Some(merged)) = (number("MARGIN"), number("MERGED")) {
        options.padding = Padding { margin, merged };
    }
    for path in arguments {
        let bytes = fs::read(&path).expect("a file");
        let at = bytes
            .windows(4)
            .position(|four| four == b"data")
            .expect("a WAV file")
            + 8;
        let samples: Vec<f32> = bytes[at..]
            .chunks_exact(2)
            .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0)
            .collect();
        let begin = Instant::now();
        let result = model
            .recognize(&samples[..samples.len().min(480_000)], &options)
            .expect("recognised");
        let text: String = result.words.iter().map(|word| word.text.as_str()).collect();
        let evidence = result.evidence;
        println!(
            "{path}\t{:.3}\t{:.2}\t{:.2}\t{:.2}\t{:.2}\t{:.1}\t{}",
            begin.elapsed().as_secs_f32(),
            evidence.no_speech,
            evidence.annotation,
            evidence.average_log_probability,
            evidence.compression_ratio,
            result.temperature,
            text.trim()
        );
        if env::var_os("WORDS").is_some() {
            for word in result.words {
                println!(
                    "  {:.2}-{:.2} {:.2} {}",
                    word.start, word.end, word.confidence, word.text
                );
            }
        }
    }
}
