//! When the sound of a file begins: tracks that are late, and what encoders put in front of all.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use std::time::Duration;

use common::{likeness, read, signal, tone, wav};
use proptest::prelude::*;
use speech::audio::{self, Channels, Recording};

const LIMIT: Duration = Duration::from_secs(5);
/// How late `late` and `film` of `tests/audio/make.sh` are, in seconds.
const LATE: f64 = 1.44;

fn decode(bytes: Vec<u8>) -> Recording {
    pollster::block_on(audio::decode(bytes, LIMIT, Channels::Mixed, async |_| {})).unwrap()
}

fn offset(bytes: Vec<u8>) -> f64 {
    decode(bytes).offset.as_secs_f64()
}

/// How alike a recording is to the signal that a player plays from `start` on, if it shifts it by `error` seconds.
fn played(recording: &Recording, start: f64, error: f64) -> f64 {
    let offset = recording.offset.as_secs_f64();
    likeness(recording.samples(), |t| {
        let t = t + offset - start - error;
        if (0.0..0.5).contains(&t) {
            signal(t)
        } else {
            0.0
        }
    })
}

/// Replaces the content of the only atom of a kind.
fn patch(bytes: &mut [u8], kind: &[u8; 4], offset: usize, with: &[u8]) {
    let at = bytes
        .windows(4)
        .position(|found| found == kind)
        .map(|at| at + 4 + offset)
        .unwrap();
    bytes[at..at + with.len()].copy_from_slice(with);
}

#[test]
fn a_late_track_is_as_late_as_a_player_plays_it() {
    // ffmpeg rounds the times of Matroska's Opus down by what the codec puts in front.
    for (name, error) in [
        ("late.m4a", 0.0),
        ("late.mov", 0.0),
        ("late.mkv", 0.0),
        ("late.webm", -0.006),
        ("film.mp4", 0.0),
        ("late-fragment.mp4", 0.4),
        ("film.webm", -0.006),
        ("film.ogv", 0.0),
    ] {
        let recording = decode(read(name));
        // Times and delays are each rounded to a millisecond.
        let likeness = (-15..=15)
            .map(|near| played(&recording, LATE, error + f64::from(near) * 1e-4))
            .fold(0.0, f64::max);
        let offset = recording.offset;
        assert!(likeness > 0.85, "{name}: {likeness}, {offset:?}");
        let end = recording.end().as_secs_f64();
        let seconds = if name == "late.mov" { 0.25 } else { 0.5 };
        assert!(
            (0.0..0.03).contains(&(end - LATE - error - seconds)),
            "{end} of {name}"
        );
    }
}

#[test]
fn an_encoders_delay_is_cut_off_and_no_start() {
    for name in [
        "mono.m4a",
        "stereo.m4a",
        "opus.mp4",
        "mono.mp3",
        "celt.opus",
        "mono.ogg",
    ] {
        let recording = decode(read(name));
        assert_eq!(recording.offset, Duration::ZERO, "{name}");
        assert_eq!(recording.end(), recording.duration());
        assert!(played(&recording, 0.0, 0.0) > 0.6, "{name}");
    }
    for name in ["opus.webm", "vorbis.webm", "flac.mkv", "live.webm"] {
        let offset = offset(read(name));
        assert!(offset < 0.005, "{offset} s of {name}");
    }
    // Without an edit list what the encoder puts in front is played, and is a pause if it is not.
    for name in ["fragmented.mp4", "aac.mkv"] {
        assert!((offset(read(name)) - 1024.0 / 48_000.0).abs() < 0.001);
    }
    assert_eq!(offset(wav(16_000, 1, &tone(16_000, 100))), 0.0);
}

#[test]
fn a_stream_that_is_alone_in_ogg_is_played_at_once() {
    let recording = decode(read("late.ogg"));
    assert_eq!(recording.offset, Duration::ZERO);
    assert!(played(&recording, 0.0, 0.0) > 0.97);
}

#[test]
fn the_part_before_an_edit_is_not_played() {
    let whole = decode(read("late.mov"));
    let mut bytes = read("late.mov");
    // Two edits: a pause, and what follows; 12 bytes each. The second begins after 800 of 2000 samples.
    patch(&mut bytes, b"elst", 8 + 12 + 4, &800u32.to_be_bytes());
    let cut = decode(bytes);
    assert_eq!(cut.offset, whole.offset);
    // 8000 Hz become 16,000.
    assert_eq!(cut.samples().len(), whole.samples().len() - 1600);
    let moved = |t| signal(t + 0.1);
    assert!(likeness(cut.samples(), moved) > 0.99);
}

#[test]
fn fragments_begin_when_they_say_unless_they_were_cut_out() {
    let start = |seconds: u64| {
        let mut bytes = read("fragmented.mp4");
        patch(&mut bytes, b"tfdt", 4, &(seconds * 48_000).to_be_bytes());
        offset(bytes)
    };
    let delay = 1024.0 / 48_000.0;
    assert!((start(2) - 2.0 - delay).abs() < 1e-6);
    assert!((start(59) - 59.0 - delay).abs() < 1e-6);
    assert!((start(60) - delay).abs() < 1e-6);
    assert!((start(3_000_000) - delay).abs() < 1e-6);
}

#[test]
fn a_part_of_a_live_stream_counts_from_its_own_beginning() {
    // The time of the only cluster, in milliseconds.
    let at = |name, time: u16| {
        let mut bytes = read(name);
        let cluster = bytes
            .windows(4)
            .position(|found| found == b"\x1F\x43\xB6\x75")
            .unwrap();
        let mut found = bytes[cluster..].windows(2);
        let stamp = cluster + found.position(|found| found[0] == 0xE7).unwrap();
        assert_eq!(bytes[stamp + 1], 0x82, "two bytes of time");
        bytes[stamp + 2..stamp + 4].copy_from_slice(&time.to_be_bytes());
        offset(bytes)
    };
    assert!((at("late.webm", 2000) - 2.0).abs() < 0.01);
    assert!((at("late.webm", 59_000) - 59.0).abs() < 0.01);
    assert!(at("late.webm", 61_000) < 0.01);
}

#[test]
fn a_pause_of_hours_takes_no_memory_and_one_of_days_is_not_believed() {
    let start = |seconds: u32| {
        let mut bytes = read("late.m4a");
        // In units of a millisecond.
        patch(&mut bytes, b"elst", 8, &(seconds * 1000).to_be_bytes());
        decode(bytes)
    };
    let late = start(5 * 3600);
    assert_eq!(late.offset, Duration::from_secs(5 * 3600));
    assert!(late.duration() < LIMIT);
    assert_eq!(late.end(), late.offset + late.duration());
    assert_eq!(start(90_000).offset, Duration::ZERO);
}

proptest! {
    #[test]
    fn any_edit_list_gives_a_start_within_a_day(
        entries in proptest::collection::vec(any::<u8>(), 24),
        count in prop_oneof![0u32..4, any::<u32>()],
        version in prop_oneof![Just(0u8), Just(1), any::<u8>()],
        scale in any::<u32>(),
    ) {
        let mut bytes = read("late.mov");
        patch(&mut bytes, b"elst", 0, &[version]);
        patch(&mut bytes, b"elst", 4, &count.to_be_bytes());
        patch(&mut bytes, b"elst", 8, &entries);
        patch(&mut bytes, b"mvhd", 12, &scale.to_be_bytes());
        let decoded = audio::decode(bytes, LIMIT, Channels::Mixed, async |_| {});
        if let Ok(recording) = pollster::block_on(decoded) {
            prop_assert!(recording.offset <= Duration::from_secs(86_400));
            prop_assert!(recording.duration() <= LIMIT);
        }
    }
}
