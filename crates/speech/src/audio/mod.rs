//! Audio files of any common format to samples at 16 kHz, of all channels mixed or of each on its own.
//!
//! The first bytes decide the format, not the name. Headers are only hints: everything that can be decoded is decoded, a
//! [`Warning`] reports what is missing or damaged, and an error means that nothing could be decoded. Decoding streams: besides
//! the file it needs a packet, a tenth of a second of channels to mix, and the resamplers' buffers. So the memory of [`decode`]
//! is bounded by its limit on samples, whatever the file claims or contains.

mod aac;
mod adts;
mod codec;
mod durations;
mod error;
mod fault;
mod flac;
mod format;
mod frames;
mod junk;
mod matroska;
mod mix;
mod mp3;
mod mp4;
mod mpeg;
mod ogg;
mod opus;
mod packets;
mod reader;
mod resample;
mod source;
mod trailer;
mod warning;
mod wav;

use std::time::Duration;

use bytes::Bytes;

pub use error::AudioError;
pub use format::Format;
pub use reader::{End, Reader};
pub use warning::{Warning, WarningKind};

use mix::Mixer;
use resample::Resampler;
use source::Source;

/// Samples per second of the output.
pub const SAMPLE_RATE: u32 = 16_000;

/// The most channels that are decoded on their own.
const MOST_CHANNELS: usize = 8;

/// How the channels of a file are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channels {
    /// They are mixed to one: to their average or, if they cancel each other, to the loudest. The choice is made every tenth
    /// of a second.
    #[default]
    Mixed,
    /// Each is decoded on its own, up to 8 of them.
    Split,
}

/// Decodes a file block by block.
pub struct Decoder {
    format: Format,
    source: Source,
    channels: Channels,
    mixer: Mixer,
    /// One for each channel that is given, as soon as their number is known.
    resamplers: Vec<Resampler>,
    blocks: Vec<Vec<f32>>,
    /// Samples per second of what the resamplers take.
    rate: u32,
    /// Frames at a new rate and their channels, which wait until the resamplers are empty.
    following: Option<(Vec<f32>, usize)>,
    /// No more packets.
    ended: bool,
    given: u64,
}

impl Decoder {
    /// Reads the header of a file.
    ///
    /// # Errors
    ///
    /// Those of [`AudioError`] that can be told from the header.
    pub fn open(bytes: impl Into<Bytes>, channels: Channels) -> Result<Self, AudioError> {
        let mut bytes = bytes.into();
        let format = format::sniff(&mut bytes)?;
        let source = Source::open(format, bytes)?;
        let resampler = resampler(source.rate())?;
        let resamplers = match channels {
            Channels::Mixed => vec![resampler],
            Channels::Split => Vec::new(),
        };
        Ok(Self {
            format,
            mixer: Mixer::new(source.rate()),
            rate: source.rate(),
            following: None,
            source,
            channels,
            blocks: vec![Vec::new(); resamplers.len()],
            resamplers,
            ended: false,
            given: 0,
        })
    }

    /// The format of the file.
    pub fn format(&self) -> Format {
        self.format
    }

    /// When the sound begins: [`Recording::offset`]. Known after the last block.
    pub fn offset(&self) -> Duration {
        self.source.offset()
    }

    /// What is missing or damaged so far. The times count from the first sample.
    pub fn warnings(&self) -> &[Warning] {
        self.source.warnings()
    }

    /// The next samples of each channel, [`SAMPLE_RATE`] per second, each from −1 to 1; none after the last.
    ///
    /// All channels have the same number of samples, which may be zero; there may even be no channel yet. A call decodes one
    /// packet or takes one step of each resampler: a fraction of a millisecond, except for the longest packets of some codecs.
    ///
    /// # Errors
    ///
    /// [`AudioError::Corrupt`] if nothing can be decoded, [`AudioError::UnsupportedLayout`] if the channels cannot be split.
    /// Other faults are in [`Decoder::warnings`].
    pub fn next_block(&mut self) -> Result<Option<&[Vec<f32>]>, AudioError> {
        let mut stepped = false;
        let flush = self.ended || self.following.is_some();
        for (resampler, block) in self.resamplers.iter_mut().zip(&mut self.blocks) {
            block.clear();
            let step = if flush {
                resampler.finish(block)
            } else {
                resampler.process(block)
            };
            stepped |= step.map_err(|error| AudioError::Corrupt {
                at: self.given as f64 / f64::from(SAMPLE_RATE),
                message: error.to_string(),
            })?;
        }
        if !stepped {
            if let Some((samples, channels)) = self.following.take() {
                self.change_rate()?;
                self.take(&samples, channels)?;
            } else if self.ended {
                return Ok(None);
            } else {
                self.read()?;
            }
        }
        self.given += self.blocks.first().map_or(0, Vec::len) as u64;
        Ok(Some(&self.blocks))
    }

    /// Decodes a packet.
    fn read(&mut self) -> Result<(), AudioError> {
        let Some(frames) = self.source.next()? else {
            self.ended = true;
            self.finish_mixing();
            return Ok(());
        };
        if frames.samples.is_empty() {
            return Ok(());
        }
        let (samples, channels) = (frames.samples.to_vec(), frames.channels);
        if frames.rate != self.rate {
            self.rate = frames.rate;
            self.following = Some((samples, channels));
            self.finish_mixing();
            return Ok(());
        }
        self.take(&samples, channels)
    }

    /// Makes the resamplers take another rate. They are empty.
    fn change_rate(&mut self) -> Result<(), AudioError> {
        self.mixer = Mixer::new(self.rate);
        for place in &mut self.resamplers {
            *place = resampler(self.rate)?;
        }
        Ok(())
    }

    fn finish_mixing(&mut self) {
        if self.channels == Channels::Mixed
            && let Some(resampler) = self.resamplers.first_mut()
        {
            self.mixer.finish(resampler.input());
        }
    }

    /// Gives the resamplers what was decoded.
    fn take(&mut self, samples: &[f32], channels: usize) -> Result<(), AudioError> {
        if self.channels == Channels::Mixed {
            if let Some(resampler) = self.resamplers.first_mut() {
                self.mixer.push(samples, channels, resampler.input());
            }
            return Ok(());
        }
        if self.resamplers.is_empty() && channels <= MOST_CHANNELS {
            let resamplers = (0..channels).map(|_| resampler(self.rate));
            self.resamplers = resamplers.collect::<Result<_, _>>()?;
            self.blocks = vec![Vec::new(); channels];
        }
        if self.resamplers.len() != channels {
            let what = if self.resamplers.is_empty() {
                format!("{channels} channels to be split, more than {MOST_CHANNELS}")
            } else {
                "channels to be split, the number of which changes".into()
            };
            return Err(AudioError::UnsupportedLayout { what });
        }
        for (channel, resampler) in self.resamplers.iter_mut().enumerate() {
            let own = samples.iter().skip(channel).step_by(channels);
            resampler.input().extend(own);
        }
        Ok(())
    }
}

fn resampler(rate: u32) -> Result<Resampler, AudioError> {
    Resampler::new(rate).map_err(|_| AudioError::UnsupportedLayout {
        what: format!("a sample rate of {rate} Hz"),
    })
}

/// A decoded recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The format of the file.
    pub format: Format,
    /// Samples of each channel, [`SAMPLE_RATE`] per second, each from −1 to 1; one channel unless they are split.
    /// There is at least one, all are equally long, and none is empty.
    pub channels: Vec<Vec<f32>>,
    /// When a player plays the first sample: a sound track may begin later than the film that it belongs to. To be
    /// added to all times of the recording.
    ///
    /// This is a number and not silence before the samples, because a recogniser may invent words in silence, and because a few
    /// bytes of a file can claim hours. More than a day counts as 0. A file whose tracks all begin a minute or more after zero
    /// is a part of something longer, such as a live stream; its times count from its own beginning.
    pub offset: Duration,
    /// What is missing from the file or damaged, in the order of time; the times are those of a player.
    pub warnings: Vec<Warning>,
}

impl Recording {
    /// The samples of the first channel: all of it, if the channels are mixed.
    pub fn samples(&self) -> &[f32] {
        self.channels.first().map_or(&[], Vec::as_slice)
    }

    /// The same, without a copy.
    pub fn into_samples(self) -> Vec<f32> {
        self.channels.into_iter().next().unwrap_or_default()
    }

    /// The duration of the sound, without the offset.
    pub fn duration(&self) -> Duration {
        duration(self.samples().len())
    }

    /// The duration of all channels together, to which the limit of [`decode`] applies.
    pub fn work(&self) -> Duration {
        duration(self.channels.iter().map(Vec::len).sum())
    }

    /// When it ends, as a player shows it.
    pub fn end(&self) -> Duration {
        self.offset.saturating_add(self.duration())
    }
}

fn duration(samples: usize) -> Duration {
    Duration::from_secs(samples as u64) / SAMPLE_RATE
}

/// Decodes the first second of a file, to find out quickly whether it is a recording. `pause` is awaited as by [`decode`].
///
/// # Errors
///
/// Any [`AudioError`] except [`AudioError::TooLong`].
pub async fn probe(
    bytes: impl Into<Bytes>,
    channels: Channels,
    mut pause: impl AsyncFnMut(),
) -> Result<(), AudioError> {
    let mut decoder = Decoder::open(bytes, channels)?;
    let mut given = 0;
    while given < SAMPLE_RATE as usize {
        let Some(blocks) = decoder.next_block()? else {
            break;
        };
        given += blocks.first().map_or(0, Vec::len);
        pause().await;
    }
    if given == 0 {
        return Err(AudioError::NoSamples);
    }
    Ok(())
}

/// Decodes a whole file of at most `limit`; with split channels, each counts. `pause` is awaited with the duration decoded so
/// far, after every 0.05 to 0.5 ms of work, depending on the codec; in WebAssembly twice that.
///
/// # Errors
///
/// Any [`AudioError`]. [`AudioError::TooLong`] as soon as the limit is reached.
pub async fn decode(
    bytes: impl Into<Bytes>,
    limit: Duration,
    channels: Channels,
    mut pause: impl AsyncFnMut(Duration),
) -> Result<Recording, AudioError> {
    let mut reader = Reader::open(bytes, limit, channels)?;
    let mut channels: Vec<Vec<f32>> = Vec::new();
    while let Some(blocks) = reader.read(&mut pause).await? {
        channels.resize_with(blocks.len(), Vec::new);
        for (channel, block) in channels.iter_mut().zip(blocks) {
            channel.extend_from_slice(block);
        }
    }
    let End {
        format,
        offset,
        warnings,
    } = reader.end()?;
    Ok(Recording {
        format,
        channels,
        offset,
        warnings,
    })
}
