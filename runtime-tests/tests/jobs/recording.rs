//! Two hours of speech.

use std::fs;
use std::process::Command;

use runtime_tests::Request;
use runtime_tests::audio::{examples, repeated};
use tempfile::TempDir;

use crate::events::{Events, seconds_done};
use crate::stack::{Kind, Setup, id};

/// An example and a pause again and again: Ogg files may be put one after the other.
fn two_hours() -> (Vec<u8>, usize) {
    let folder = TempDir::new().unwrap();
    let (source, target) = (
        folder.path().join("once.wav"),
        folder.path().join("once.ogg"),
    );
    // About a minute, so that what the encoder adds at the ends does not count.
    let (wav, times) = repeated(62.0);
    fs::write(&source, wav).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&source)
        .args(["-c:a", "libopus", "-b:a", "24k"])
        .arg(&target)
        .output()
        .expect("ffmpeg runs: `make setup-test` installs it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let once = fs::read(target).unwrap();
    let turns = 115;
    (once.repeat(turns), times * turns)
}

/// Takes minutes: it is as much speech as may come.
#[test]
fn two_hours_of_speech_become_subtitles() {
    let (recording, times) = two_hours();
    assert!(recording.len() < 26_214_400, "{}", recording.len());
    let stack = Setup::new(Kind::Sqlite).start();
    let target = "/v1/audio/transcriptions";
    let fields = [("response_format", "srt"), ("model", "whisper-1")];
    let request = Request::upload(target, &recording, &fields);
    // It is more than may be answered at once.
    let refused = stack.app.send(&request);
    assert_eq!(refused.status, 413, "{refused:?}");
    assert_eq!(refused.json()["error"]["code"], "audio_too_long");

    let job = id(&stack.defer(&request));
    let mut events = Vec::new();
    for event in Events::of(&stack, &job) {
        events.push(event);
        // Others are served meanwhile.
        assert_eq!(stack.app.get("/ping").status, 200);
    }
    let done = seconds_done(&events);
    assert!(done.len() >= 5 && done.is_sorted(), "{done:?}");
    let (_, last) = events.last().unwrap();
    assert_eq!(
        (&last["status"], &last["attempts"]),
        (&"succeeded".into(), &1.into())
    );

    let srt = stack.app.get(&format!("/jobs/{job}/result"));
    assert_eq!(
        srt.header("content-type"),
        Some("application/x-subrip; charset=utf-8")
    );
    let part = examples().into_iter().find(|it| it.file == "numbers.wav");
    check_subtitles(srt.text(), &part.unwrap().text, times);
}

/// Subtitles in their order from the beginning to the end of the recording, with its words.
fn check_subtitles(srt: &str, words: &str, times: usize) {
    let mut said: Vec<&str> = Vec::new();
    let mut end = 0.0;
    let cues: Vec<&str> = srt.trim_end().split("\n\n").collect();
    for (i, cue) in cues.iter().enumerate() {
        let mut lines = cue.lines();
        assert_eq!(lines.next(), Some(&*(i + 1).to_string()), "{cue}");
        let (from, to) = lines.next().unwrap().split_once(" --> ").unwrap();
        let (from, to) = (seconds(from), seconds(to));
        assert!(end <= from && from < to, "{cue}");
        end = to;
        said.extend(lines.flat_map(str::split_whitespace));
    }
    assert!((6900.0..7200.0).contains(&end), "{end}");
    let expected = words.split_whitespace().count() * times;
    assert!(
        said.len().abs_diff(expected) * 50 <= expected,
        "{} words of {expected}",
        said.len()
    );
    let right = said.join(" ").matches(words).count();
    assert!(right * 10 >= times * 9, "{right} times of {times}");
}

/// `01:59:59,999`.
fn seconds(time: &str) -> f64 {
    let (time, milliseconds) = time.split_once(',').unwrap();
    let whole = time
        .split(':')
        .fold(0, |sum, part| sum * 60 + part.parse::<u32>().unwrap());
    f64::from(whole) + milliseconds.parse::<f64>().unwrap() / 1000.0
}
