//! Sample entries: the codec of an audio track (ISO/IEC 14496-12, 12.2.3; QuickTime File Format, sound sample
//! descriptions).

use symphonia::core::{
    audio::{Channels, layouts},
    codecs::audio::{AudioCodecId, AudioCodecParameters, well_known::*},
};

use super::super::{AudioError, aac, durations::Durations, flac};
use super::atom::{atoms, child, u16_at, u32_at, u64_at};

/// The parameters that decoding a track needs.
pub(super) struct Entry {
    pub(super) parameters: AudioCodecParameters,
    pub(super) durations: Durations,
    /// Samples per second, the unit of durations.
    pub(super) rate: u32,
    /// Of PCM: bytes of one sample of every channel.
    pub(super) frame: Option<usize>,
}

/// The fields that all versions have.
struct Fields<'a> {
    kind: [u8; 4],
    channels: u32,
    bits: u32,
    rate: u32,
    /// Of linear PCM of version 2: flags and bytes of a frame.
    linear: Option<(u32, u32)>,
    children: &'a [u8],
}

impl Entry {
    /// From the content of `stsd`.
    pub(super) fn read(table: &[u8]) -> Result<Self, AudioError> {
        let fields = Fields::read(table).ok_or_else(|| AudioError::Corrupt {
            at: 0.0,
            message: "the sample description is not valid".into(),
        })?;
        fields.entry()
    }
}

impl<'a> Fields<'a> {
    fn read(table: &'a [u8]) -> Option<Self> {
        let (kind, entry) = atoms(table.get(8..)?).next()?;
        let version = u16_at(entry, 8)?;
        let mut fields = Self {
            kind: *kind,
            channels: u16_at(entry, 16)?.into(),
            bits: u16_at(entry, 18)?.into(),
            rate: u32_at(entry, 24)? >> 16,
            linear: None,
            children: entry.get(28..)?,
        };
        match version {
            // That of ISO has the same number and no more fields; its table has a version, too.
            1 if table.first() == Some(&0) => fields.children = entry.get(44..)?,
            2 => {
                fields.rate = f64::from_bits(u64_at(entry, 32)?) as u32;
                fields.channels = u32_at(entry, 40)?;
                fields.bits = u32_at(entry, 48)?;
                fields.linear = Some((u32_at(entry, 52)?, u32_at(entry, 56)?));
                fields.children = entry.get(64..)?;
            }
            _ => {}
        }
        Some(fields)
    }

    /// A child, directly or in QuickTime's `wave`.
    fn child(&self, kind: &[u8; 4]) -> Option<&'a [u8]> {
        child(self.children, kind)
            .or_else(|| child(child(self.children, b"wave")?, kind))
            .or_else(|| {
                let at = self.children.windows(4).position(|found| found == kind)?;
                self.children.get(at + 4..)
            })
    }

    fn entry(&self) -> Result<Entry, AudioError> {
        match &self.kind {
            b"mp4a" | b"m4a " => self.mpeg4(),
            b".mp3" | b"ms\0U" => Ok(self.mp3()),
            b"Opus" => self.opus(),
            b"fLaC" => self.flac(),
            _ => self.pcm(),
        }
    }

    fn parameters(&self, codec: AudioCodecId) -> AudioCodecParameters {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec)
            .with_sample_rate(self.rate)
            .with_channels(match self.channels {
                1 => layouts::CHANNEL_LAYOUT_MONO,
                2 => layouts::CHANNEL_LAYOUT_STEREO,
                channels => Channels::Discrete(u16::try_from(channels).unwrap_or(u16::MAX)),
            });
        parameters
    }

    fn mpeg4(&self) -> Result<Entry, AudioError> {
        let (object, config) = self
            .child(b"esds")
            .and_then(descriptor)
            .ok_or_else(|| missing("esds"))?;
        match object {
            0x40 | 0x66..=0x68 => {}
            0x69 | 0x6B => return Ok(self.mp3()),
            0xA5 => return Err(unsupported("AC-3")),
            0xA6 => return Err(unsupported("E-AC-3")),
            0xA9..=0xAC => return Err(unsupported("DTS")),
            0xDD => return Err(unsupported("Vorbis in MP4")),
            _ => return Err(unsupported("this kind of MPEG-4 audio")),
        }
        let mut parameters = self.parameters(CODEC_ID_AAC);
        parameters.with_extra_data(config.into());
        // The rate of the entry has 16 bits; the decoder's own counts.
        let rate = aac::core(&parameters)?.sample_rate.unwrap_or(1);
        parameters.with_sample_rate(rate);
        Ok(Entry {
            parameters,
            durations: Durations::Fixed(1024),
            rate,
            frame: None,
        })
    }

    fn mp3(&self) -> Entry {
        Entry {
            parameters: self.parameters(CODEC_ID_MP3),
            durations: Durations::Fixed(if self.rate < 32_000 { 576 } else { 1152 }),
            rate: self.rate,
            frame: None,
        }
    }

    fn opus(&self) -> Result<Entry, AudioError> {
        let head = self.child(b"dOps").ok_or_else(|| missing("dOps"))?;
        let mut parameters = self.parameters(CODEC_ID_OPUS);
        parameters
            .with_sample_rate(48_000)
            .with_extra_data([b"OpusHead", head].concat().into());
        Ok(Entry {
            parameters,
            durations: Durations::Opus,
            rate: 48_000,
            frame: None,
        })
    }

    fn flac(&self) -> Result<Entry, AudioError> {
        let block = self.child(b"dfLa").and_then(|blocks| blocks.get(8..42));
        let block = flac::lenient(block.ok_or_else(|| missing("dfLa"))?);
        let rate = flac::rate(&block).unwrap_or(self.rate);
        let mut parameters = self.parameters(CODEC_ID_FLAC);
        parameters
            .with_sample_rate(rate)
            .with_extra_data(block.into());
        Ok(Entry {
            parameters,
            durations: Durations::Flac,
            rate,
            frame: None,
        })
    }

    fn pcm(&self) -> Result<Entry, AudioError> {
        // `enda` turns the order of bytes round, `pcmC` tells it (ISO/IEC 23003-5).
        let little = child(self.children, b"enda")
            .or_else(|| child(child(self.children, b"wave")?, b"enda"))
            .is_some_and(|order| u16_at(order, 0) == Some(1));
        let configured = child(self.children, b"pcmC")
            .and_then(|config| Some((config.get(4)? & 1 == 1, u32::from(*config.get(5)?))));
        let (float, big, bits) = match &self.kind {
            b"twos" | b"NONE" => (false, true, self.bits),
            b"sowt" => (false, false, self.bits),
            b"raw " if self.bits > 8 => (false, true, self.bits),
            b"raw " => return Ok(self.samples(CODEC_ID_PCM_U8, 1)),
            b"in24" => (false, !little, 24),
            b"in32" => (false, !little, 32),
            b"fl32" => (true, !little, 32),
            b"fl64" => (true, !little, 64),
            b"alaw" => return Ok(self.samples(CODEC_ID_PCM_ALAW, 1)),
            b"ulaw" => return Ok(self.samples(CODEC_ID_PCM_MULAW, 1)),
            b"ipcm" | b"fpcm" => {
                let (little, bits) = configured.ok_or_else(|| missing("pcmC"))?;
                (self.kind == *b"fpcm", !little, bits)
            }
            b"lpcm" => {
                let (flags, bytes) = self.linear.unwrap_or((0b110, 0));
                if self.bits <= 8 && flags & 4 == 0 {
                    return Ok(self.samples(CODEC_ID_PCM_U8, 1));
                }
                // Samples may lie in more bytes than they need, high or low.
                let width = 8 * bytes.checked_div(self.channels).unwrap_or(0);
                let wide = width > self.bits.next_multiple_of(8);
                if wide && flags & 16 == 0 {
                    return Err(unsupported("PCM whose samples have padding"));
                }
                let bits = if wide { width } else { self.bits };
                (flags & 1 == 1, flags & 2 == 2, bits)
            }
            kind => return Err(unsupported(&name(*kind))),
        };
        let codec = match (float, bits.div_ceil(8), big) {
            (false, 1, _) => CODEC_ID_PCM_S8,
            (false, 2, true) => CODEC_ID_PCM_S16BE,
            (false, 2, false) => CODEC_ID_PCM_S16LE,
            (false, 3, true) => CODEC_ID_PCM_S24BE,
            (false, 3, false) => CODEC_ID_PCM_S24LE,
            (false, 4, true) => CODEC_ID_PCM_S32BE,
            (false, 4, false) => CODEC_ID_PCM_S32LE,
            (true, 4, true) => CODEC_ID_PCM_F32BE,
            (true, 4, false) => CODEC_ID_PCM_F32LE,
            (true, 8, true) => CODEC_ID_PCM_F64BE,
            (true, 8, false) => CODEC_ID_PCM_F64LE,
            _ => {
                return Err(AudioError::UnsupportedLayout {
                    what: format!("{bits} bits per sample"),
                });
            }
        };
        Ok(self.samples(codec, bits.div_ceil(8)))
    }

    fn samples(&self, codec: AudioCodecId, bytes: u32) -> Entry {
        let frame = (self.channels.max(1) as usize).saturating_mul(bytes as usize);
        Entry {
            parameters: self.parameters(codec),
            durations: Durations::Pcm(frame),
            rate: self.rate,
            frame: Some(frame),
        }
    }
}

/// Kind of object and configuration of its decoder (ISO/IEC 14496-1, 7.2.6).
fn descriptor(esds: &[u8]) -> Option<(u8, &[u8])> {
    let stream = content(esds.get(4..)?, 3)?;
    let flags = *stream.get(2)?;
    let mut at = 3;
    at += if flags & 0x80 == 0 { 0 } else { 2 };
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*stream.get(at)?);
    }
    at += if flags & 0x20 == 0 { 0 } else { 2 };
    let decoder = content(stream.get(at..)?, 4)?;
    let specific = decoder.get(13..).and_then(|rest| content(rest, 5));
    Some((*decoder.first()?, specific.unwrap_or_default()))
}

/// The content of the descriptor that begins here, if it has that tag.
fn content(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&[tag])?;
    let mut length = 0;
    for _ in 0..4 {
        let (&byte, next) = rest.split_first()?;
        rest = next;
        length = length << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(rest.get(..length).unwrap_or(rest))
}

fn missing(what: &str) -> AudioError {
    AudioError::Corrupt {
        at: 0.0,
        message: format!("the sample description has no '{what}'"),
    }
}

fn unsupported(codec: &str) -> AudioError {
    AudioError::UnsupportedCodec {
        codec: codec.into(),
    }
}

/// Names of codecs by their four characters.
fn name(kind: [u8; 4]) -> String {
    let name = match &kind {
        b"alac" => "ALAC",
        b"ac-3" | b"sac3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"ac-4" => "AC-4",
        b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" => "DTS",
        b"samr" => "AMR",
        b"sawb" => "AMR-WB",
        b"ima4" | b"ms\0\x02" | b"ms\0\x11" => "ADPCM",
        b"agsm" => "GSM 6.10",
        b"Qclp" | b"sqcp" => "QCELP",
        b"QDM2" | b"QDMC" => "QDesign Music",
        b"mlpa" => "TrueHD",
        b"spex" => "Speex",
        b"enca" => "encrypted audio",
        kind => {
            return format!(
                "the codec '{}'",
                String::from_utf8_lossy(kind).escape_default()
            );
        }
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let length = content.len() as u32 + 8;
        [&length.to_be_bytes(), &kind[..], content].concat()
    }

    /// A table with one entry of version 0 for two channels of `bits` at 16 kHz.
    fn table(kind: &[u8; 4], bits: u16, children: &[u8]) -> Vec<u8> {
        let mut entry = vec![0; 16];
        entry.extend(2u16.to_be_bytes());
        entry.extend(bits.to_be_bytes());
        entry.extend([0; 4]);
        entry.extend((16_000u32 << 16).to_be_bytes());
        entry.extend(children);
        [&[0, 0, 0, 0, 0, 0, 0, 1], &atom(kind, &entry)[..]].concat()
    }

    /// Linear PCM of version 2.
    fn linear(rate: f64, bits: u32, flags: u32, frame: u32) -> Vec<u8> {
        let mut entry = vec![0; 8];
        entry.extend([0, 2, 0, 0, 0, 0, 0, 0]);
        entry.extend([0, 3, 0, 16, 0xFF, 0xFE, 0, 0, 0, 1, 0, 0]);
        entry.extend(72u32.to_be_bytes());
        entry.extend(rate.to_bits().to_be_bytes());
        for field in [2, 0x7F00_0000, bits, flags, frame, 1] {
            entry.extend(field.to_be_bytes());
        }
        [&[0, 0, 0, 0, 0, 0, 0, 1], &atom(b"lpcm", &entry)[..]].concat()
    }

    fn codec(table: &[u8]) -> Result<(AudioCodecId, usize, u32), String> {
        let entry = Entry::read(table).map_err(|error| error.to_string())?;
        let frame = entry.frame.unwrap_or(0);
        Ok((entry.parameters.codec, frame, entry.rate))
    }

    #[test]
    fn pcm_is_told_by_its_kind_and_not_by_the_bits_of_the_entry() {
        let order = |little: u8| atom(b"wave", &atom(b"enda", &[0, little]));
        let config = |little: u8, bits: u8| atom(b"pcmC", &[0, 0, 0, 0, little, bits]);
        for (kind, bits, children, expected, frame) in [
            (b"twos", 16, vec![], CODEC_ID_PCM_S16BE, 4),
            (b"sowt", 16, vec![], CODEC_ID_PCM_S16LE, 4),
            (b"twos", 8, vec![], CODEC_ID_PCM_S8, 2),
            (b"raw ", 8, vec![], CODEC_ID_PCM_U8, 2),
            (b"NONE", 16, vec![], CODEC_ID_PCM_S16BE, 4),
            (b"in24", 16, vec![], CODEC_ID_PCM_S24BE, 6),
            (b"in24", 24, order(1), CODEC_ID_PCM_S24LE, 6),
            (b"in32", 16, order(0), CODEC_ID_PCM_S32BE, 8),
            (b"fl32", 16, vec![], CODEC_ID_PCM_F32BE, 8),
            (b"fl64", 16, order(1), CODEC_ID_PCM_F64LE, 16),
            (b"ulaw", 16, vec![], CODEC_ID_PCM_MULAW, 2),
            (b"ipcm", 16, config(1, 24), CODEC_ID_PCM_S24LE, 6),
            (b"ipcm", 16, config(0, 16), CODEC_ID_PCM_S16BE, 4),
            (b"fpcm", 16, config(1, 32), CODEC_ID_PCM_F32LE, 8),
        ] {
            let found = codec(&table(kind, bits, &children));
            assert_eq!(found, Ok((expected, frame, 16_000)), "{kind:?}");
        }
        assert!(
            codec(&table(b"ipcm", 16, &[]))
                .unwrap_err()
                .contains("pcmC")
        );
        assert!(codec(&table(b"samr", 16, &[])).unwrap_err().contains("AMR"));
        assert!(
            codec(&table(b"abcd", 16, &[]))
                .unwrap_err()
                .contains("'abcd'")
        );
    }

    #[test]
    fn linear_pcm_is_told_by_its_flags() {
        for (bits, flags, frame, expected, bytes) in [
            (16, 0b1110, 4, CODEC_ID_PCM_S16BE, 4),
            (16, 0b1100, 4, CODEC_ID_PCM_S16LE, 4),
            (24, 0b1100, 6, CODEC_ID_PCM_S24LE, 6),
            (24, 0b10100, 8, CODEC_ID_PCM_S32LE, 8),
            (32, 0b1001, 8, CODEC_ID_PCM_F32LE, 8),
            (64, 0b1011, 16, CODEC_ID_PCM_F64BE, 16),
            (8, 0b1000, 2, CODEC_ID_PCM_U8, 2),
        ] {
            let found = codec(&linear(96_000.0, bits, flags, frame));
            assert_eq!(found, Ok((expected, bytes, 96_000)), "{bits} {flags:#b}");
        }
        // In the low bytes of more than it needs.
        assert!(codec(&linear(48_000.0, 24, 0b100, 8)).is_err());
    }
}
