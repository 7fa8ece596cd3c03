//! Opus packets (RFC 6716) with the header of RFC 7845.

use ropus::OpusMSDecoder;
use symphonia::core::codecs::audio::AudioCodecParameters;

use super::{AudioError, SAMPLE_RATE, fault::Fault};

/// Samples in 120 ms, the most that a packet holds of each channel.
const LONGEST: i32 = SAMPLE_RATE as i32 * 120 / 1000;

/// Decodes the packets of a stream.
pub(super) struct Opus {
    decoder: OpusMSDecoder,
    channels: usize,
    /// Samples at 48 kHz before the recording begins.
    pre_skip: u16,
    gain: f32,
    buffer: Vec<i16>,
}

impl Opus {
    /// The output rate. The codec works in bands, and can output any of its rates without resampling.
    pub(super) const RATE: u32 = SAMPLE_RATE;

    pub(super) fn open(parameters: &AudioCodecParameters) -> Result<Self, AudioError> {
        let head = parameters.extra_data.as_deref().unwrap_or_default();
        Self::of_header(head).ok_or_else(|| AudioError::Corrupt {
            at: 0.0,
            message: "the Opus header is not valid".into(),
        })
    }

    /// From an identification header (RFC 7845, section 5.1).
    fn of_header(head: &[u8]) -> Option<Self> {
        let &[version, channels, ref rest @ ..] = head.strip_prefix(b"OpusHead")? else {
            return None;
        };
        let &[skip_0, skip_1, _, _, _, _, gain_0, gain_1, family, ..] = rest else {
            return None;
        };
        // That of MP4 has version 0 and the other byte order.
        let number = |bytes| match version {
            0 => u16::from_be_bytes(bytes),
            _ => u16::from_le_bytes(bytes),
        };
        let (streams, coupled, mapping) = match family {
            0 if channels <= 2 => (1, i32::from(channels) - 1, [0, 1].get(..channels.into())?),
            0 => return None,
            _ => (
                i32::from(*head.get(19)?),
                i32::from(*head.get(20)?),
                head.get(21..)?.get(..channels.into())?,
            ),
        };
        let channels = usize::from(channels);
        Some(Self {
            decoder: OpusMSDecoder::new(
                SAMPLE_RATE as i32,
                channels as i32,
                streams,
                coupled,
                mapping,
            )
            .ok()?,
            channels,
            pre_skip: number([skip_0, skip_1]),
            // In 1/256 dB.
            gain: 10f32.powf(f32::from(number([gain_0, gain_1]).cast_signed()) / 5120.0),
            buffer: vec![0; LONGEST as usize * channels],
        })
    }

    /// Frames before the recording begins.
    pub(super) fn delay(&self) -> u64 {
        u64::from(self.pre_skip) * u64::from(SAMPLE_RATE) / 48_000
    }

    /// Decodes a packet to interleaved samples; gives the number of channels.
    pub(super) fn decode(&mut self, packet: &[u8], to: &mut Vec<f32>) -> Result<usize, Fault> {
        let length = i32::try_from(packet.len()).unwrap_or(i32::MAX);
        let frames = self
            .decoder
            .decode(Some(packet), length, &mut self.buffer, LONGEST, false)
            .ok()
            .and_then(|frames| usize::try_from(frames).ok())
            .ok_or_else(|| Fault::Corrupt("an Opus packet is not valid".into()))?;
        let samples = self
            .buffer
            .get(..frames * self.channels)
            .unwrap_or_default();
        let scale = self.gain / 32_768.0;
        to.extend(samples.iter().map(|&sample| f32::from(sample) * scale));
        Ok(self.channels)
    }
}
