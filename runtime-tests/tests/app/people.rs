//! Human speech, sounds other than speech, and the times of words.
//!
//! The recordings are those that `models/whisper/recordings` fetches, the sounds those that its scripts make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use runtime_tests::audio::{repeated_after, words};
use runtime_tests::{Request, Server, app, root};
use serde_json::Value;

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

/// What OpenAI's `verbose_json` says, with the words.
fn verbose(app: &Server, recording: &[u8]) -> Value {
    let fields = [
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ];
    let answer = app.send(&Request::upload(
        "/v1/audio/transcriptions",
        recording,
        &fields,
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap()
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
    const HEAD: usize = 44;
    const PAUSE: usize = 60;
    let app = app();
    let once = recording("beckett.wav");
    let said = "ever tried ever failed no matter try again fail again fail better";
    assert_eq!(once.get(36..40), Some(&b"data"[..]), "a plain header");
    // Bytes of a second: 16-bit samples of one channel.
    let second = 2 * u32::from_le_bytes(once[24..28].try_into().unwrap()) as usize;
    let mut twice = once.clone();
    twice.resize(once.len() + PAUSE * second, 0);
    let begins = (twice.len() - HEAD) as f64 / second as f64;
    twice.extend(&once[HEAD..]);
    let size = u32::try_from(twice.len() - HEAD).unwrap();
    twice[4..8].copy_from_slice(&(size + 36).to_le_bytes());
    twice[40..44].copy_from_slice(&size.to_le_bytes());
    let answer = verbose(&app, &twice);
    assert_eq!(words(text(&answer)).join(" "), format!("{said} {said}"));
    let heard = answer["words"].as_array().unwrap();
    assert_eq!(heard.len(), 24);
    for (early, late) in heard.iter().zip(&heard[12..]) {
        let distance = late["start"].as_f64().unwrap() - early["start"].as_f64().unwrap();
        assert!((distance - begins).abs() < 0.2, "{early} {late} {begins}");
    }
}

#[test]
fn a_sentence_is_heard_as_often_as_it_is_said() {
    let app = app();
    let (minute, times) = repeated_after(0.5, 60.0);
    let answer = verbose(&app, &minute);
    let heard = words(text(&answer));
    let heard = heard.iter().filter(|word| *word == "times").count();
    // The decoder may lose count of some; as a loop it would be cut behind the first in each window.
    assert!(
        heard <= times && heard * 4 >= times * 3,
        "{times}: {answer}"
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
