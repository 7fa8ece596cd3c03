//! Headers of the streams in Ogg.

use symphonia::core::codecs::audio::{
    AudioCodecParameters,
    well_known::{CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_VORBIS},
};

use super::super::{
    AudioError,
    durations::{Durations, Vorbis},
    flac,
    packets::Step,
};
use super::{Ogg, Trust, page};

impl Ogg {
    /// Reads the headers of the streams that begin here, and chooses the one to decode.
    pub(super) fn select(&mut self) -> Result<AudioCodecParameters, AudioError> {
        let mut chosen: Option<AudioCodecParameters> = None;
        let mut other = None;
        let mut last = false;
        self.accompanied = false;
        while let Some((page, next)) = page::read(&self.bytes) {
            if !page.first {
                break;
            }
            self.bytes = next;
            // A skeleton only describes the others.
            let described = page.body.starts_with(b"fishead\0");
            match identify(&page.body) {
                Ok(Some(parameters)) if chosen.is_none() => {
                    self.serial = page.serial;
                    self.sequence = Some(page.sequence.wrapping_add(1));
                    // Of FLAC: whether nothing but STREAMINFO comes before the sound.
                    last = page.body.get(13).is_some_and(|kind| kind & 0x80 != 0);
                    chosen = Some(parameters);
                }
                Ok(_) => self.accompanied |= !described,
                Err(error) => {
                    self.accompanied = true;
                    other = Some(error);
                }
            }
        }
        let Some(mut parameters) = chosen else {
            return Err(other.unwrap_or(AudioError::NoAudioTrack { container: "Ogg" }));
        };
        self.partial.clear();
        self.durations = None;
        // Headers are not told from sound by their first bits.
        self.vorbis = false;
        self.deaf = true;
        self.rate = parameters.sample_rate.unwrap_or(0).max(1);
        match parameters.codec {
            CODEC_ID_OPUS => {
                self.rate = 48_000;
                if self
                    .front()
                    .is_some_and(|tags| tags.starts_with(b"OpusTags"))
                {
                    self.pop();
                }
                self.durations = Some(Durations::Opus);
            }
            CODEC_ID_VORBIS => {
                let setup = self.find_setup()?;
                self.vorbis = true;
                if let Some(data) = parameters.extra_data.take() {
                    self.durations = Vorbis::new(&data, &setup).map(Durations::Vorbis);
                    parameters.extra_data = Some([&*data, &setup].concat().into());
                }
            }
            _ => {
                // Blocks of metadata, the last of which is marked; a sync code begins a frame.
                while !last
                    && let Some(&kind) = self.front().and_then(<[u8]>::first)
                    && kind != 0xFF
                {
                    last = kind & 0x80 != 0;
                    self.pop();
                }
                self.durations = Some(Durations::Flac);
            }
        }
        (self.since, self.end, self.trust, self.lost) = (0, None, Trust::None, false);
        self.deaf = false;
        Ok(parameters)
    }

    /// The setup header; the comments before it are skipped.
    fn find_setup(&mut self) -> Result<Vec<u8>, AudioError> {
        let missing = || AudioError::Corrupt {
            at: 0.0,
            message: "a Vorbis header is missing".into(),
        };
        loop {
            self.front().ok_or_else(missing)?;
            let packet = self.pop();
            if packet.starts_with(b"\x05vorbis") {
                return Ok(packet);
            }
            if !packet.starts_with(b"\x03vorbis") {
                return Err(missing());
            }
        }
    }

    /// The next packet, which may span pages; `None` at the end of the stream.
    fn front(&mut self) -> Option<&[u8]> {
        while !self.steps.iter().any(is_packet) {
            if let Some((page, next)) = page::read(&self.bytes) {
                if page.first {
                    return None;
                }
                self.bytes = next;
                if page.serial == self.serial && (page.sound || !self.checked) {
                    self.take_apart(page);
                }
            } else if self.bytes.is_empty() {
                return None;
            } else {
                self.bytes = page::skip(&self.bytes);
            }
        }
        self.steps.iter().find_map(|step| match step {
            Step::Packet(piece) => Some(&*piece.data),
            _ => None,
        })
    }

    fn pop(&mut self) -> Vec<u8> {
        let at = self.steps.iter().position(is_packet);
        match at.and_then(|at| self.steps.remove(at)) {
            Some(Step::Packet(piece)) => piece.data,
            _ => Vec::new(),
        }
    }
}

fn is_packet(step: &Step) -> bool {
    matches!(step, Step::Packet(_))
}

/// The parameters in the first packet of a stream, if the stream is audio.
fn identify(packet: &[u8]) -> Result<Option<AudioCodecParameters>, AudioError> {
    const OTHER: [(&[u8], &str); 4] = [
        (b"Speex   ", "Speex"),
        (b"fLaC", "FLAC in Ogg of the old kind"),
        (b"PCM     ", "PCM in Ogg"),
        (b"CELT    ", "CELT"),
    ];
    let mut parameters = AudioCodecParameters::new();
    if let Some(rest) = packet.strip_prefix(b"\x01vorbis") {
        let rate = rest.get(5..).and_then(|rest| rest.first_chunk());
        parameters
            .for_codec(CODEC_ID_VORBIS)
            .with_sample_rate(rate.map_or(0, |rate| u32::from_le_bytes(*rate)))
            .with_extra_data(packet.into());
    } else if packet.starts_with(b"OpusHead") {
        parameters
            .for_codec(CODEC_ID_OPUS)
            .with_extra_data(packet.into());
    } else if let Some(rest) = packet.strip_prefix(b"\x7FFLAC") {
        // Version, number of headers, "fLaC", a block's header, STREAMINFO; a rate of 20 bits in it.
        let info = rest.get(12..46).ok_or_else(|| AudioError::Corrupt {
            at: 0.0,
            message: "the FLAC header is too short".into(),
        })?;
        let rate = info.get(10..13).unwrap_or_default();
        let rate = rate
            .iter()
            .fold(0, |rate, &byte| rate << 8 | u32::from(byte))
            >> 4;
        parameters
            .for_codec(CODEC_ID_FLAC)
            .with_sample_rate(rate)
            .with_extra_data(flac::lenient(info).into());
    } else if let Some((_, codec)) = OTHER.iter().find(|(magic, _)| packet.starts_with(magic)) {
        return Err(AudioError::UnsupportedCodec {
            codec: (*codec).into(),
        });
    } else {
        return Ok(None);
    }
    Ok(Some(parameters))
}
