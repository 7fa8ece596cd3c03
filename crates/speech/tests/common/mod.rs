//! The recordings of `tests/audio/` and the signals in them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; the lint knows test functions, not their helpers"
)]

pub(crate) mod media;
pub(crate) mod ogg;
pub(crate) mod recordings;

use std::{f64::consts::TAU, path::Path, time::Duration};

use speech::audio::{self, AudioError, Channels, Recording, SAMPLE_RATE, WarningKind};

/// More than any recording of these tests has.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn try_to_decode(bytes: Vec<u8>) -> Result<Recording, AudioError> {
    pollster::block_on(audio::decode(bytes, LIMIT, Channels::Mixed, async |_| {}))
}

pub(crate) fn decode(bytes: Vec<u8>) -> Recording {
    try_to_decode(bytes).unwrap()
}

pub(crate) fn seconds(recording: &Recording) -> f64 {
    recording.duration().as_secs_f64()
}

pub(crate) fn kinds(recording: &Recording) -> Vec<WarningKind> {
    recording
        .warnings
        .iter()
        .map(|warning| warning.kind)
        .collect()
}

pub(crate) fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/audio").join(name)).unwrap()
}

/// Where a pattern begins.
pub(crate) fn position(bytes: &[u8], pattern: &[u8]) -> usize {
    bytes
        .windows(pattern.len())
        .position(|found| found == pattern)
        .unwrap()
}

/// The signal of `tests/audio/make.sh` at `t` seconds.
pub(crate) fn signal(t: f64) -> f64 {
    0.5 * (TAU * (200.0 * t + 1400.0 * t * t)).sin() * (0.6 + 0.4 * (TAU * 3.0 * t).sin())
}

/// The one that `sides` of `tests/audio/make.sh` has on the right.
pub(crate) fn falling(t: f64) -> f64 {
    0.5 * (TAU * (3000.0 * t - 1400.0 * t * t)).sin()
}

/// How alike samples are to a signal: 1 where they are equal but for the volume. Half a millisecond of delay
/// makes it less than 0.5.
pub(crate) fn likeness(samples: &[f32], signal: impl Fn(f64) -> f64) -> f64 {
    let (mut product, mut own, mut other) = (0.0, 0.0, 0.0);
    for (i, &sample) in samples.iter().enumerate().take(SAMPLE_RATE as usize) {
        let (x, y) = (f64::from(sample), signal(i as f64 / f64::from(SAMPLE_RATE)));
        product += x * y;
        own += x * x;
        other += y * y;
    }
    product / (own * other).sqrt()
}

/// A WAV file of 16-bit samples.
pub(crate) fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let length = 2 * samples.len() as u32;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(channels) * 2).to_le_bytes());
    bytes.extend((channels * 2).to_le_bytes());
    bytes.extend(b"\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

/// The signal at `rate` Hz, `count` samples of it.
pub(crate) fn tone(rate: u32, count: usize) -> Vec<i16> {
    (0..count)
        .map(|i| (signal(i as f64 / f64::from(rate)) * 32767.0).round() as i16)
        .collect()
}
