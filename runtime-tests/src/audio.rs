//! The recordings of `examples/`, and longer ones made from them.

use std::fs;

use crate::root;

/// A recording whose words are known.
#[derive(Clone, Debug)]
pub struct Example {
    /// Name of the file in `examples/`.
    pub file: String,
    /// Its text, as the bundled model writes it.
    pub text: String,
}

/// The words of a text without capitals and punctuation.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let letters = |word: &str| -> String {
        let letters = word.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    text.split_whitespace().map(letters).collect()
}

/// Every recording of `examples/expected.tsv`.
///
/// # Panics
/// When the table cannot be read.
#[must_use]
pub fn examples() -> Vec<Example> {
    let table = fs::read_to_string(root().join("examples/expected.tsv")).expect("the table");
    let rows = table.lines().skip(1).map(|row| {
        let (file, text) = row.split_once('\t').expect("two columns");
        Example {
            file: file.to_owned(),
            text: text.to_owned(),
        }
    });
    rows.collect()
}

/// The content of a recording of `examples/`.
///
/// # Panics
/// When there is none of this name.
#[must_use]
pub fn example(file: &str) -> Vec<u8> {
    let path = root().join("examples").join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `examples/numbers.wav` again and again, with a pause of two seconds and a half after each: the recording and how
/// often.
///
/// # Panics
/// When the recording is another one than that.
#[must_use]
pub fn repeated(seconds: f64) -> (Vec<u8>, usize) {
    repeated_after(2.5, seconds)
}

/// The same with a pause of so many seconds.
///
/// # Panics
/// When the recording is another one than that.
#[must_use]
pub fn repeated_after(pause: f64, seconds: f64) -> (Vec<u8>, usize) {
    const HEAD: usize = 44;
    let once = example("numbers.wav");
    let (head, samples) = once.split_at(HEAD);
    assert_eq!(head.get(36..40), Some(&b"data"[..]), "a plain header");
    let rate = u32::from_le_bytes(head[24..28].try_into().expect("four bytes"));
    let mut turn = samples.to_vec();
    turn.resize(samples.len() + (f64::from(rate) * pause) as usize * 2, 0);
    let times = (seconds * 2.0 * f64::from(rate) / turn.len() as f64).round() as usize;
    let samples = turn.repeat(times);
    let size = u32::try_from(samples.len()).expect("less than 4 GB");
    let mut wav = head.to_vec();
    wav[4..8].copy_from_slice(&(size + 36).to_le_bytes());
    wav[40..44].copy_from_slice(&size.to_le_bytes());
    wav.extend(samples);
    (wav, times)
}
