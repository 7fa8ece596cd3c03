//! RIFF WAVE: the header, and the samples cut into packets.
//!
//! Symphonia is not used: the lengths of recordings in progress (0, 0xFFFFFFFF and the like) must mean "until the end",
//! lengths beyond the end must be reported, and headers contradict themselves.

mod format;

use bytes::Bytes;
use symphonia::core::codecs::audio::AudioCodecParameters;

use super::{
    AudioError,
    packets::{Opened, Packets, Piece, Step},
    trailer,
    warning::Note,
};
use format::{FormatChunk, Reading};

/// Frames decoded at once.
const FRAMES: usize = 1024;
/// Data lengths from here on are what programs write when they do not know the length: espeak-ng 0x7FFFF000,
/// SoX 0x7FFFFFFF less the header, arecord 0x80000000, ffmpeg 0xFFFFFFFF.
const UNKNOWN_LENGTH: u64 = 0x7000_0000;
/// How far chunks are looked for where their lengths are wrong.
const SEARCHED: usize = 1 << 20;

/// Samples of a WAV file.
pub(super) struct Wav {
    /// Bytes of a sample of one channel, those of them that are decoded, and those of a sample of every channel.
    width: usize,
    kept: usize,
    frame: usize,
    rate: u32,
    data: Bytes,
    /// The warnings about the beginning and the end.
    first: Option<Note>,
    last: Option<Note>,
}

impl Wav {
    pub(super) fn open(bytes: &Bytes) -> Result<Opened, AudioError> {
        let chunks = Chunks::read(bytes)?;
        let Reading {
            parameters,
            width,
            kept,
            frame,
            rate,
            note,
        } = chunks.format.reading(&chunks.data)?;
        // Not for a part of one sample.
        let missing = chunks.missing;
        let last = if missing as usize >= frame {
            let message = format!("the file ends {missing} bytes before the length in its header");
            let seconds = missing as f64 / frame as f64 / f64::from(rate.max(1));
            Some(Note::truncated(message).lasting(seconds))
        } else {
            chunks.note
        };
        let wav = Self {
            width,
            kept,
            frame,
            rate,
            data: chunks.data,
            first: note,
            last,
        };
        Ok((Box::new(wav), parameters))
    }
}

impl Packets for Wav {
    fn next(&mut self) -> Step {
        if let Some(note) = self.first.take() {
            return Step::Note(note);
        }
        // A frame that is cut off at the end does not spoil the others.
        let frames = (self.data.len() / self.frame).min(FRAMES);
        if frames == 0 {
            return self.last.take().map_or(Step::End, Step::Note);
        }
        let data = self.data.split_to(frames * self.frame);
        let data = if self.kept == self.width {
            data.to_vec()
        } else {
            let samples = data.chunks_exact(self.width);
            let kept = samples.filter_map(|sample| sample.get(..self.kept));
            kept.flatten().copied().collect()
        };
        Step::Packet(Piece {
            seconds: Some(frames as f64 / f64::from(self.rate.max(1))),
            ..Piece::new(data)
        })
    }
}

/// The decoder for the format in a format chunk.
pub(super) fn parameters(chunk: &[u8]) -> Result<AudioCodecParameters, AudioError> {
    let reading = FormatChunk::read(chunk)?.reading(&[])?;
    Ok(reading.parameters)
}

/// The chunks that matter.
struct Chunks {
    format: FormatChunk,
    data: Bytes,
    /// Bytes that the header promises and the file lacks.
    missing: u64,
    /// The warning about the bytes after the data.
    note: Option<Note>,
}

impl Chunks {
    fn read(bytes: &Bytes) -> Result<Self, AudioError> {
        let mut rest = bytes.slice(12.min(bytes.len())..);
        let (mut format, mut data, mut long) = (None, None, None);
        while let Some((header, body)) = rest.split_at_checked(8)
            && (format.is_none() || data.is_none())
        {
            let length = u32_at(header, 4).unwrap_or(0);
            let end = usize::try_from(length).unwrap_or(usize::MAX);
            match header {
                [b'f', b'm', b't', b' ', ..] => {
                    format = Some(FormatChunk::read(body.get(..end).unwrap_or(body))?);
                }
                [b'd', b'a', b't', b'a', ..] => data = Some((rest.slice(8..), length)),
                // The lengths of RF64 (EBU Tech 3306): of the whole, and of the data.
                [b'd', b's', b'6', b'4', ..] => {
                    long = body
                        .get(8..)
                        .and_then(|body| body.first_chunk())
                        .map(|length| u64::from_le_bytes(*length));
                }
                _ => {}
            }
            // Chunks are padded to an even length.
            let next = 8usize.saturating_add(end).saturating_add(end & 1);
            rest = rest.slice(next.min(rest.len())..);
        }
        if format.is_none()
            && let Some(at) = find(bytes, b"fmt ")
        {
            let body = bytes.get(at + 8..).unwrap_or_default();
            format = Some(FormatChunk::read(body)?);
        }
        if data.is_none()
            && let Some(at) = find(bytes, b"data")
        {
            let length = u32_at(bytes, at + 4).unwrap_or(u32::MAX);
            data = Some((bytes.slice((at + 8).min(bytes.len())..), length));
        }
        let format = format.ok_or_else(|| corrupt("there is no format chunk"))?;
        let (data, length) = data.ok_or_else(|| corrupt("there is no data chunk"))?;
        let length = match long {
            Some(long) if length == u32::MAX => long,
            _ => u64::from(length),
        };
        // Without any samples, the length of the whole is still right.
        let whole = u32_at(bytes, 4).map(|length| (length as usize).saturating_add(8));
        let unknown =
            long.is_none() && length >= UNKNOWN_LENGTH || length == 0 && whole != Some(bytes.len());
        let available = data.len() as u64;
        let end = if unknown {
            available
        } else {
            length.min(available)
        } as usize;
        let behind = data.get(end + (end & 1)..).unwrap_or_default();
        Ok(Self {
            format,
            missing: if unknown { 0 } else { length - end as u64 },
            note: judge(behind),
            data: data.slice(..end),
        })
    }
}

/// The warning about the bytes after the data, unless they are chunks, tags or padding.
fn judge(behind: &[u8]) -> Option<Note> {
    let mut rest = behind;
    while let Some((header, body)) = rest.split_at_checked(8)
        && header
            .iter()
            .take(4)
            .all(|byte| (b' '..=b'~').contains(byte))
        && let Some(end) = u32_at(header, 4).map(|length| length as usize)
        && end <= body.len()
    {
        rest = body.get(end + (end & 1)..).unwrap_or_default();
    }
    (!trailer::is_harmless(rest)).then(|| {
        Note::contradiction(format!(
            "{} bytes follow after the length in the header, which are not read",
            rest.len()
        ))
    })
}

fn find(bytes: &[u8], kind: &[u8; 4]) -> Option<usize> {
    let windows = bytes.windows(4).take(SEARCHED);
    windows
        .enumerate()
        .skip(12)
        .find(|(_, window)| *window == kind)
        .map(|(at, _)| at)
}

fn corrupt(message: &str) -> AudioError {
    AudioError::Corrupt {
        at: 0.0,
        message: message.into(),
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u32::from_le_bytes(*bytes))
}
