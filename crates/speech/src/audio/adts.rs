//! AAC frames with ADTS headers.

use bytes::Bytes;
use symphonia::core::{
    audio::layouts,
    codecs::audio::{AudioCodecParameters, well_known::CODEC_ID_AAC},
};

use super::{
    AudioError,
    mpeg::{self, Stream},
};

/// Sample rates in Hz by index (ISO/IEC 14496-3, table 1.18).
const RATES: [u32; 13] = [
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/// Frames of an ADTS stream.
pub(super) struct Adts {
    parameters: AudioCodecParameters,
    /// What no frame may change: profile, rate and channels.
    header: (u8, u8),
    bytes: Bytes,
}

impl Adts {
    pub(super) fn open(bytes: Bytes) -> Result<Self, AudioError> {
        let (third, fourth) = fixed(&bytes).unwrap_or_default();
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
        Ok(Self {
            parameters,
            header: (third, fourth),
            bytes,
        })
    }

    pub(super) fn parameters(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    /// The next frame without its header.
    pub(super) fn next_packet(&mut self) -> Result<Option<Bytes>, &'static str> {
        if self.bytes.is_empty() || self.bytes.starts_with(b"TAG") {
            return Ok(None);
        }
        let Some((Stream::Adts, length)) = mpeg::header(&self.bytes) else {
            // Fewer bytes than a header are what is left of a frame, too.
            return Err(if self.bytes.len() < 7 {
                "the file ends within a frame"
            } else {
                "what follows is no AAC frame"
            });
        };
        if fixed(&self.bytes) != Some(self.header) {
            return Err("the sample rate or the channels change");
        }
        if length > self.bytes.len() {
            return Err("the file ends within a frame");
        }
        let mut frame = self.bytes.split_to(length);
        let protected = frame.get(1).is_some_and(|second| second & 1 == 0);
        if frame.get(6).is_some_and(|seventh| seventh & 3 != 0) {
            return Err("a frame has several blocks, which is not supported");
        }
        let header = if protected { 9 } else { 7 };
        Ok(Some(frame.split_off(header.min(frame.len()))))
    }
}

/// The bits of a header that all frames share.
fn fixed(frame: &[u8]) -> Option<(u8, u8)> {
    match *frame {
        [_, _, third, fourth, ..] => Some((third & 0xFD, fourth & 0xC0)),
        _ => None,
    }
}
