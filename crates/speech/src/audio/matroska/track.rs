//! Audio tracks whose codec symphonia does not know.

use symphonia::core::{
    audio::Channels,
    codecs::audio::{AudioCodecParameters, well_known::CODEC_ID_PCM_U8},
};

use super::super::{AudioError, wav};
use super::ebml;

/// The first audio track: its number and its decoder.
pub(super) fn find(head: &[u8]) -> Result<(u32, AudioCodecParameters), AudioError> {
    let audio = |entry: &&[u8]| ebml::child(entry, b"\x83").map(number) == Some(2);
    let entry = ebml::tracks(head).find(audio);
    let entry = entry.ok_or(AudioError::NoAudioTrack {
        container: "Matroska",
    })?;
    let id = ebml::child(entry, b"\xD7").map_or(0, number);
    let codec = ebml::child(entry, b"\x86").unwrap_or_default();
    let settings = ebml::child(entry, b"\xE1").unwrap_or_default();
    let field = |id: &[u8]| ebml::child(settings, id);
    let parameters = match codec.trim_ascii_end() {
        b"A_PCM/INT/LIT" | b"A_PCM/INT/BIG" if field(b"\x62\x64").map(number) == Some(8) => {
            let rate = field(b"\xB5").map_or(8000.0, float);
            let channels = field(b"\x9F").map_or(1, number);
            let mut parameters = AudioCodecParameters::new();
            parameters
                .for_codec(CODEC_ID_PCM_U8)
                .with_sample_rate(rate as u32)
                .with_channels(Channels::Discrete(channels as u16));
            parameters
        }
        // With the format chunk of a WAV file.
        b"A_MS/ACM" => {
            let format = ebml::child(entry, b"\x63\xA2").unwrap_or_default();
            wav::parameters(format)?
        }
        codec => {
            let codec = String::from_utf8_lossy(codec).escape_default().to_string();
            return Err(AudioError::UnsupportedCodec { codec });
        }
    };
    Ok((id as u32, parameters))
}

fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(8);
    bytes.fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn float(bytes: &[u8]) -> f64 {
    match *bytes {
        [a, b, c, d] => f32::from_be_bytes([a, b, c, d]).into(),
        _ => f64::from_bits(number(bytes)),
    }
}
