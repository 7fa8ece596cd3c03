//! Recognises formats by their first bytes.

use std::fmt;

use bytes::{Buf, Bytes};

use super::{AudioError, mpeg, trailer};

/// A format, recognised from the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RIFF WAVE, also RF64.
    Wav,
    /// Native FLAC.
    Flac,
    /// MPEG-1, 2 or 2.5 Layer III, with or without ID3 tags.
    Mp3,
    /// AAC frames, each with an ADTS header.
    Adts,
    /// Ogg with Vorbis, Opus or FLAC.
    Ogg,
    /// MP4, M4A or QuickTime.
    Mp4,
    /// Matroska or WebM.
    Matroska,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wav => "WAV",
            Self::Flac => "FLAC",
            Self::Mp3 => "MP3",
            Self::Adts => "AAC",
            Self::Ogg => "Ogg",
            Self::Mp4 => "MP4",
            Self::Matroska => "Matroska",
        })
    }
}

/// The format of `bytes`, from which tags in front of it are removed.
pub(super) fn sniff(bytes: &mut Bytes) -> Result<Format, AudioError> {
    if bytes.is_empty() {
        return Err(AudioError::Empty);
    }
    let mut tagged = false;
    while let Some(length) = trailer::tag(bytes) {
        tagged = true;
        if length >= bytes.len() {
            // A length may be wrong.
            bytes.advance(1);
            break;
        }
        bytes.advance(length);
    }
    if let Some(format) = container(bytes) {
        return Ok(format);
    }
    if let Some(codec) = unsupported(bytes) {
        return Err(AudioError::UnsupportedCodec {
            codec: codec.into(),
        });
    }
    // Checked before MPEG frames, which are searched for beyond the beginning of the file.
    let found = not_audio(bytes);
    if found.is_none()
        && let Some((offset, stream)) = mpeg::find(bytes, tagged)
    {
        bytes.advance(offset);
        return match stream {
            mpeg::Stream::Adts => Ok(Format::Adts),
            mpeg::Stream::Layer(3) => Ok(Format::Mp3),
            mpeg::Stream::Layer(layer) => Err(AudioError::UnsupportedCodec {
                codec: format!("MPEG audio layer {layer}"),
            }),
        };
    }
    if tagged && found.is_none() {
        return Err(AudioError::Corrupt {
            at: 0.0,
            message: "no sound follows the tag".into(),
        });
    }
    Err(AudioError::NotAudio {
        found: found.or_else(|| is_text(bytes).then_some("text")),
    })
}

fn container(bytes: &[u8]) -> Option<Format> {
    let at = |offset: usize, what: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(what));
    if (at(0, b"RIFF") || at(0, b"RF64")) && at(8, b"WAVE") {
        Some(Format::Wav)
    } else if at(0, b"fLaC") {
        Some(Format::Flac)
    } else if at(0, b"OggS") {
        Some(Format::Ogg)
    } else if at(0, b"\x1A\x45\xDF\xA3") {
        Some(Format::Matroska)
    } else if [
        &b"ftyp"[..],
        b"styp",
        b"moov",
        b"moof",
        b"mdat",
        b"wide",
        b"free",
        b"skip",
    ]
    .iter()
    .any(|kind| at(4, kind))
    {
        Some(Format::Mp4)
    } else {
        None
    }
}

/// Audio and video formats that are recognised only to name them.
fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    const ASF: &[u8] = b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C";
    const MAGIC: [(usize, &[u8], &str); 24] = [
        (8, b"AIFF", "AIFF"),
        (8, b"AIFC", "AIFF-C"),
        (8, b"AVI ", "AVI"),
        (0, b"RIFX", "big-endian WAV"),
        (0, b"riff\x2E\x91\xCF\x11", "Sony Wave64"),
        (0, b"caff", "CAF"),
        (0, b".snd", "Sun AU"),
        (0, b"#!AMR", "AMR"),
        (0, ASF, "WMA (ASF)"),
        (0, b"\x0B\x77", "AC-3"),
        (0, b"\x7F\xFE\x80\x01", "DTS"),
        (0, b"ADIF", "AAC in ADIF"),
        (0, b"wvpk", "WavPack"),
        (0, b"MAC ", "Monkey's Audio"),
        (0, b"TTA1", "True Audio"),
        (0, b"MPCK", "Musepack"),
        (0, b"MP+", "Musepack"),
        (0, b"DSD ", "DSD"),
        (0, b"FRM8", "DSD"),
        (0, b".RMF", "RealAudio"),
        (0, b".ra\xFD", "RealAudio"),
        (0, b"FLV\x01", "Flash Video"),
        (0, b"MThd", "MIDI"),
        (0, b"\x00\x00\x01\xBA", "an MPEG program stream"),
    ];
    let known = MAGIC
        .iter()
        .find(|(offset, magic, _)| bytes.get(*offset..).is_some_and(|b| b.starts_with(magic)))
        .map(|&(_, _, name)| name);
    let transport = || {
        let packets = bytes.chunks(188).take(4);
        (packets.len() == 4 && packets.map(<[u8]>::first).all(|byte| byte == Some(&0x47)))
            .then_some("an MPEG transport stream")
    };
    known.or_else(transport)
}

/// Other formats that are uploaded by mistake.
fn not_audio(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 21] = [
        (b"\x89PNG\r\n\x1A\n", "a PNG picture"),
        (b"\xFF\xD8\xFF", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"BM", "a BMP picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or an office document"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"\x1F\x8B", "gzip-compressed data"),
        (b"BZh", "bzip2-compressed data"),
        (b"\xFD7zXZ\0", "xz-compressed data"),
        (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
        (b"Rar!", "a RAR archive"),
        (b"\x28\xB5\x2F\xFD", "Zstandard-compressed data"),
        (b"\x7FELF", "a program"),
        (b"MZ", "a program"),
        (b"\0asm", "a WebAssembly module"),
        (b"SQLite format 3\0", "a database"),
        (b"{\\rtf", "an RTF document"),
        (b"#EXTM3U", "a playlist"),
    ];
    if bytes.starts_with(b"RIFF") {
        let webp = bytes.get(8..).is_some_and(|form| form.starts_with(b"WEBP"));
        return Some(if webp {
            "a WebP picture"
        } else {
            "RIFF data other than WAVE"
        });
    }
    if let Some(&(_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    let bytes = bytes
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(bytes)
        .trim_ascii_start();
    let start = bytes
        .get(..bytes.len().min(14))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        Some("an HTML page")
    } else if start.starts_with(b"<?xml") || start.starts_with(b"<svg") {
        Some("an XML document")
    } else {
        None
    }
}

/// Whether the beginning reads as text in UTF-8.
fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.get(..512).unwrap_or(bytes);
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character that is cut at the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(start.get(..error.valid_up_to()).unwrap_or_default())
                .unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && !valid.contains(|c: char| c.is_control() && !c.is_ascii_whitespace())
}
