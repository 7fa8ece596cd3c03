//! The format of the samples in a WAV file.

use symphonia::core::{
    audio::{Channels, layouts},
    codecs::audio::{AudioCodecId, AudioCodecParameters, well_known::*},
};

use super::super::{AudioError, warning::Note};
use super::{corrupt, u16_at, u32_at};

/// The fields of `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE` that matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormatChunk {
    tag: u16,
    channels: u16,
    rate: u32,
    /// Bytes of one sample of every channel.
    block: u16,
    /// Bits of one sample of one channel.
    bits: u16,
}

/// How samples are read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) parameters: AudioCodecParameters,
    /// Bytes of a sample of one channel in the file.
    pub(super) width: usize,
    /// Bytes of it that are given to the decoder, from the first on.
    pub(super) kept: usize,
    /// Bytes of one sample of every channel.
    pub(super) frame: usize,
    pub(super) rate: u32,
    pub(super) note: Option<Note>,
}

impl FormatChunk {
    pub(super) fn read(body: &[u8]) -> Result<Self, AudioError> {
        let short = || corrupt("the format chunk is too short");
        let field = |offset| u16_at(body, offset).ok_or_else(short);
        let tag = match field(0)? {
            // Extensible: the tag begins the GUID of the subformat.
            0xFFFE => field(24)?,
            tag => tag,
        };
        Ok(Self {
            tag,
            channels: field(2)?,
            rate: u32_at(body, 4).ok_or_else(short)?,
            block: field(12)?,
            // That of companded samples is always 8.
            bits: u16_at(body, 14).unwrap_or(8),
        })
    }

    /// How to read `data` of this format. Its header may contradict itself.
    pub(super) fn reading(self, data: &[u8]) -> Result<Reading, AudioError> {
        if self.channels == 0 {
            return Err(AudioError::UnsupportedLayout {
                what: "no channels".into(),
            });
        }
        // 12 or 20 bits are stored left-aligned in whole bytes.
        let bytes = usize::from(self.bits.div_ceil(8));
        let wide = usize::from(self.block / self.channels);
        let (width, kept) = match self.tag {
            6 | 7 => (1, 1),
            1 if (1..=4).contains(&bytes) => match alignment(data, wide, bytes) {
                Some(Alignment::Left) => (wide, wide),
                Some(Alignment::Right) => (wide, bytes),
                None => (bytes, bytes),
            },
            3 if matches!(bytes, 4 | 8) => (bytes, bytes),
            1 if (1..=4).contains(&wide) => (wide, wide),
            3 if matches!(wide, 4 | 8) => (wide, wide),
            1 | 3 => {
                return Err(AudioError::UnsupportedLayout {
                    what: format!("{} bits per sample", self.bits),
                });
            }
            tag => {
                return Err(AudioError::UnsupportedCodec {
                    codec: codec_name(tag),
                });
            }
        };
        let frame = usize::from(self.channels) * width;
        // That of companded samples is well known.
        let agrees = self.block == 0 || usize::from(self.block) == frame || kept < width;
        let note = (!agrees && matches!(self.tag, 1 | 3)).then(|| {
            Note::contradiction(format!(
                "the WAV header says {} bits and {} bytes for a sample of all channels; it is read as {frame} bytes",
                self.bits, self.block
            ))
        });
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec(self.tag, kept))
            .with_sample_rate(self.rate)
            .with_channels(if self.channels == 1 {
                layouts::CHANNEL_LAYOUT_MONO
            } else {
                Channels::Discrete(self.channels)
            });
        Ok(Reading {
            parameters,
            width,
            kept,
            frame,
            rate: self.rate,
            note,
        })
    }
}

fn codec(tag: u16, bytes: usize) -> AudioCodecId {
    match (tag, bytes) {
        (1, 1) => CODEC_ID_PCM_U8,
        (1, 2) => CODEC_ID_PCM_S16LE,
        (1, 3) => CODEC_ID_PCM_S24LE,
        (1, _) => CODEC_ID_PCM_S32LE,
        (3, 4) => CODEC_ID_PCM_F32LE,
        (3, _) => CODEC_ID_PCM_F64LE,
        (6, _) => CODEC_ID_PCM_ALAW,
        _ => CODEC_ID_PCM_MULAW,
    }
}

/// Where samples are, if they have more bytes than they need.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Alignment {
    /// In the high bytes, as Microsoft's documentation of `WAVEFORMATEXTENSIBLE` says; the others are 0.
    Left,
    /// In the low bytes; the others repeat the sign.
    Right,
}

/// Where samples of `bytes` bytes are within `wide` bytes each; `None` if the data do not look like it.
fn alignment(data: &[u8], wide: usize, bytes: usize) -> Option<Alignment> {
    if wide <= bytes || wide > 4 {
        return None;
    }
    let samples = || data.chunks_exact(wide);
    let repeated = samples().all(|sample| {
        let (low, high) = sample.split_at(bytes);
        let sign = low.last().map_or(0, |&byte| byte.cast_signed() >> 7);
        high.iter().all(|&byte| byte == sign.cast_unsigned())
    });
    // Where both are right, all samples are faint if they lie high.
    if repeated {
        return Some(Alignment::Right);
    }
    let zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
    let zeros = samples().all(|sample| sample.get(..wide - bytes).is_some_and(zero));
    zeros.then_some(Alignment::Left)
}

/// Names of common format tags (RFC 2361).
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
