//! RIFF WAVE: the header, and the samples cut into packets.
//!
//! Read here and not by symphonia because lengths of recordings in progress (0, 0xFFFFFFFF and the like) are
//! to be taken for "until the end", and lengths past the end are to be reported.

use bytes::Bytes;
use symphonia::core::{
    audio::{Channels, layouts},
    codecs::audio::{AudioCodecId, AudioCodecParameters, well_known::*},
};

use super::AudioError;

/// Frames decoded at once.
const FRAMES: usize = 1024;
/// Data lengths from here on are what programs write when they do not know the length: espeak-ng 0x7FFFF000,
/// SoX 0x7FFFFFFF less the header, arecord 0x80000000, ffmpeg 0xFFFFFFFF.
const UNKNOWN_LENGTH: u32 = 0x7000_0000;

/// Samples of a WAV file.
pub(super) struct Wav {
    parameters: AudioCodecParameters,
    /// Bytes of one sample of every channel.
    frame: usize,
    data: Bytes,
    /// Frames that the header promises and the file lacks.
    missing: bool,
}

impl Wav {
    pub(super) fn open(bytes: &Bytes) -> Result<Self, AudioError> {
        let mut rest = bytes.slice(12..);
        let mut format = None;
        loop {
            let Some((header, body)) = rest.split_at_checked(8) else {
                return Err(corrupt(if format.is_some() {
                    "there is no data chunk"
                } else {
                    "there is no format chunk"
                }));
            };
            let length = u32_at(header, 4).unwrap_or(0);
            // Chunks are padded to an even length.
            let end = usize::try_from(length).unwrap_or(usize::MAX);
            match header {
                [b'f', b'm', b't', b' ', ..] => {
                    let body = body.get(..end).unwrap_or(body);
                    format = Some(FormatChunk::read(body)?);
                }
                [b'd', b'a', b't', b'a', ..] => {
                    let Some(format) = format else {
                        return Err(corrupt("the data come before the format"));
                    };
                    let available = body.len();
                    // Without any samples, the length of the whole is still right.
                    let whole = u32_at(bytes, 4).map(|length| (length as usize).saturating_add(8));
                    let unknown =
                        length >= UNKNOWN_LENGTH || length == 0 && whole != Some(bytes.len());
                    // Not for a part of one sample.
                    let missing = !unknown && end - end % format.frame() > available;
                    let end = if unknown {
                        available
                    } else {
                        end.min(available)
                    };
                    return format.into_wav(rest.slice(8..8 + end), missing);
                }
                _ => {}
            }
            let next = 8usize.saturating_add(end).saturating_add(end & 1);
            rest = rest.slice(next.min(rest.len())..);
        }
    }

    pub(super) fn parameters(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    /// The next samples, as they are in the file.
    pub(super) fn next_packet(&mut self) -> Result<Option<Bytes>, &'static str> {
        // A frame that is cut at the end is no reason to refuse the others.
        let frames = (self.data.len() / self.frame).min(FRAMES);
        if frames > 0 {
            return Ok(Some(self.data.split_to(frames * self.frame)));
        }
        if self.missing {
            return Err("the file ends before the length in its header");
        }
        Ok(None)
    }
}

/// The fields of `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE` that matter.
struct FormatChunk {
    codec: AudioCodecId,
    channels: u16,
    rate: u32,
    /// Bytes of one sample of one channel.
    width: u16,
}

impl FormatChunk {
    fn read(body: &[u8]) -> Result<Self, AudioError> {
        let field =
            |offset| u16_at(body, offset).ok_or_else(|| corrupt("the format chunk is too short"));
        let channels = field(2)?;
        let rate = u32_at(body, 4).ok_or_else(|| corrupt("the format chunk is too short"))?;
        let (block, bits) = (field(12)?, field(14)?);
        let tag = match field(0)? {
            // Extensible: the tag begins the GUID of the subformat.
            0xFFFE => field(24)?,
            tag => tag,
        };
        if channels == 0 {
            return Err(AudioError::UnsupportedLayout {
                what: "no channels".into(),
            });
        }
        // 12 or 20 bits are stored left-aligned in whole bytes.
        let width = bits.div_ceil(8);
        let codec = match (tag, width) {
            (1, 1) => CODEC_ID_PCM_U8,
            (1, 2) => CODEC_ID_PCM_S16LE,
            (1, 3) => CODEC_ID_PCM_S24LE,
            (1, 4) => CODEC_ID_PCM_S32LE,
            (3, 4) => CODEC_ID_PCM_F32LE,
            (3, 8) => CODEC_ID_PCM_F64LE,
            (6, 1) => CODEC_ID_PCM_ALAW,
            (7, 1) => CODEC_ID_PCM_MULAW,
            (1 | 3 | 6 | 7, _) => {
                return Err(AudioError::UnsupportedLayout {
                    what: format!("{bits} bits per sample"),
                });
            }
            (tag, _) => {
                return Err(AudioError::UnsupportedCodec {
                    codec: codec_name(tag),
                });
            }
        };
        if block != 0 && u32::from(block) != u32::from(channels) * u32::from(width) {
            return Err(corrupt(
                "the block size contradicts channels and bits per sample",
            ));
        }
        Ok(Self {
            codec,
            channels,
            rate,
            width,
        })
    }

    /// Bytes of one sample of every channel.
    fn frame(&self) -> usize {
        usize::from(self.channels) * usize::from(self.width)
    }

    fn into_wav(self, data: Bytes, missing: bool) -> Result<Wav, AudioError> {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(self.codec)
            .with_sample_rate(self.rate)
            .with_channels(if self.channels == 1 {
                layouts::CHANNEL_LAYOUT_MONO
            } else {
                Channels::Discrete(self.channels)
            });
        Ok(Wav {
            parameters,
            frame: self.frame(),
            data,
            missing,
        })
    }
}

/// Names of format tags (RFC 2361), of those that are met.
fn codec_name(tag: u16) -> String {
    let name = match tag {
        0x0002 => "Microsoft ADPCM",
        0x0011 => "IMA ADPCM",
        0x0014 | 0x0040 | 0x0045 | 0x0064 => "G.72x ADPCM",
        0x0022 => "TrueSpeech",
        0x0031 => "GSM 6.10",
        0x0050 => "MPEG audio in WAV",
        0x0055 => "MP3 in WAV",
        0x00FF | 0x1600 | 0x1610 => "AAC in WAV",
        0x0160..=0x0163 => "WMA",
        0x2000 => "AC-3",
        0x2001 => "DTS",
        0xA109 => "Speex",
        0xF1AC => "FLAC in WAV",
        tag => return format!("WAV with format tag {tag:#06x}"),
    };
    name.into()
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
