//! Audio files of any common format to 16 kHz mono samples.
//!
//! The format is told by the first bytes and never by a name. Decoding streams: beside the file itself it holds
//! a packet and the resampler's buffers, so that the memory of [`decode`] is the samples within its limit,
//! however long the file says or turns out to be.

mod aac;
mod adts;
mod codec;
mod error;
mod fault;
mod format;
mod matroska;
mod mp4;
mod mpeg;
mod ogg;
mod opus;
mod reader;
mod resample;
mod source;
mod wav;

use std::time::Duration;

use bytes::Bytes;

pub use error::AudioError;
pub use format::Format;

use resample::Resampler;
use source::Source;

/// Samples per second that decoding gives.
pub const SAMPLE_RATE: u32 = 16_000;

/// Decodes a file block by block.
pub struct Decoder {
    format: Format,
    source: Source,
    resampler: Resampler,
    /// No more packets.
    ended: bool,
    block: Vec<f32>,
    given: u64,
}

impl Decoder {
    /// Reads the header of a file.
    ///
    /// # Errors
    ///
    /// Those of [`AudioError`] that can be told from the header.
    pub fn open(bytes: impl Into<Bytes>) -> Result<Self, AudioError> {
        let mut bytes = bytes.into();
        let format = format::sniff(&mut bytes)?;
        let source = Source::open(format, bytes)?;
        let resampler =
            Resampler::new(source.rate()).map_err(|_| AudioError::UnsupportedLayout {
                what: format!("a sample rate of {} Hz", source.rate()),
            })?;
        Ok(Self {
            format,
            source,
            resampler,
            ended: false,
            block: Vec::new(),
            given: 0,
        })
    }

    /// What the file is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The next samples, mono, [`SAMPLE_RATE`] per second, each from −1 to 1; none after the last.
    ///
    /// A block may be empty. It takes one packet of the file or one step of the resampler, a fraction of a
    /// millisecond except for the longest packets that some codecs allow.
    ///
    /// # Errors
    ///
    /// [`AudioError::Corrupt`] where the data cannot be decoded.
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, AudioError> {
        self.block.clear();
        let step = if self.ended {
            self.resampler.finish(&mut self.block)
        } else {
            self.resampler.process(&mut self.block)
        };
        let stepped = step.map_err(|error| AudioError::Corrupt {
            at: self.given as f64 / f64::from(SAMPLE_RATE),
            message: error.to_string(),
        })?;
        if !stepped {
            if self.ended {
                return Ok(None);
            }
            self.ended = !self.source.next(self.resampler.input())?;
        }
        self.given += self.block.len() as u64;
        Ok(Some(&self.block))
    }
}

/// A decoded recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What it was decoded from.
    pub format: Format,
    /// Mono, [`SAMPLE_RATE`] per second, each from −1 to 1.
    pub samples: Vec<f32>,
}

impl Recording {
    /// How long it is.
    pub fn duration(&self) -> Duration {
        duration(self.samples.len())
    }
}

fn duration(samples: usize) -> Duration {
    Duration::from_secs(samples as u64) / SAMPLE_RATE
}

/// Decodes the first second of a file, so that what is no audio is told from a recording in no time. `pause` is awaited
/// as by [`decode`].
///
/// # Errors
///
/// Any [`AudioError`] but [`AudioError::TooLong`].
pub async fn probe(
    bytes: impl Into<Bytes>,
    mut pause: impl AsyncFnMut(),
) -> Result<(), AudioError> {
    let mut decoder = Decoder::open(bytes)?;
    let mut given = 0;
    while given < SAMPLE_RATE as usize {
        let Some(block) = decoder.next_block()? else {
            break;
        };
        given += block.len();
        pause().await;
    }
    if given == 0 {
        return Err(AudioError::NoSamples);
    }
    Ok(())
}

/// Decodes a whole file, no longer than `limit`. `pause` is awaited after every 0.05 to 0.5 ms of work, according
/// to the codec, in WebAssembly twice that; it hears how much has been decoded.
///
/// # Errors
///
/// Any [`AudioError`]. [`AudioError::TooLong`] comes as soon as the limit is reached, however much would follow.
pub async fn decode(
    bytes: impl Into<Bytes>,
    limit: Duration,
    mut pause: impl AsyncFnMut(Duration),
) -> Result<Recording, AudioError> {
    let mut decoder = Decoder::open(bytes)?;
    let most = limit.as_secs_f64() * f64::from(SAMPLE_RATE);
    let mut samples = Vec::new();
    let mut work = 0;
    while let Some(block) = decoder.next_block()? {
        if (samples.len() + block.len()) as f64 > most {
            return Err(AudioError::TooLong { limit });
        }
        samples.extend_from_slice(block);
        // A block without samples is work, too.
        work += block.len().max(32);
        if work >= 512 {
            work = 0;
            pause(duration(samples.len())).await;
        }
    }
    if samples.is_empty() {
        return Err(AudioError::NoSamples);
    }
    Ok(Recording {
        format: decoder.format(),
        samples,
    })
}
