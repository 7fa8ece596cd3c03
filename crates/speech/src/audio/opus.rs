//! Opus packets (RFC 6716) with the header of RFC 7845.

use opus_decoder::OpusDecoder;
use symphonia::core::codecs::audio::AudioCodecParameters;

use super::{AudioError, SAMPLE_RATE, source::Fault};

/// Decodes the packets of a stream.
pub(super) struct Opus {
    decoder: OpusDecoder,
    channels: usize,
    /// Samples at 48 kHz before the recording begins.
    pre_skip: u16,
    buffer: Vec<f32>,
}

impl Opus {
    /// What it decodes to; the codec has all rates in it.
    pub(super) const RATE: u32 = SAMPLE_RATE;

    pub(super) fn open(parameters: &AudioCodecParameters) -> Result<Self, AudioError> {
        let head = parameters.extra_data.as_deref().unwrap_or_default();
        let [
            b'O',
            b'p',
            b'u',
            b's',
            b'H',
            b'e',
            b'a',
            b'd',
            _,
            channels,
            low,
            high,
            ..,
        ] = *head
        else {
            return Err(AudioError::Corrupt {
                at: 0.0,
                message: "there is no Opus header".into(),
            });
        };
        if !(1..=2).contains(&channels) {
            return Err(AudioError::UnsupportedCodec {
                codec: "Opus with more than two channels".into(),
            });
        }
        let channels = usize::from(channels);
        let decoder =
            OpusDecoder::new(Self::RATE, channels).map_err(|error| AudioError::Corrupt {
                at: 0.0,
                message: error.to_string(),
            })?;
        Ok(Self {
            buffer: vec![0.0; decoder.max_frame_size_per_channel() * channels],
            decoder,
            channels,
            pre_skip: u16::from_le_bytes([low, high]),
        })
    }

    pub(super) fn delay(&self) -> u64 {
        u64::from(self.pre_skip) * u64::from(Self::RATE) / 48_000
    }

    /// Decodes a packet to interleaved samples; gives the number of channels and the rate.
    pub(super) fn decode(
        &mut self,
        packet: &[u8],
        to: &mut Vec<f32>,
    ) -> Result<(usize, u32), Fault> {
        let frames = self
            .decoder
            .decode_float(packet, &mut self.buffer, false)
            .map_err(|error| Fault::Corrupt(error.to_string()))?;
        let samples = self
            .buffer
            .get(..frames * self.channels)
            .unwrap_or_default();
        to.extend_from_slice(samples);
        Ok((self.channels, Self::RATE))
    }
}
