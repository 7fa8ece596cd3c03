//! WAV files whose headers do not describe their samples.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use common::{decode, kinds, likeness, media::make, position, seconds, signal, tone, wav};
use speech::audio::WarningKind;

/// A WAV file with these fields of the format chunk.
fn riff(tag: u16, channels: u16, rate: u32, block: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = wav(rate, channels, &[]);
    bytes[20..22].copy_from_slice(&tag.to_le_bytes());
    bytes[32..34].copy_from_slice(&block.to_le_bytes());
    bytes[34..36].copy_from_slice(&bits.to_le_bytes());
    bytes[40..44].copy_from_slice(&(data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn wav_is_read_as_its_samples_lie_whatever_the_header_says() {
    let samples = tone(16_000, 8000);
    let two: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let high: Vec<u8> = samples
        .iter()
        .flat_map(|&s| (i32::from(s) << 16).to_le_bytes())
        .collect();
    // 24 bits in the low three of four bytes.
    let low: Vec<u8> = samples
        .iter()
        .flat_map(|&s| (i32::from(s) << 8).to_le_bytes())
        .collect();
    let three: Vec<u8> = samples
        .iter()
        .flat_map(|&s| (i32::from(s) << 8).to_le_bytes()[..3].to_vec())
        .collect();
    let law = |codec: &str| {
        let bytes = make(16_000, 0.5, "a.wav", &format!("-c:a {codec}"));
        let data = position(&bytes, b"data") + 8;
        bytes[data..].to_vec()
    };
    let (alaw, mulaw) = (law("pcm_alaw"), law("pcm_mulaw"));
    // Tag, block, bits, data, whether it is told.
    for (tag, block, bits, data, told) in [
        (1, 4, 24, &high, false),
        (1, 4, 24, &low, false),
        (1, 3, 24, &three, false),
        (1, 4, 20, &high, false),
        (1, 4, 32, &high, false),
        (1, 4, 16, &high, false),
        (1, 2, 12, &two, false),
        (1, 0, 16, &two, false),
        // Here ffmpeg goes by the bits, too.
        (1, 4, 16, &two, true),
        (1, 1, 16, &two, true),
        (1, 2, 0, &two, false),
        (6, 2, 16, &alaw, false),
        (6, 1, 8, &alaw, false),
        (7, 2, 16, &mulaw, false),
        (7, 1, 0, &mulaw, false),
    ] {
        let found = decode(riff(tag, 1, 16_000, block, bits, data));
        let what = format!("{tag} {block} {bits} of {} bytes", data.len());
        assert!(
            (seconds(&found) - 0.5).abs() < 1e-6,
            "{what}: {}",
            seconds(&found)
        );
        assert!(likeness(found.samples(), signal) > 0.999, "{what}");
        let level = found.samples().iter().fold(0f32, |a, b| a.max(b.abs()));
        assert!((0.4..0.6).contains(&level), "{what}: {level}");
        assert_eq!(!found.warnings.is_empty(), told, "{what}");
    }
}

#[test]
fn the_lengths_in_a_wav_file_are_hints() {
    let samples = tone(16_000, 8000);
    let whole = wav(16_000, 1, &samples);
    let expected = decode(whole.clone());
    let says = |length: u32| {
        let mut bytes = whole.clone();
        bytes[40..44].copy_from_slice(&length.to_le_bytes());
        decode(bytes)
    };
    let found = says(16_000 + 22);
    assert_eq!(found.samples(), expected.samples());
    assert_eq!(kinds(&found), [WarningKind::Truncated]);
    assert!(found.warnings[0].message.contains("22 bytes"), "{found:?}");
    // A half of a sample is nothing.
    assert_eq!(says(16_001), expected);
    // What is behind the data is no sound, but told.
    let found = says(8000);
    assert_eq!(found.samples(), &expected.samples()[..4000]);
    assert_eq!(kinds(&found), [WarningKind::Contradiction]);
    // A chunk before the data whose length is wrong.
    let mut bytes = whole.clone();
    bytes.splice(36..36, *b"LIST\xFF\xFF\0\0INFO");
    assert_eq!(decode(bytes).samples(), expected.samples());
    // The data before the format.
    let swapped = [&whole[..12], &whole[36..], &whole[12..36]].concat();
    assert_eq!(decode(swapped), expected);
    // RF64, whose lengths are elsewhere, with a chunk behind the data.
    let mut bytes = make(16_000, 0.5, "a.wav", "-c:a pcm_s16le -rf64 always");
    let rf64 = decode(bytes.clone());
    bytes.extend(*b"LIST\x90\x01\0\0");
    bytes.extend([b'x'; 400]);
    assert_eq!(decode(bytes), rf64);
    assert_eq!(seconds(&rf64), 0.5);
}
