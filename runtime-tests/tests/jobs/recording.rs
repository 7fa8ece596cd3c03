//! Two hours of speech.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use runtime_tests::audio::{examples, repeated};
use runtime_tests::{Form, Request, Response};
use serde_json::Value;
use tempfile::TempDir;

use crate::events::{Events, seconds_done};
use crate::on_both_stores;
use crate::stack::{Kind, Setup, Stack, has_ended, id, wait_for};

/// An example and a long pause, again and again: Ogg files may be put one after the other. Without the pauses the recogniser
/// would take most of the time of all tests.
fn two_hours() -> (Vec<u8>, usize) {
    let folder = TempDir::new().unwrap();
    let (source, target) = (
        folder.path().join("once.wav"),
        folder.path().join("once.ogg"),
    );
    // Two minutes each, so that what the encoder adds at the ends does not count.
    let (wav, times) = repeated(6.0);
    fs::write(&source, wav).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&source)
        .args([
            "-af",
            "apad=whole_dur=124",
            "-c:a",
            "libopus",
            "-b:a",
            "24k",
        ])
        .arg(&target)
        .output()
        .expect("ffmpeg runs: `make setup-test` installs it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let once = fs::read(target).unwrap();
    let turns = 57;
    (once.repeat(turns), times * turns)
}

on_both_stores!(
    windows_in_parts_become_the_answer_that_a_client_waits_for,
    a_canceled_recording_ends_its_parts,
);

/// The same recording on the left and, ten seconds later, on the right.
fn stereo(mono: &[u8]) -> Vec<u8> {
    let (head, samples) = mono.split_at(44);
    let rate = u32::from_le_bytes(head[24..28].try_into().unwrap());
    let mut later = vec![0; 20 * rate as usize];
    later.extend(samples);
    let mut wav = head.to_vec();
    for (left, right) in samples.chunks_exact(2).zip(later.chunks_exact(2)) {
        wav.extend(left);
        wav.extend(right);
    }
    let size = u32::try_from(wav.len() - 44).unwrap();
    wav[4..8].copy_from_slice(&(size + 36).to_le_bytes());
    wav[22..24].copy_from_slice(&2_u16.to_le_bytes());
    wav[28..32].copy_from_slice(&(4 * rate).to_le_bytes());
    wav[32..34].copy_from_slice(&4_u16.to_le_bytes());
    wav[40..44].copy_from_slice(&size.to_le_bytes());
    wav
}

/// Requests whose recordings are divided, and the status that each is answered with.
fn divided() -> [(Request, u16); 4] {
    let (recording, _) = repeated(45.0);
    let truncated = &recording[..recording.len() - 100_001];
    let files = Form::new("X")
        .file("files", "one.wav", &recording)
        .file("files", "no.wav", b"This is not a recording.")
        .file("files", "cut.wav", truncated);
    let split = "/asr?timestamps=word&channels=split";
    let words = [
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ];
    let transcription = "/v1/audio/transcriptions";
    [
        (Request::upload("/asr?timestamps=word", truncated, &[]), 200),
        (Request::form("/asr?timestamps=word", files), 207),
        (Request::upload(split, &stereo(&recording), &[]), 200),
        (Request::upload(transcription, &recording, &words), 200),
    ]
}

fn windows_in_parts_become_the_answer_that_a_client_waits_for(kind: Kind) {
    // No store takes part in these answers, so they are computed once for both.
    static WAITED: OnceLock<Vec<Response>> = OnceLock::new();
    let stack = Setup::new(kind).runners(2).start();
    let requests = divided();
    let waited = WAITED.get_or_init(|| {
        let requests = requests.iter();
        requests
            .map(|(request, _)| stack.app.send(request))
            .collect()
    });
    for ((request, status), waited) in requests.into_iter().zip(waited) {
        assert_eq!(waited.status, status, "{waited:?}");
        let job = id(&stack.defer(&request));
        let seen = watch(&stack, &job);
        let ended = seen.last().unwrap();
        assert_eq!(ended["status"], "succeeded", "{ended}");
        assert_eq!(ended["result"], waited.json());
        let result = stack.app.get(&format!("/jobs/{job}/result"));
        assert_eq!(result.status, status);
        assert_eq!(
            result.header("audio-warnings"),
            waited.header("audio-warnings")
        );
        let parts = |job: &Value| job["progress"]["parts"]["of"].as_u64();
        assert!(seen.iter().find_map(parts) >= Some(3), "{seen:?}");
        let done = seconds_done(&seen);
        assert!(done.is_sorted(), "{done:?}");
        let progress = &ended["progress"];
        assert_eq!(progress["seconds_done"], progress["seconds"], "{progress}");
        assert_eq!(progress["chunks_done"], progress["chunks"], "{progress}");
    }
}

/// The states of a job until it has ended: windows of short recordings are done faster than events come.
fn watch(stack: &Stack, job: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    wait_for("the end of a job", || {
        let state = stack.job(job);
        let ended = has_ended(&state);
        seen.push(state);
        ended.then_some(())
    });
    seen
}

fn a_canceled_recording_ends_its_parts(kind: Kind) {
    let stack = Setup::new(kind).runners(2).start();
    let (recording, _) = repeated(900.0);
    let job = id(&stack.defer(&Request::upload("/asr", &recording, &[])));
    wait_for("parts that are done", || {
        let done = stack.job(&job)["progress"]["parts"]["done"].as_u64()?;
        (done > 1).then_some(())
    });
    assert_eq!(stack.delete(&job).status, 200);
    let ended = stack.wait(&job, "canceled");
    assert!(ended.get("result").is_none(), "{ended}");
}

/// Four workers are killed in turn, one is paused beyond its lease, and Redis is killed. What was done stays done.
#[test]
fn a_recording_outlives_its_workers_and_its_store() {
    let setup = Setup::new(Kind::Redis).variable("job_lease_seconds", "5");
    let mut stack = setup.persistent().runners(2).start();
    let (recording, _) = repeated(400.0);
    let request = Request::upload("/asr?timestamps=word", &recording, &[]);
    let job = id(&stack.defer(&request));
    let mut done = 0;
    let mut wait_for_more = |stack: &Stack| {
        let before = done;
        done = wait_for("more parts", || {
            let progress = &stack.job(&job)["progress"];
            let now = progress["parts"]["done"].as_u64()?;
            assert!(now >= before, "{now} of {before} parts are left");
            (now > before + 2).then_some(now)
        });
    };
    for _ in 0..4 {
        wait_for_more(&stack);
        stack.workers.remove(0).kill();
        stack.add_worker();
    }
    stack.workers[0].pause();
    wait_for_more(&stack);
    stack.redis().kill();
    thread::sleep(Duration::from_millis(700));
    stack.redis().restart();
    // Workers may end when they lose Redis.
    stack.add_worker();
    wait_for_more(&stack);
    stack.workers[0].resume();
    let ended = stack.wait(&job, "succeeded");
    assert_eq!(ended["attempts"], 1);
    let waited = stack.app.send(&request);
    assert_eq!(ended["result"], waited.json());
}

/// Takes minutes: it is as much speech as may come.
#[test]
fn two_hours_of_speech_become_subtitles() {
    let (recording, times) = two_hours();
    assert!(recording.len() < 26_214_400, "{}", recording.len());
    let stack = Setup::new(Kind::Sqlite).runners(2).start();
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
    let jobs: Vec<Value> = events.iter().map(|(_, job)| job.clone()).collect();
    let done = seconds_done(&jobs);
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
