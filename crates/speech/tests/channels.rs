//! What becomes of the channels of a file: mixed, or each on its own.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use std::time::Duration;

use common::{falling, likeness, read, signal, wav};
use proptest::prelude::*;
use speech::audio::{self, AudioError, Channels, Recording};

const LIMIT: Duration = Duration::from_secs(5);

fn decode(bytes: Vec<u8>, channels: Channels) -> Result<Recording, AudioError> {
    pollster::block_on(audio::decode(bytes, LIMIT, channels, async |_| {}))
}

fn probe(bytes: Vec<u8>, channels: Channels) -> Result<(), AudioError> {
    pollster::block_on(audio::probe(bytes, channels, async || {}))
}

/// A WAV file of `count` frames at `rate` Hz, of what `channels` say at a time.
fn recorded(rate: u32, count: usize, channels: &[&dyn Fn(f64) -> f64]) -> Vec<u8> {
    let samples: Vec<i16> = (0..count)
        .flat_map(|i| {
            let t = i as f64 / f64::from(rate);
            channels
                .iter()
                .map(move |channel| (channel(t) * 32_767.0).round() as i16)
        })
        .collect();
    wav(rate, channels.len() as u16, &samples)
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
}

#[test]
fn sides_that_cancel_are_heard() {
    let inverted = |t: f64| -signal(t);
    let quieter = |t: f64| -0.7 * signal(t);
    let decibels = |mixed: &Recording| {
        let alone = recorded(16_000, 16_000, &[&signal]);
        let alone = decode(alone, Channels::Mixed).unwrap();
        10.0 * (power(mixed.samples()) / power(alone.samples())).log10()
    };
    for rate in [8_000, 16_000, 44_100] {
        for other in [&inverted as &dyn Fn(f64) -> f64, &quieter] {
            for sides in [[&signal, other], [other, &signal]] {
                let bytes = recorded(rate, rate as usize, &sides);
                let mixed = decode(bytes, Channels::Mixed).unwrap();
                assert_eq!(mixed.channels.len(), 1);
                assert!(likeness(mixed.samples(), signal).abs() > 0.999);
                assert!(decibels(&mixed).abs() < 0.5, "{} dB", decibels(&mixed));
            }
        }
    }
    let coded = decode(read("opposed.m4a"), Channels::Mixed).unwrap();
    assert!(likeness(coded.samples(), signal).abs() > 0.98);
}

#[test]
fn ordinary_stereo_is_averaged() {
    let silent = |_| 0.0;
    let equal = signal;
    let panned = |t| 0.3 * signal(t);
    // A noise, and the same on a side 20 cm farther away.
    let noise = |t: f64| (((t * 16_000.0).round() * 12.9898).sin() * 43_758.547).fract() * 0.5;
    let delayed = |t: f64| noise(t - 0.000_625);
    for (one, other) in [
        (
            &signal as &dyn Fn(f64) -> f64,
            &silent as &dyn Fn(f64) -> f64,
        ),
        (&signal, &equal),
        (&signal, &panned),
        (&signal, &falling),
        (&noise, &delayed),
    ] {
        let bytes = recorded(16_000, 16_000, &[one, other]);
        let mixed = decode(bytes, Channels::Mixed).unwrap();
        for (i, &sample) in mixed.samples().iter().enumerate() {
            let t = i as f64 / 16_000.0;
            let average = (one(t) + other(t)) / 2.0;
            let error = (f64::from(sample) - average).abs();
            assert!(error < 1e-4, "{sample}, not {average}");
        }
    }
}

#[test]
fn each_voice_of_a_call_is_heard_even_if_one_cancels() {
    // Two voices in turn: one on both sides, inverted on the right; one on the left or on the right alone.
    for left in [true, false] {
        let first = |t: f64| if t % 1.0 < 0.5 { signal(t % 1.0) } else { 0.0 };
        let second = |t: f64| if t % 1.0 < 0.5 { 0.0 } else { falling(t % 1.0) };
        let one = |t| first(t) + if left { second(t) } else { 0.0 };
        let two = |t| -first(t) + if left { 0.0 } else { second(t) };
        let mixed = decode(recorded(16_000, 48_000, &[&one, &two]), Channels::Mixed).unwrap();
        for (half, samples) in mixed.samples().chunks(8000).enumerate() {
            let truth = |t: f64| {
                if half % 2 == 0 {
                    first(t)
                } else {
                    second(t + 0.5)
                }
            };
            // A tenth of a second at a change may be lost.
            let likeness = likeness(samples, truth).abs();
            assert!(likeness > 0.85, "{likeness} in half second {half}");
        }
    }
}

#[test]
fn splits_every_format() {
    let bytes = recorded(44_100, 22_050, &[&signal, &falling]);
    for (name, bytes, seconds, alike) in [
        ("a WAV file", bytes, 0.5, 0.9999),
        ("sides.flac", read("sides.flac"), 0.25, 0.9999),
        ("sides.m4a", read("sides.m4a"), 0.5, 0.95),
        ("sides.opus", read("sides.opus"), 0.5, 0.98),
    ] {
        assert_eq!(probe(bytes.clone(), Channels::Split), Ok(()));
        let recording = decode(bytes, Channels::Split).unwrap();
        let [left, right] = recording.channels.as_slice() else {
            unreachable!("{} channels of {name}", recording.channels.len());
        };
        assert_eq!(left.len(), right.len());
        assert_eq!(left, recording.samples());
        let (first, second) = (likeness(left, signal), likeness(right, falling));
        assert!(
            first > alike && second > alike,
            "{first} {second} of {name}"
        );
        assert!(
            (recording.duration().as_secs_f64() - seconds).abs() < 0.001,
            "{name}"
        );
        assert_eq!(recording.work(), 2 * recording.duration());
    }
}

#[test]
fn splits_surround_and_what_has_one_channel() {
    for (name, channels) in [
        ("surround.wav", 6),
        ("surround.opus", 6),
        ("mono.mp3", 1),
        ("s16.wav", 1),
    ] {
        let recording = decode(read(name), Channels::Split).unwrap();
        assert_eq!(recording.channels.len(), channels, "{name}");
        for channel in &recording.channels {
            assert_eq!(channel.len(), recording.samples().len());
        }
    }
    let mono = decode(read("mono.mp3"), Channels::Mixed).unwrap();
    assert_eq!(decode(read("mono.mp3"), Channels::Split).unwrap(), mono);
}

#[test]
fn split_keeps_the_start() {
    let mixed = decode(read("film.mp4"), Channels::Mixed).unwrap();
    let split = decode(read("film.mp4"), Channels::Split).unwrap();
    assert!(mixed.offset > Duration::from_secs(1));
    assert_eq!(split.offset, mixed.offset);
}

#[test]
fn every_channel_counts_towards_the_limit() {
    let silence = |seconds: usize, channels: u16| {
        wav(
            4_000,
            channels,
            &vec![0; seconds * 4_000 * usize::from(channels)],
        )
    };
    let split = |seconds, channels| decode(silence(seconds, channels), Channels::Split);
    assert_eq!(split(2, 2).unwrap().work(), Duration::from_secs(4));
    assert_eq!(split(5, 1).unwrap().work(), LIMIT);
    assert_eq!(split(3, 2), Err(AudioError::TooLong { limit: LIMIT }));
    assert_eq!(split(1, 8), Err(AudioError::TooLong { limit: LIMIT }));
    assert!(decode(silence(5, 8), Channels::Mixed).is_ok());
}

#[test]
fn too_many_channels_are_refused_by_name() {
    let nine = wav(8_000, 9, &[0; 900]);
    let error = decode(nine.clone(), Channels::Split).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the audio has 9 channels to be split, more than 8, which is not supported"
    );
    assert_eq!(probe(nine.clone(), Channels::Split), Err(error));
    assert!(decode(nine, Channels::Mixed).is_ok());
    // Two files put together.
    let both = [read("celt.opus"), read("celt-stereo.opus")].concat();
    let error = decode(both.clone(), Channels::Split).unwrap_err();
    assert!(
        error.to_string().contains("the number of which changes"),
        "{error}"
    );
    assert!(decode(both, Channels::Mixed).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Splitting gives back what was put together.
    #[test]
    fn split_channels_are_those_of_the_file(
        channels in 1usize..=8,
        samples in proptest::collection::vec(any::<i16>(), 8..3000),
    ) {
        let frames = samples.len() / channels;
        let samples = &samples[..frames * channels];
        let recording = decode(wav(16_000, channels as u16, samples), Channels::Split).unwrap();
        prop_assert_eq!(recording.channels.len(), channels);
        for (i, channel) in recording.channels.iter().enumerate() {
            let own = samples.iter().skip(i).step_by(channels);
            let own: Vec<f32> = own.map(|&sample| f32::from(sample) / 32_768.0).collect();
            prop_assert_eq!(channel, &own);
        }
    }
}
