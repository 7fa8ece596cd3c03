//! Speech of people, sounds that are no speech, and when words are said.
//!
//! The recordings are those that `models/whisper/recordings` fetches, the sounds those that its scripts make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use runtime_tests::audio::words;
use runtime_tests::{Request, Server, app, root};
use serde_json::Value;

const RATE: usize = 16_000;

/// A recording of a person.
fn recording(name: &str) -> Vec<u8> {
    let path = root().join(".cache/recordings/moonshine").join(name);
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; models/whisper/recordings fetches it",
            path.display()
        )
    })
}

/// The files that a script of `models/whisper` makes.
fn made(script: &str, arguments: &[&str], folder: &Path) -> Vec<PathBuf> {
    let status = Command::new(root().join(".venv/bin/python"))
        .arg(root().join("models/whisper").join(script))
        .arg(folder)
        .args(arguments)
        .status()
        .unwrap();
    assert!(status.success(), "{script}");
    let files = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|kind| kind == "wav"));
    files.sort();
    files
}

fn form(recording: &[u8], fields: &[(&str, &str)]) -> Request {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--X\r\ncontent-disposition: form-data; name={name}\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(b"--X\r\ncontent-disposition: form-data; name=file\r\n\r\n");
    body.extend_from_slice(recording);
    body.extend_from_slice(b"\r\n--X--\r\n");
    Request::new("POST", "/v1/audio/transcriptions")
        .header("content-type", "multipart/form-data; boundary=X")
        .body(body)
}

/// What OpenAI's `verbose_json` says, with the words.
fn verbose(app: &Server, recording: &[u8]) -> Value {
    let fields = [
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ];
    let answer = app.send(&form(recording, &fields));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap()
}

/// A WAV file of 16-bit samples at 16 kHz.
fn wav(samples: &[u8]) -> Vec<u8> {
    let mut file = Vec::from(*b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0");
    let rate = RATE as u32;
    file.extend([rate, rate * 2].map(u32::to_le_bytes).concat());
    file.extend(*b"\x02\0\x10\0data");
    let size = u32::try_from(samples.len()).unwrap();
    file.extend(size.to_le_bytes());
    file[4..8].copy_from_slice(&(size + 36).to_le_bytes());
    file.extend_from_slice(samples);
    file
}

#[test]
fn people_are_understood() {
    let app = app();
    let beckett = verbose(&app, &recording("beckett.wav"));
    assert_eq!(
        words(text(&beckett)).join(" "),
        "ever tried ever failed no matter try again fail again fail better"
    );
    // Of 44 seconds, the seam between the windows among them.
    let dickens = verbose(&app, &recording("two_cities.wav"));
    let said = "it was the best of times it was the worst of times it was the age of wisdom it was the age of \
        foolishness it was the epoch of belief it was the epoch of incredulity it was the season of light it was the \
        season of darkness it was the spring of hope it was the winter of despair we had everything before us we had \
        nothing before us we were all going direct to heaven we were all going direct the other way in short the \
        period was so far like the present period that some of its noisiest authorities insisted on its being \
        received for good or for evil in the superlative degree of comparison only";
    assert_eq!(words(text(&dickens)).join(" "), said);
    assert!(text(&dickens).starts_with("It was the best of times, it was"));
    assert!(text(&dickens).ends_with("only."));
    for segment in dickens["segments"].as_array().unwrap() {
        assert!(segment["no_speech_prob"].as_f64() < Some(0.6), "{segment}");
        assert!(segment["avg_logprob"].as_f64() > Some(-1.0), "{segment}");
        assert!(!segment["tokens"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_pause_of_a_minute_parts_two_sentences() {
    let app = app();
    let folder = tempfile::tempdir().unwrap();
    let sentences = made("marks.py", &[], folder.path());
    let samples = |at: usize| fs::read(&sentences[at]).unwrap().split_off(44);
    let (first, second) = (samples(0), samples(1));
    let alone = |samples: &[u8]| words(text(&verbose(&app, &wav(samples))));
    let expected = [alone(&first), alone(&second)].concat();
    let mut both = first.clone();
    both.resize(first.len() + 60 * 2 * RATE, 0);
    let begins = both.len() as f64 / (2 * RATE) as f64;
    both.extend(&second);
    let answer = verbose(&app, &wav(&both));
    assert_eq!(words(text(&answer)), expected);
    let late = answer["words"]
        .as_array()
        .unwrap()
        .iter()
        .find(|word| word["start"].as_f64() > Some(20.0));
    let start = late.unwrap()["start"].as_f64().unwrap();
    // A sentence begins half a second after its file does.
    assert!(
        (start - begins - 0.5).abs() < 0.2,
        "{start}, the file begins at {begins}"
    );
}

#[test]
fn nothing_is_invented() {
    let app = app();
    let folder = tempfile::tempdir().unwrap();
    let sounds = made("noises.py", &["0.1", "2", "10", "30"], folder.path());
    assert!(sounds.len() > 40);
    let mut invented = Vec::new();
    for sound in sounds {
        let answer = verbose(&app, &fs::read(&sound).unwrap());
        let sure = answer["no_speech_prob"].as_f64() >= Some(0.8);
        if !text(&answer).is_empty() || !sure {
            invented.push(format!("{}: {answer}", sound.display()));
        }
    }
    assert!(invented.is_empty(), "{}", invented.join("\n"));
}

#[test]
fn words_have_the_times_of_the_speaker() {
    /// Seconds by which a word may be off, and the share of words that may be off by more.
    const TOLERANCE: f64 = 0.12;
    const OUTLIERS: f64 = 0.1;
    let app = app();
    let folder = tempfile::tempdir().unwrap();
    let (mut compared, mut late) = (0, Vec::new());
    for sentence in made("marks.py", &[], folder.path()) {
        let marks = fs::read(sentence.with_extension("json")).unwrap();
        let marks: Vec<Value> = serde_json::from_slice(&marks).unwrap();
        let answer = verbose(&app, &fs::read(&sentence).unwrap());
        let heard = answer["words"].as_array().unwrap();
        let plain = |word: &Value| words(word.as_str().unwrap()).concat();
        // What was heard as it was said, word by word from both ends of the sentence.
        let same = |(mark, word): &(&Value, &Value)| plain(&mark["text"]) == plain(&word["word"]);
        let front: Vec<_> = marks.iter().zip(heard).take_while(same).collect();
        let left = marks.len().min(heard.len()) - front.len();
        let back = marks
            .iter()
            .rev()
            .zip(heard.iter().rev())
            .take(left)
            .take_while(same);
        for (mark, word) in front.iter().copied().chain(back) {
            compared += 1;
            let off = (word["start"].as_f64().unwrap() - mark["start"].as_f64().unwrap()).abs();
            if off > TOLERANCE {
                late.push(format!("{word}, not {mark}"));
            }
        }
    }
    assert!(compared > 150, "{compared}");
    let share = late.len() as f64 / f64::from(compared);
    assert!(share <= OUTLIERS, "{share} of {compared}: {late:#?}");
}
