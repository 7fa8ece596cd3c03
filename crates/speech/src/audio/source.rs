//! From a file to samples of all its channels, at the rate of the file.

use std::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use symphonia::core::{packet::Packet, units};

use super::{
    AudioError, Format,
    adts::Adts,
    codec::Codec,
    fault::Fault,
    ogg::Ogg,
    reader::{Extent, Reader, Step},
    wav::Wav,
};

/// Starts, in seconds, that are believed: earlier ones are what is left of rounding to milliseconds, and no player
/// waits for longer than a day.
const STARTS: RangeInclusive<f64> = 0.002..=86_400.0;

/// Decodes the audio track of a file, packet by packet.
pub(super) struct Source {
    packets: Packets,
    codec: Codec,
    rate: u32,
    extent: Extent,
    /// Frames still to be dropped.
    delay: u64,
    /// When the first frame is played, in seconds.
    start: f64,
    /// Frames given so far.
    given: u64,
    interleaved: Vec<f32>,
}

/// Decoded frames, one sample of each channel after the other, each from −1 to 1.
pub(super) struct Frames<'a> {
    pub(super) samples: &'a [f32],
    pub(super) channels: usize,
}

impl Frames<'_> {
    const NONE: Self = Self {
        samples: &[],
        channels: 1,
    };
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
            start: 0.0,
            codec,
            given: 0,
            interleaved: Vec::new(),
        })
    }

    /// Samples per second.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// When the sound begins, as far as the container says so. Known once the first frames have been decoded.
    pub(super) fn offset(&self) -> Duration {
        let seconds = match &self.packets {
            Packets::Ogg(ogg) => ogg.start(),
            _ => self.start,
        };
        if STARTS.contains(&seconds) {
            Duration::from_secs_f64(seconds)
        } else {
            Duration::ZERO
        }
    }

    /// Decodes a packet, of which there may be no frames; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<Frames<'_>>, AudioError> {
        let time_base = match &self.packets {
            Packets::Reader(reader) => reader.time_base(),
            _ => None,
        };
        let packet = match self.packets.next() {
            Ok(Step::Packet(packet)) => packet,
            Ok(Step::Other) => return Ok(Some(Frames::NONE)),
            Ok(Step::End) => {
                return if self.extent.least.is_some_and(|least| self.given < least) {
                    Err(self.fault(Fault::Corrupt("the file ends too early".into())))
                } else {
                    Ok(None)
                };
            }
            Err(Fault::Restart) => {
                self.restart()?;
                return Ok(Some(Frames::NONE));
            }
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
        if self.given == 0
            && kept > 0
            && let Packets::Reader(reader) = &self.packets
            && let Some(time) = reader.time()
        {
            let skipped = skipped as f64 / f64::from(self.rate);
            self.start = self.extent.shift + time + skipped;
        }
        self.given += kept;
        let first = skipped as usize * layout.channels;
        let end = first + kept as usize * layout.channels;
        let samples = self.interleaved.get_mut(first..end).unwrap_or_default();
        for sample in &mut *samples {
            *sample = bounded(*sample);
        }
        Ok(Some(Frames {
            samples,
            channels: layout.channels,
        }))
    }

    /// Goes on with the stream that follows the one that has ended.
    fn restart(&mut self) -> Result<(), AudioError> {
        if let Packets::Ogg(ogg) = &mut self.packets {
            let parameters = ogg.select();
            self.codec = Codec::open(&parameters.map_err(|fault| self.fault(fault))?)?;
            self.delay = self.codec.delay();
        }
        if self.codec.rate()? != self.rate {
            return Err(self.fault(Fault::Corrupt("the sample rate changes".into())));
        }
        Ok(())
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
    Packet::new(0, units::Timestamp::ZERO, units::Duration::MAX, data)
}

/// A sample within −1 to 1; what is no number is silence.
fn bounded(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}
