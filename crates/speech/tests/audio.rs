//! Decodes the recordings of `tests/audio/`, which are all the same signal, and compares them with it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use std::{f64::consts::TAU, time::Duration};

use common::{
    likeness, read,
    recordings::{LIMIT, RECORDINGS, decode},
    signal, tone, wav,
};
use speech::audio::{self, AudioError, Channels, Decoder, Format, WarningKind};

fn message(bytes: impl Into<Vec<u8>>) -> String {
    decode(bytes.into()).unwrap_err().to_string()
}

fn correlation(samples: &[f32]) -> f64 {
    likeness(samples, signal)
}

#[test]
fn decodes_every_format_at_the_right_time() {
    let mut wrong = Vec::new();
    for (name, format, seconds, longer, alike) in RECORDINGS {
        let recording = decode(read(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let excess = recording.duration().as_secs_f64() - seconds;
        let found = correlation(recording.samples());
        let level = recording
            .samples()
            .iter()
            .fold(0f32, |most, sample| most.max(sample.abs()));
        if recording.format != format
            || !(0.0..=longer).contains(&excess)
            || found < alike
            || !(0.3..0.9).contains(&level)
        {
            wrong.push(format!(
                "{name}: {:?} {excess:+.4} s {found:.5} {level}",
                recording.format
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_what_it_does_not_decode() {
    for (name, what) in [
        (
            "ac3.mkv",
            "AC-3 is not supported; convert the recording to WAV",
        ),
        ("ac3.ac3", "AC-3 is not supported"),
        ("alac.m4a", "ALAC is not supported"),
        ("mp2.mp2", "MPEG audio layer 2 is not supported"),
        ("speex.ogg", "Speex is not supported"),
        ("adpcm.wav", "Microsoft ADPCM is not supported"),
        ("wma.wma", "WMA (ASF) is not supported"),
        ("aiff.aiff", "AIFF is not supported"),
        ("silent.mp4", "the MP4 file has no audio track"),
        ("silent.webm", "the Matroska file has no audio track"),
        ("silent.ogv", "the Ogg file has no audio track"),
    ] {
        let found = message(read(name));
        assert!(found.starts_with(what), "{name}: {found}");
    }
    assert!(message(*b"#!AMR\n").starts_with("AMR is not"));
    assert!(message(*b"caff\0\x01\0\0desc").starts_with("CAF is not"));
}

#[test]
fn names_what_is_no_audio() {
    let not = |what| format!("the file is not audio but {what}; send WAV");
    for (bytes, what) in [
        (&b"Hello, world.\n"[..], not("text")),
        (b"{\"text\": \"caf\xC3\xA9\"}", not("text")),
        (b"\n<!DOCTYPE html><title>404", not("an HTML page")),
        (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", not("a PNG picture")),
        (b"PK\x03\x04\x14\0\0\0", not("a ZIP archive")),
        (b"RIFF\x24\0\0\0WEBPVP8 ", not("a WebP picture")),
        (b"%PDF-1.7", not("a PDF document")),
        (&[0; 1000], "the file is not audio; send WAV".into()),
        (b"\xFF", "the file is not audio; send WAV".into()),
        (b"", "the file is empty".into()),
    ] {
        let found = message(bytes);
        let start = what.split(';').next().unwrap();
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn resamples_any_rate_to_the_exact_length_without_delay() {
    for rate in [
        8_000, 8_001, 11_025, 11_127, 12_000, 15_999, 16_000, 16_001, 22_050, 22_255, 24_000,
        32_000, 37_800, 44_056, 44_100, 47_952, 48_000, 88_200, 96_000, 48_001, 176_400, 192_000,
        383_998, 384_000,
    ] {
        for count in [rate as usize / 3, rate as usize / 3 + 1] {
            let recording = decode(wav(rate, 1, &tone(rate, count))).unwrap();
            let exact = count as f64 * 16_000.0 / f64::from(rate);
            assert!(
                (recording.samples().len() as f64 - exact).abs() <= 0.5,
                "{} samples, not {exact}, at {rate} Hz",
                recording.samples().len()
            );
            let found = correlation(recording.samples());
            assert!(found > 0.9995, "{found} at {rate} Hz");
        }
    }
}

#[test]
fn removes_what_lies_above_half_the_rate() {
    for rate in [44_100, 48_000, 96_000, 44_101] {
        let samples: Vec<i16> = (0..rate)
            .map(|i| ((TAU * 9_000.0 * f64::from(i) / f64::from(rate)).sin() * 30_000.0) as i16)
            .collect();
        let recording = decode(wav(rate, 1, &samples)).unwrap();
        // Away from the ends, where the tone is switched on and off.
        let loudest = recording.samples()[1000..15_000]
            .iter()
            .fold(0f32, |most, sample| most.max(sample.abs()));
        assert!(loudest < 1e-3, "{loudest} at {rate} Hz");
    }
}

#[test]
fn mixes_channels_by_their_average() {
    let mono = tone(16_000, 1600);
    for channels in [2u16, 3, 8, 32] {
        let samples: Vec<i16> = mono
            .iter()
            .flat_map(|&sample| {
                (0..channels).map(move |channel| if channel == 0 { sample } else { 0 })
            })
            .collect();
        let recording = decode(wav(16_000, channels, &samples)).unwrap();
        assert_eq!(recording.samples().len(), 1600);
        for (&mixed, &one) in recording.samples().iter().zip(&mono) {
            let average = f32::from(one) / 32768.0 / f32::from(channels);
            assert!((mixed - average).abs() < 1e-6, "{mixed} {average}");
        }
    }
}

#[test]
fn takes_the_length_of_a_stream_for_its_end() {
    let samples = tone(16_000, 800);
    for length in [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, u32::MAX] {
        let mut bytes = wav(16_000, 1, &samples);
        bytes[40..44].copy_from_slice(&length.to_le_bytes());
        assert_eq!(decode(bytes).unwrap().samples().len(), 800, "{length:#x}");
    }
}

#[test]
fn floats_that_are_no_numbers_are_silence_and_loud_ones_are_bounded() {
    let mut bytes = wav(16_000, 1, &[]);
    bytes[20] = 3;
    bytes[32..36].copy_from_slice(&[4, 0, 32, 0]);
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.25, 1e30, -7.0];
    bytes[40..44].copy_from_slice(&(4 * values.len() as u32).to_le_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let recording = decode(bytes).unwrap();
    assert_eq!(recording.samples(), [0.0, 0.0, 0.0, 0.25, 1.0, -1.0]);
}

#[test]
fn refuses_headers_that_make_no_sense() {
    for (rate, channels, what) in [
        (0, 1, "a sample rate of 0 Hz"),
        (1000, 1, "a sample rate of 1000 Hz"),
        (4_000_000, 1, "a sample rate of 4000000 Hz"),
        (16_000, 0, "no channels"),
        (16_000, 33, "33 channels"),
    ] {
        let found = message(wav(rate, channels, &[]));
        assert_eq!(
            found,
            format!("the audio has {what}, which is not supported")
        );
    }
    assert_eq!(
        message(wav(16_000, 1, &[])),
        "the recording has no samples: it is 0 s long"
    );
}

#[test]
fn stops_at_the_limit() {
    // 20 s of silence in a few kilobytes of each.
    let silence = wav(4_000, 1, &[0; 80_000]);
    assert_eq!(
        message(silence),
        "the audio is longer than 5 s; send it in parts"
    );
    let exact = wav(4_000, 1, &[0; 20_000]);
    assert_eq!(decode(exact).unwrap().duration(), LIMIT);
}

#[test]
fn probes_the_first_second_alone() {
    let mut pauses = 0;
    let silence = wav(16_000, 1, &vec![0; 16_000 * 600]);
    pollster::block_on(audio::probe(silence, Channels::Mixed, async || pauses += 1)).unwrap();
    assert!((1..200).contains(&pauses), "{pauses} pauses");
}

#[test]
fn a_file_that_is_cut_or_damaged_says_where() {
    let mut wrong = Vec::new();
    for (name, format, seconds, longer, _) in RECORDINGS {
        let whole = read(name);
        assert_eq!(decode(whole.clone()).unwrap().warnings, [], "{name}");
        let mut cut = whole.clone();
        cut.truncate(whole.len() * 6 / 10);
        match decode(cut) {
            // A stream may end anywhere.
            Ok(recording) if name == "stream.wav" && recording.warnings.is_empty() => {}
            Ok(recording) if recording.warnings.len() == 1 => {
                let at = recording.warnings[0].at - recording.end().as_secs_f64();
                if recording.warnings[0].kind != WarningKind::Truncated || at.abs() > 0.03 {
                    wrong.push(format!("{name}, cut: {:?}", recording.warnings));
                }
            }
            // Nothing but headers is left of it.
            Err(AudioError::Corrupt { .. })
                if ["mono.m4a", "mono.ogg", "stereo.flac", "vorbis.webm"].contains(&name) => {}
            other => wrong.push(format!("{name}, cut: {:?}", other.map(|r| r.warnings))),
        }
        // PCM and ADTS payloads and MP4 samples have no checksums.
        let mut damaged = whole.clone();
        let (from, to) = (whole.len() * 5 / 10, whole.len() * 6 / 10);
        damaged[from..to].fill(0x55);
        if matches!(format, Format::Flac | Format::Ogg | Format::Mp3) {
            match decode(damaged) {
                Ok(recording)
                    if !recording.warnings.is_empty()
                        && recording.end().as_secs_f64() < seconds + longer + 0.05 => {}
                Err(AudioError::Corrupt { .. }) => {}
                other => wrong.push(format!("{name}, damaged: {:?}", other.map(|r| r.warnings))),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn decodes_streams_that_end_anywhere_and_files_put_together() {
    for name in ["stream.wav", "untagged.mp3", "live.webm"] {
        let mut bytes = read(name);
        bytes.truncate(bytes.len() * 7 / 10);
        let recording = decode(bytes).unwrap();
        let seconds = recording.duration().as_secs_f64();
        assert!((0.5..0.8).contains(&seconds), "{seconds} s of {name}");
        assert!(correlation(recording.samples()) > 0.98, "{name}");
    }
    // The second may have an encoder's delay in front.
    for name in [
        "mono.mp3",
        "tagged.mp3",
        "untagged.mp3",
        "mono.ogg",
        "celt.opus",
        "mono.aac",
    ] {
        let recording = decode(read(name).repeat(2)).unwrap();
        assert_eq!(recording.warnings, [], "{name}");
        let seconds = recording.duration().as_secs_f64();
        assert!((2.0..2.15).contains(&seconds), "{seconds} s of {name}");
    }
}

#[test]
fn gives_small_blocks() {
    for (name, ..) in RECORDINGS {
        let mut decoder = Decoder::open(read(name), Channels::Mixed).unwrap();
        while let Some(blocks) = decoder.next_block().unwrap() {
            let block = &blocks[0];
            assert!(
                block.len() <= 4096,
                "{} samples at once of {name}",
                block.len()
            );
        }
    }
}

#[test]
fn pauses_all_the_time() {
    for (name, _, seconds, ..) in RECORDINGS {
        let (mut pauses, mut last) = (0, Duration::ZERO);
        let pause = async |decoded| {
            assert!(decoded >= last, "{decoded:?} after {last:?}");
            (pauses, last) = (pauses + 1, decoded);
        };
        let recording =
            pollster::block_on(audio::decode(read(name), LIMIT, Channels::Mixed, pause)).unwrap();
        assert!(last > Duration::ZERO && last <= recording.duration());
        let rate = f64::from(pauses) / seconds;
        assert!(rate > 4.0, "{rate} pauses in a second of {name}");
    }
}
