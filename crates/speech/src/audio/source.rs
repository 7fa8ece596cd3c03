//! From a file to mono samples at the rate of the file.

use bytes::Bytes;
use symphonia::core::{
    packet::Packet,
    units::{Duration, Timestamp},
};

use super::{
    AudioError, Format,
    adts::Adts,
    codec::Codec,
    fault::Fault,
    ogg::Ogg,
    reader::{Extent, Reader, Step},
    wav::Wav,
};

/// Decodes the audio track of a file, packet by packet.
pub(super) struct Source {
    packets: Packets,
    codec: Codec,
    rate: u32,
    extent: Extent,
    /// Frames still to be dropped.
    delay: u64,
    /// Frames given so far.
    given: u64,
    interleaved: Vec<f32>,
}

enum Packets {
    Wav(Wav),
    Adts(Adts),
    Ogg(Box<Ogg>),
    Reader(Box<Reader>),
}

impl Source {
    pub(super) fn open(format: Format, bytes: Bytes) -> Result<Self, AudioError> {
        let (packets, codec) = match format {
            Format::Wav => {
                let wav = Wav::open(&bytes)?;
                let codec = Codec::open(wav.parameters())?;
                (Packets::Wav(wav), codec)
            }
            Format::Adts => {
                let adts = Adts::open(bytes)?;
                let codec = Codec::open(adts.parameters())?;
                (Packets::Adts(adts), codec)
            }
            Format::Ogg => {
                let mut ogg = Ogg::new(bytes);
                let parameters = ogg.select().map_err(|fault| fault.at(0.0))?;
                (Packets::Ogg(Box::new(ogg)), Codec::open(&parameters)?)
            }
            _ => {
                let mut reader = Reader::open(format, bytes)?;
                let codec = Codec::open(&reader.select()?)?;
                (Packets::Reader(Box::new(reader)), codec)
            }
        };
        let rate = codec.rate()?;
        let extent = match &packets {
            Packets::Reader(reader) => reader.extent(rate),
            _ => Extent::default(),
        };
        Ok(Self {
            packets,
            rate,
            extent,
            delay: extent.delay.unwrap_or(codec.delay()),
            codec,
            given: 0,
            interleaved: Vec::new(),
        })
    }

    /// Samples per second.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// Decodes a packet and appends its samples, the average of all channels, to `to`. False after the last.
    pub(super) fn next(&mut self, to: &mut Vec<f32>) -> Result<bool, AudioError> {
        let time_base = match &self.packets {
            Packets::Reader(reader) => reader.time_base(),
            _ => None,
        };
        let packet = match self.packets.next() {
            Ok(Step::Packet(packet)) => packet,
            Ok(Step::Other) => return Ok(true),
            Ok(Step::End) => {
                return if self.extent.least.is_some_and(|least| self.given < least) {
                    Err(self.fault(Fault::Corrupt("the file ends too early".into())))
                } else {
                    Ok(false)
                };
            }
            Err(Fault::Restart) => return self.restart(),
            Err(fault) => return Err(self.fault(fault)),
        };
        self.interleaved.clear();
        let layout = self
            .codec
            .decode(&packet, time_base, &mut self.interleaved)
            .map_err(|fault| self.fault(fault))?;
        if layout.rate != self.rate {
            return Err(self.fault(Fault::Corrupt("the sample rate changes".into())));
        }
        let mut frames = (self.interleaved.len() / layout.channels) as u64;
        if let Packets::Ogg(ogg) = &mut self.packets {
            match ogg.arrived(frames as usize, self.rate) {
                Ok(excess) => frames -= excess as u64,
                Err(fault) => return Err(self.fault(fault)),
            }
        }
        let skipped = self.delay.min(frames);
        self.delay -= skipped;
        let wanted = self.extent.most.map_or(u64::MAX, |most| most - self.given);
        let kept = (frames - skipped).min(wanted);
        self.given += kept;
        let scale = 1.0 / layout.channels as f32;
        to.extend(
            self.interleaved
                .chunks_exact(layout.channels)
                .skip(skipped as usize)
                .take(kept as usize)
                .map(|frame| frame.iter().copied().map(bounded).sum::<f32>() * scale),
        );
        Ok(true)
    }

    /// Goes on with the stream that follows the one that has ended.
    fn restart(&mut self) -> Result<bool, AudioError> {
        if let Packets::Ogg(ogg) = &mut self.packets {
            let parameters = ogg.select();
            self.codec = Codec::open(&parameters.map_err(|fault| self.fault(fault))?)?;
            self.delay = self.codec.delay();
        }
        if self.codec.rate()? != self.rate {
            return Err(self.fault(Fault::Corrupt("the sample rate changes".into())));
        }
        Ok(true)
    }

    fn fault(&self, fault: Fault) -> AudioError {
        fault.at(self.given as f64 / f64::from(self.rate))
    }
}

impl Packets {
    fn next(&mut self) -> Result<Step, Fault> {
        let data = match self {
            Self::Reader(reader) => return reader.next(),
            Self::Wav(wav) => wav.next_packet(),
            Self::Adts(adts) => adts.next_packet(),
            Self::Ogg(ogg) => {
                return Ok(match ogg.next_packet() {
                    Some(data) => Step::Packet(packet(data)),
                    None if ogg.read_page()? => Step::Other,
                    None => Step::End,
                });
            }
        };
        let data = data.map_err(|message| Fault::Corrupt(message.into()))?;
        Ok(data.map_or(Step::End, |data| Step::Packet(packet(data.to_vec()))))
    }
}

/// A packet of which all is meant, whatever its duration.
fn packet(data: Vec<u8>) -> Packet {
    Packet::new(0, Timestamp::ZERO, Duration::MAX, data)
}

/// A sample within −1 to 1; what is no number is silence.
fn bounded(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}
