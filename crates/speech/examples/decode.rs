//! Decodes logits from a file, one line of text for each utterance: what the beam's settings are chosen with.
//!
//! ```text
//! cargo run --release -p speech --example decode -- LOGITS greedy
//! cargo run --release -p speech --example decode -- LOGITS beam [--model FILE] [--width N] [--beam-threshold X]
//!     [--token-threshold X] [--language-weight X] [--word-bonus X] [--unknown-penalty X]
//!     [--letter-penalty X]
//! ```
//!
//! LOGITS holds a u32, the number of utterances; then for each a u32, the number of frames, and 32 f32 for each
//! frame, the logits of the tokens of wav2vec2-base-960h. All are little-endian. The time is printed to the
//! standard error.

use std::{env, error::Error, fs, io::Write, str::FromStr, time::Instant};

use speech::{
    ctc::{self, BeamSettings, Emissions, Timing, Vocabulary},
    language_model::LanguageModel,
};

const TOKENS: &str = "<pad> <s> </s> <unk> | E T A O N I H S R D L U M W C F G Y P B V K ' X J Q Z";
const STRIDE: u32 = 320;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let logits = fs::read(arguments.next().ok_or("which file of logits?")?)?;
    let is_beam = match arguments.next().as_deref() {
        Some("greedy") => false,
        Some("beam") => true,
        _ => return Err("greedy or beam?".into()),
    };
    let mut settings = BeamSettings::default();
    let mut model = Vec::new();
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or("a flag without a value")?;
        match flag.as_str() {
            "--model" => model = fs::read(value)?,
            "--width" => settings.width = value.parse()?,
            "--beam-threshold" => settings.beam_threshold = number(&value)?,
            "--token-threshold" => settings.token_threshold = number(&value)?,
            "--language-weight" => settings.language_weight = number(&value)?,
            "--word-bonus" => settings.word_bonus = number(&value)?,
            "--unknown-penalty" => settings.unknown_penalty = number(&value)?,
            "--letter-penalty" => settings.letter_penalty = number(&value)?,
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    let model = match model.as_slice() {
        [] => None,
        bytes => Some(LanguageModel::from_bytes(bytes)?),
    };
    let tokens: Vec<&str> = TOKENS.split(' ').collect();
    let vocabulary = Vocabulary::new(&tokens)?;

    let (numbers, rest) = logits.as_chunks();
    if !rest.is_empty() {
        return Err("the file is cut off".into());
    }
    let mut numbers = numbers.iter().copied();
    let mut output = std::io::stdout().lock();
    let mut frames_in_all = 0;
    let begin = Instant::now();
    for _ in 0..next(&mut numbers)? {
        let frames = next(&mut numbers)?;
        let logits: Vec<f32> = numbers
            .by_ref()
            .take(frames * tokens.len())
            .map(f32::from_le_bytes)
            .collect();
        let timing = Timing {
            sample_rate: speech::chunk::SAMPLE_RATE,
            stride: STRIDE,
            samples: frames * STRIDE as usize,
        };
        let words = pollster::block_on(async {
            let emissions =
                Emissions::new(&logits, frames, &vocabulary, timing, async || {}).await?;
            Ok::<_, ctc::EmissionsError>(if is_beam {
                ctc::beam_search(&emissions, model.as_ref(), &settings, async || {}).await
            } else {
                ctc::greedy(&emissions, async || {}).await
            })
        })?;
        let words: Vec<String> = words.into_iter().map(|word| word.text).collect();
        writeln!(output, "{}", words.join(" "))?;
        frames_in_all += frames;
    }
    let audio = (frames_in_all * STRIDE as usize) as f64 / f64::from(speech::chunk::SAMPLE_RATE);
    let taken = begin.elapsed().as_secs_f64() * 1000.0;
    eprintln!("{audio:.0} s of audio, {:.3} ms for each", taken / audio);
    Ok(())
}

fn number(text: &str) -> Result<f32, <f32 as FromStr>::Err> {
    text.parse()
}

fn next(numbers: &mut impl Iterator<Item = [u8; 4]>) -> Result<usize, Box<dyn Error>> {
    let bytes = numbers.next().ok_or("the file is cut off")?;
    Ok(usize::try_from(u32::from_le_bytes(bytes))?)
}
