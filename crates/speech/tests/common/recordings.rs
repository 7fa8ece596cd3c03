//! The recordings of `tests/audio/`, all of the same signal.

use std::time::Duration;

use speech::audio::{self, AudioError, Channels, Format, Recording};

use super::read;

/// The limit of [`decode`].
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

/// The names and contents of all files.
pub(crate) fn folder() -> impl Iterator<Item = (String, Vec<u8>)> {
    let mut names: Vec<_> = std::fs::read_dir("tests/audio")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.into_iter().map(|name| {
        let bytes = read(&name);
        (name, bytes)
    })
}

/// Decodes, and checks that a probe of the same bytes has the same result for their beginning.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<Recording, AudioError> {
    let probed = pollster::block_on(audio::probe(bytes.clone(), Channels::Mixed, async || {}));
    let decoded = pollster::block_on(audio::decode(bytes, LIMIT, Channels::Mixed, async |_| {}));
    match &decoded {
        Ok(_) | Err(AudioError::TooLong { .. }) => assert_eq!(probed, Ok(())),
        Err(error @ AudioError::Corrupt { .. }) => {
            assert!(
                probed.is_ok() || probed.as_ref() == Err(error),
                "{probed:?}"
            );
        }
        Err(error) => assert_eq!(probed.as_ref(), Err(error)),
    }
    decoded
}

/// File, format, seconds, by how many seconds it may be longer, correlation.
pub(crate) const RECORDINGS: [(&str, Format, f64, f64, f64); 43] = [
    ("u8.wav", Format::Wav, 1.0, 0.0, 0.999),
    ("s16.wav", Format::Wav, 1.0, 0.0, 0.9999),
    ("s24.wav", Format::Wav, 0.5, 0.0001, 0.9999),
    ("s32.wav", Format::Wav, 0.5, 0.0, 0.9999),
    ("f32.wav", Format::Wav, 0.5, 0.0, 0.9999),
    ("f64.wav", Format::Wav, 0.25, 0.0, 0.9999),
    ("alaw.wav", Format::Wav, 1.0, 0.0, 0.999),
    ("mulaw.wav", Format::Wav, 1.0, 0.0, 0.999),
    ("surround.wav", Format::Wav, 0.2, 0.0, 0.9999),
    ("stream.wav", Format::Wav, 1.0, 0.0, 0.9999),
    ("mono.flac", Format::Flac, 0.5, 0.0, 0.9999),
    ("stereo.flac", Format::Flac, 0.2, 0.0, 0.9999),
    ("deep.flac", Format::Flac, 0.5, 0.0, 0.9999),
    ("flac.ogg", Format::Ogg, 0.5, 0.0, 0.9999),
    ("mono.mp3", Format::Mp3, 1.0, 0.0, 0.999),
    ("stereo.mp3", Format::Mp3, 1.0, 0.0, 0.999),
    ("variable.mp3", Format::Mp3, 1.0, 0.0, 0.999),
    ("slow.mp3", Format::Mp3, 1.0, 0.0, 0.999),
    ("tagged.mp3", Format::Mp3, 1.0, 0.0, 0.999),
    ("untagged.mp3", Format::Mp3, 1.0, 0.036, 0.99),
    ("mono.ogg", Format::Ogg, 1.0, 0.0, 0.99),
    ("stereo.ogg", Format::Ogg, 1.0, 0.0, 0.99),
    ("mono.m4a", Format::Mp4, 1.0, 0.0, 0.98),
    ("stereo.m4a", Format::Mp4, 1.0, 0.0, 0.99),
    ("fragmented.mp4", Format::Mp4, 1.0, 0.022, 0.99),
    ("mono.aac", Format::Adts, 1.0, 0.047, 0.98),
    ("stereo.aac", Format::Adts, 1.0, 0.022, 0.99),
    ("silk-narrow.opus", Format::Ogg, 1.0, 0.0, 0.93),
    ("silk-wide.opus", Format::Ogg, 1.0, 0.0, 0.98),
    ("silk-stereo.opus", Format::Ogg, 1.0, 0.0, 0.98),
    ("hybrid.opus", Format::Ogg, 1.0, 0.0, 0.98),
    ("hybrid-stereo.opus", Format::Ogg, 1.0, 0.0, 0.98),
    ("celt.opus", Format::Ogg, 1.0, 0.0, 0.999),
    ("celt-stereo.opus", Format::Ogg, 1.0, 0.0, 0.999),
    ("celt-short.opus", Format::Ogg, 1.0, 0.0, 0.99),
    ("celt-5.opus", Format::Ogg, 1.0, 0.0, 0.99),
    ("surround.opus", Format::Ogg, 0.5, 0.0, 0.99),
    ("opus.webm", Format::Matroska, 1.0, 0.02, 0.98),
    ("live.webm", Format::Matroska, 1.0, 0.02, 0.98),
    ("vorbis.webm", Format::Matroska, 1.0, 0.02, 0.99),
    ("aac.mkv", Format::Matroska, 1.0, 0.022, 0.99),
    ("pcm.mkv", Format::Matroska, 0.5, 0.0, 0.9999),
    ("flac.mkv", Format::Matroska, 0.5, 0.0, 0.9999),
];
