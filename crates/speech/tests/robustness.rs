//! Decoding ends without a panic and within its limit, for any bytes.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use common::{
    read,
    recordings::{LIMIT, RECORDINGS, decode, folder},
};
use proptest::prelude::*;
use speech::audio::{self, AudioError, Channels, Format};

/// Must neither panic nor exceed the limit.
fn survive(bytes: Vec<u8>) {
    let mixed = decode(bytes.clone());
    if let Ok(recording) = &mixed {
        assert_eq!(recording.channels.len(), 1);
        assert!(recording.duration() <= LIMIT);
        assert!(recording.samples().iter().all(|sample| sample.abs() <= 1.0));
    }
    let split = pollster::block_on(audio::decode(bytes, LIMIT, Channels::Split, async |_| {}));
    match (mixed, split) {
        (Ok(mixed), Ok(split)) => {
            assert!(split.work() <= LIMIT && split.channels.len() <= 8);
            for channel in &split.channels {
                assert_eq!(channel.len(), mixed.samples().len());
                assert!(channel.iter().all(|sample| sample.abs() <= 1.0));
            }
            assert_eq!(split.offset, mixed.offset);
        }
        // Only what has too many channels for it.
        (Ok(_), Err(error)) => assert!(matches!(
            error,
            AudioError::TooLong { .. } | AudioError::UnsupportedLayout { .. }
        )),
        (Err(_), split) => assert!(split.is_err()),
    }
}

#[test]
fn survives_what_fuzzing_came_upon() {
    let mut files = 0;
    for entry in std::fs::read_dir("tests/fuzz-corpus").unwrap() {
        survive(std::fs::read(entry.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 100, "{files} files");
}

#[test]
fn survives_files_cut_anywhere() {
    for (_, bytes) in folder() {
        for eighth in 0..8 {
            let mut bytes = bytes.clone();
            bytes.truncate(bytes.len() * eighth / 8 + eighth);
            survive(bytes);
        }
        for length in 0..64 {
            survive(bytes.get(..length).unwrap_or_default().to_vec());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        survive(bytes);
    }

    #[test]
    fn survives_any_bytes_behind_a_magic_number(
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        (_, format, ..) in proptest::sample::select(RECORDINGS.to_vec()),
    ) {
        let magic: &[u8] = match format {
            Format::Wav => b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0",
            Format::Flac => b"fLaC\0\0\0\x22",
            Format::Mp3 => b"ID3\x04\0\0\0\0\0\0\xFF\xFB",
            Format::Adts => b"\xFF\xF1",
            Format::Ogg => b"OggS\0\x02",
            Format::Mp4 => b"\0\0\0\x10ftypM4A \0\0\0\0",
            Format::Matroska => b"\x1A\x45\xDF\xA3\x93\x42\x82\x84webm",
        };
        survive([magic, &bytes].concat());
    }

    #[test]
    fn survives_damaged_files(
        (name, ..) in proptest::sample::select(RECORDINGS.to_vec()),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0u8..8), 1..20),
        early in any::<bool>(),
    ) {
        let mut bytes = read(name);
        let range = if early { bytes.len().min(200) } else { bytes.len() };
        for (index, bit) in flips {
            bytes[index.index(range)] ^= 1 << bit;
        }
        survive(bytes);
    }
}
