//! Recordings of two letters, heard by a recogniser that knows these.

use super::*;
use pollster::block_on;

const FRAME: usize = 320;
const WINDOW: Range<usize> = FRAME..22 * 16_000;

/// Hears a word for each run of loud frames: A where they are positive, B where they are negative.
async fn ear(samples: &[f32], _: Option<&str>) -> Result<Heard, String> {
    let mut words: Vec<Word> = Vec::new();
    let mut before = None;
    for (i, frame) in samples.chunks_exact(FRAME).enumerate() {
        let letter = match frame.iter().sum::<f32>() / FRAME as f32 {
            mean if mean > 0.2 => Some(" A"),
            mean if mean < -0.2 => Some(" B"),
            _ => None,
        };
        let [start, end] = [i, i + 1].map(|frame| frame as f64 * 0.02);
        match (letter, words.last_mut()) {
            (Some(_), Some(word)) if before == letter => word.end = end,
            (Some(letter), _) => words.push(Word {
                text: letter.to_owned(),
                start,
                end,
                ..Word::default()
            }),
            (None, _) => {}
        }
        before = letter;
    }
    Ok(Heard {
        language: "en".to_owned(),
        no_speech_probability: if words.is_empty() { 0.9 } else { 0.1 },
        words,
    })
}

/// One word of one letter after the other, half a second each with half a second of silence.
fn spoken(letters: &str) -> Vec<f32> {
    let silence = vec![0.0; 8000];
    let mut samples = silence.clone();
    for letter in letters.chars() {
        let sign = if letter == 'A' { 0.5 } else { -0.5 };
        // Alternating loudness has energy and a mean.
        samples.extend((0..8000).map(|i| sign + if i % 2 == 0 { 0.2 } else { -0.2 }));
        samples.extend(&silence);
    }
    samples
}

fn recognise(samples: Vec<f32>) -> (Transcript, usize) {
    block_on(async {
        let mut recognition = Recognition::new(samples, WINDOW, async || {}).await;
        let mut steps = 0;
        let mut before = recognition.windows().progress();
        assert_eq!((before.seconds_done, before.chunks_done), (0.0, 0));
        while recognition.step(ear).await.expect("recognised").is_some() {
            steps += 1;
            let progress = recognition.windows().progress();
            assert!(progress.seconds_done > before.seconds_done);
            assert_eq!(progress.chunks_done, steps);
            before = progress;
        }
        assert_eq!(before.chunks_done, before.chunks);
        assert!(steps == 0 || before.seconds_done == before.seconds);
        (recognition.finish(), steps)
    })
}

#[test]
fn a_recording_of_many_windows_is_the_words_of_all() {
    let letters = "ABBA".repeat(15);
    let (transcript, steps) = recognise(spoken(&letters));
    let expected: Vec<String> = letters.chars().map(String::from).collect();
    assert_eq!(transcript.text(), expected.join(" "));
    assert!((transcript.duration - 60.5).abs() < 1e-9);
    assert_eq!(transcript.language.as_deref(), Some("en"));
    assert!((transcript.no_speech_probability - 0.1).abs() < 1e-9);
    assert!(steps > 1);
    for (i, word) in transcript.words.iter().enumerate() {
        assert!((word.start - (i as f64 + 0.5)).abs() < 0.05, "{word:?}");
    }
}

#[test]
fn the_words_of_all_steps_and_the_rest_are_the_transcript() {
    block_on(async {
        let samples = spoken(&"AB".repeat(20));
        let mut recognition = Recognition::new(samples, WINDOW, async || {}).await;
        let mut told = Vec::new();
        while let Some(words) = recognition.step(ear).await.expect("recognised") {
            told.extend_from_slice(words);
        }
        let transcript = recognition.finish();
        assert_eq!(transcript.words.get(..told.len()), Some(told.as_slice()));
    });
}

#[test]
fn silence_and_less_than_the_minimum_have_no_words() {
    for samples in [vec![0.0; 48_000], vec![0.5; FRAME - 1], vec![0.0; 1]] {
        let seconds = samples.len() as f64 / 16_000.0;
        let (transcript, _) = recognise(samples);
        assert_eq!(
            (transcript.text().as_str(), transcript.language),
            ("", None)
        );
        assert!(transcript.no_speech_probability >= 1.0);
        assert!((transcript.duration - seconds).abs() < 1e-9);
    }
}

#[test]
fn later_windows_are_told_the_language_and_errors_are_passed_on() {
    block_on(async {
        let samples = spoken(&"AB".repeat(20));
        let mut recognition = Recognition::new(samples, WINDOW, async || {}).await;
        let mut known = Vec::new();
        let mut listen = async |samples: &[f32], language: Option<&str>| {
            known.push(language.map(str::to_owned));
            ear(samples, None).await
        };
        while recognition
            .step(&mut listen)
            .await
            .expect("recognised")
            .is_some()
        {}
        assert_eq!(known[..2], [None, Some("en".to_owned())]);

        let mut recognition = Recognition::new(spoken("A"), WINDOW, async || {}).await;
        let failed = recognition.step(async |_, _| Err("no memory")).await;
        assert_eq!(failed, Err("no memory"));
    });
}

/// Cuts samples that come in portions. The first `known` windows are recognised at once, the others at the end.
async fn cut_and_recognise(samples: &[f32], portion: usize, known: usize) -> Transcript {
    let mut cutting = Cutting::new(WINDOW);
    let (mut count, mut heard) = (0, Vec::new());
    for portion in samples.chunks(portion).map(Some).chain([None]) {
        match portion {
            Some(samples) => cutting.push(samples),
            None => cutting.end(),
        }
        while let Some(sound) = cutting.next(async || {}).await {
            count += 1;
            let words = ear(&sound.samples(), None).await.expect("recognised");
            if count > known {
                heard.push(words);
            } else {
                cutting.heard(words);
            }
        }
    }
    let stored = rmp_serde::to_vec_named(&cutting.into_windows()).expect("MessagePack");
    let mut windows: Windows = rmp_serde::from_slice(&stored).expect("windows");
    // As another worker hears them, and not all at once.
    let last = heard.pop();
    windows.join(heard);
    assert_eq!(windows.next().is_none(), last.is_none());
    windows.join(last);
    let progress = windows.progress();
    assert_eq!(progress.chunks_done, progress.chunks);
    windows.finish()
}

#[test]
fn windows_that_are_cut_while_samples_come_in_become_the_same_transcript() {
    block_on(async {
        let (pause, short) = (vec![0.0; 50_000], vec![0.5; FRAME / 2]);
        let speech = spoken(&"ABBA".repeat(15));
        let mixed = [&*speech, &pause, &speech, &pause, &short].concat();
        for samples in [mixed, speech, short, pause] {
            let whole = recognise(samples.clone()).0;
            for (portion, known) in [(7777, 0), (100_000, 1), (usize::MAX, usize::MAX)] {
                assert_eq!(cut_and_recognise(&samples, portion, known).await, whole);
            }
        }
    });
}
