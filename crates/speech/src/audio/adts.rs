//! AAC frames with ADTS headers.

use bytes::Bytes;
use symphonia::core::{
    audio::layouts,
    codecs::audio::{AudioCodecParameters, well_known::CODEC_ID_AAC},
};

use super::{
    AudioError,
    aac::RATES,
    frames::{Found, Frames},
    mpeg::Stream,
    packets::{Opened, Packets, Piece, Step, missing},
    warning::Note,
};

/// Samples of a frame.
const SAMPLES: f64 = 1024.0;

/// Frames of an ADTS stream.
pub(super) struct Adts {
    frames: Frames,
    /// Profile, rate and channels of the last frame, and its samples per second.
    header: (u8, u8),
    rate: u32,
    pending: Option<Step>,
}

impl Adts {
    pub(super) fn open(bytes: Bytes) -> Result<Opened, AudioError> {
        let header = fixed(&bytes).unwrap_or_default();
        let parameters = parameters(header)?;
        let adts = Self {
            frames: Frames::new(bytes, Stream::Adts),
            header,
            rate: parameters.sample_rate.unwrap_or(1),
            pending: None,
        };
        Ok((Box::new(adts), parameters))
    }

    fn frame(&mut self, mut frame: Bytes) -> Step {
        let seconds = SAMPLES / f64::from(self.rate);
        let header = fixed(&frame).unwrap_or_default();
        let protected = frame.get(1).is_some_and(|second| second & 1 == 0);
        if frame.get(6).is_some_and(|seventh| seventh & 3 != 0) {
            let note = Note::damaged("a frame has several blocks, which is not supported");
            return Step::Note(note.lasting(seconds));
        }
        let length = if protected { 9 } else { 7 };
        let packet = Step::Packet(Piece {
            seconds: Some(seconds),
            ..Piece::new(frame.split_off(length.min(frame.len())))
        });
        if header == self.header {
            return packet;
        }
        match parameters(header) {
            Ok(parameters) => {
                self.header = header;
                self.rate = parameters.sample_rate.unwrap_or(1);
                self.pending = Some(packet);
                Step::Restart(Box::new(parameters))
            }
            Err(error) => Step::Note(Note::damaged(error.to_string()).lasting(seconds)),
        }
    }
}

impl Packets for Adts {
    fn next(&mut self) -> Step {
        if let Some(step) = self.pending.take() {
            return step;
        }
        match self.frames.next() {
            Found::Frame(frame) => self.frame(frame),
            Found::Other => Step::Other,
            Found::Fault(note, frames) => {
                let seconds = frames as f64 * SAMPLES / f64::from(self.rate);
                missing(note, seconds, &mut self.pending)
            }
            Found::End => Step::End,
        }
    }
}

/// The bits of a header that tell what decoder it needs.
fn fixed(frame: &[u8]) -> Option<(u8, u8)> {
    match *frame {
        [_, _, third, fourth, ..] => Some((third & 0xFD, fourth & 0xC0)),
        _ => None,
    }
}

fn parameters((third, fourth): (u8, u8)) -> Result<AudioCodecParameters, AudioError> {
    let unsupported = |codec: &str| AudioError::UnsupportedCodec {
        codec: codec.into(),
    };
    match third >> 6 {
        1 => {}
        0 => return Err(unsupported("AAC Main")),
        2 => return Err(unsupported("AAC SSR")),
        _ => return Err(unsupported("AAC LTP")),
    }
    let channels = match (third & 1) << 2 | fourth >> 6 {
        1 => layouts::CHANNEL_LAYOUT_MONO,
        2 => layouts::CHANNEL_LAYOUT_STEREO,
        _ => return Err(unsupported("AAC with more than two channels")),
    };
    let Some(&rate) = RATES.get(usize::from(third >> 2 & 15)) else {
        return Err(AudioError::UnsupportedLayout {
            what: "an unknown sample rate".into(),
        });
    };
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(CODEC_ID_AAC)
        .with_sample_rate(rate)
        .with_channels(channels);
    Ok(parameters)
}
