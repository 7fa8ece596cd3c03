//! Decodes a file to samples of its channels, at the rate of the file.

use std::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;

use super::{
    AudioError, Format,
    adts::Adts,
    codec::Codec,
    fault::Fault,
    flac::Flac,
    matroska::Matroska,
    mp3::Mp3,
    mp4::Mp4,
    ogg::Ogg,
    packets::{Packets, Piece, Step},
    warning::{Note, Warning, Warnings},
    wav::Wav,
};

/// Plausible starts, in seconds: earlier ones come from rounding to milliseconds, and no player waits for longer than a day.
const STARTS: RangeInclusive<f64> = 0.002..=86_400.0;
/// Packets after a damaged one that are discarded if only the decoder can distinguish sound from junk.
const DOUBT: u32 = 3;
/// The most frames of silence given at once.
const SILENCE: u64 = 1024;

/// Decodes the audio track of a file, packet by packet.
///
/// What is missing or damaged becomes a warning, and silence if its length is known. Silence is output only before sound, so
/// that a recording does not end with it.
pub(super) struct Source {
    packets: Box<dyn Packets>,
    codec: Codec,
    rate: u32,
    /// Frames still to be dropped, and those after which padding follows.
    delay: u64,
    most: Option<u64>,
    /// When the first frame is played, in seconds.
    start: f64,
    /// Frames given so far at this rate, and the seconds before those.
    given: u64,
    before: f64,
    /// Frames of silence to be given before the frames that are held.
    silence: u64,
    held: Option<Held>,
    interleaved: Vec<f32>,
    /// Channels of the last packet, and its frames.
    channels: usize,
    last: u64,
    /// Whether any packet was decoded.
    heard: bool,
    /// Whether what follows cannot be decoded until the next restart.
    deaf: bool,
    /// Packets that are still discarded.
    doubt: u32,
    warnings: Warnings,
}

/// Samples that are decoded but not yet given.
struct Held {
    first: usize,
    end: usize,
}

/// Decoded frames, one sample of each channel after the other, each from −1 to 1.
pub(super) struct Frames<'a> {
    pub(super) samples: &'a [f32],
    pub(super) channels: usize,
    /// Frames per second.
    pub(super) rate: u32,
}

impl Source {
    pub(super) fn open(format: Format, bytes: Bytes) -> Result<Self, AudioError> {
        let (packets, parameters) = match format {
            Format::Wav => Wav::open(&bytes)?,
            Format::Adts => Adts::open(bytes)?,
            Format::Ogg => Ogg::open(bytes)?,
            Format::Mp3 => Mp3::open(bytes)?,
            Format::Flac => Flac::open(bytes)?,
            Format::Mp4 => Mp4::open(bytes)?,
            Format::Matroska => Matroska::open(bytes)?,
        };
        let codec = Codec::open(&parameters)?;
        let rate = codec.rate()?;
        let extent = packets.extent(rate);
        Ok(Self {
            packets,
            rate,
            delay: extent.delay.unwrap_or(codec.delay()),
            most: extent.most,
            codec,
            start: 0.0,
            given: 0,
            before: 0.0,
            silence: 0,
            held: None,
            interleaved: Vec::new(),
            channels: 1,
            last: 0,
            heard: false,
            deaf: false,
            doubt: 0,
            warnings: Warnings::default(),
        })
    }

    /// Samples per second, of what comes next.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// When the sound begins, as far as the container says so. Known once the first frames have been decoded.
    pub(super) fn offset(&self) -> Duration {
        if STARTS.contains(&self.start) {
            Duration::from_secs_f64(self.start)
        } else {
            Duration::ZERO
        }
    }

    /// What was wrong so far; the times count from the first frame.
    pub(super) fn warnings(&self) -> &[Warning] {
        self.warnings.list()
    }

    /// Decodes a packet, which may have no frames; `None` after the last.
    ///
    /// # Errors
    /// At the end, if nothing at all could be decoded, the first fault.
    pub(super) fn next(&mut self) -> Result<Option<Frames<'_>>, AudioError> {
        if self.held.is_none() {
            match self.packets.next() {
                Step::Packet(piece) if !self.deaf => self.decode(&piece),
                Step::Packet(_) | Step::Other => {}
                // A gap before the first frame is an offset, not silence.
                Step::Silence(_)
                    if self.given == 0 && self.before == 0.0 && self.packets.is_timed() => {}
                Step::Silence(seconds) => self.be_silent(self.frames(seconds)),
                Step::Note(note) => self.warn(note),
                Step::Restart(parameters) => {
                    self.deaf = false;
                    let codec =
                        Codec::open(&parameters).and_then(|codec| Ok((codec.rate()?, codec)));
                    match codec {
                        Ok((rate, codec)) => self.restart(codec, rate),
                        Err(error) => {
                            self.deaf = true;
                            self.warn(Note::damaged(error.to_string()));
                        }
                    }
                }
                Step::End => {
                    return match self.warnings.first() {
                        Some(warning) if !self.heard => Err(AudioError::Corrupt {
                            at: warning.at,
                            message: warning.message.clone(),
                        }),
                        _ => Ok(None),
                    };
                }
            }
        }
        Ok(Some(self.give()))
    }

    /// The next frames of what is held.
    fn give(&mut self) -> Frames<'_> {
        let (channels, rate) = (self.channels, self.rate);
        let samples = if self.held.is_some() && self.silence > 0 {
            let frames = self.silence.min(SILENCE);
            self.silence -= frames;
            self.given += frames;
            static NOTHING: [f32; SILENCE as usize * 32] = [0.0; SILENCE as usize * 32];
            NOTHING.get(..frames as usize * channels).unwrap_or(&[])
        } else if let Some(Held { first, end }) = self.held.take() {
            self.given += ((end - first) / channels) as u64;
            self.interleaved.get(first..end).unwrap_or_default()
        } else {
            &[]
        };
        Frames {
            samples,
            channels,
            rate,
        }
    }

    fn decode(&mut self, piece: &Piece) {
        self.interleaved.clear();
        let decoded = self.codec.decode(&piece.data, &mut self.interleaved);
        let decoded = match decoded {
            Ok(_) if self.doubt > 0 => {
                self.doubt -= 1;
                Err(Fault::Corrupt("one before it is broken".into()))
            }
            Err(fault) => {
                // Before any sound, a damaged packet does not make the next suspicious.
                if self.heard && self.codec.hears_junk() {
                    self.doubt = DOUBT;
                }
                Err(fault)
            }
            decoded => decoded,
        };
        let layout = match decoded {
            Ok(layout) => layout,
            Err(fault) => {
                let frames = piece.seconds.map_or(self.last, |s| self.frames(s));
                let seconds = frames as f64 / f64::from(self.rate);
                self.warn(
                    Note::damaged(format!("a packet cannot be decoded: {}", fault.message()))
                        .lasting(seconds),
                );
                // A part of the delay may be broken.
                let lost = frames.min(self.delay);
                self.delay -= lost;
                self.be_silent(frames - lost);
                return;
            }
        };
        self.heard = true;
        if layout.rate != self.rate {
            self.change_rate(layout.rate);
        }
        self.channels = layout.channels;
        let mut frames = (self.interleaved.len() / layout.channels) as u64;
        self.last = frames;
        frames = frames.saturating_sub(self.frames(piece.excess));
        let skipped = self.delay.min(frames);
        self.delay -= skipped;
        let room = self.most.map_or(u64::MAX, |most| {
            most.saturating_sub(self.given + self.silence)
        });
        let kept = (frames - skipped).min(room);
        if kept == 0 {
            return;
        }
        if self.given == 0 && self.before == 0.0 {
            let start = self.packets.start(self.seconds(skipped));
            self.start = start - self.seconds(self.silence);
        }
        let first = skipped as usize * layout.channels;
        let end = first + kept as usize * layout.channels;
        for sample in self.interleaved.get_mut(first..end).unwrap_or_default() {
            *sample = bounded(*sample);
        }
        self.held = Some(Held { first, end });
    }

    /// Continues with another decoder.
    fn restart(&mut self, codec: Codec, rate: u32) {
        if matches!(codec, Codec::Opus(_)) {
            self.delay = codec.delay();
        }
        self.codec = codec;
        if rate != self.rate {
            self.change_rate(rate);
        }
    }

    fn change_rate(&mut self, rate: u32) {
        let silence = self.seconds(self.silence);
        self.before += self.seconds(self.given);
        (self.given, self.most, self.rate) = (0, None, rate);
        self.silence = self.frames(silence);
    }

    fn be_silent(&mut self, frames: u64) {
        self.silence = self.silence.saturating_add(frames);
    }

    fn warn(&mut self, note: Note) {
        let at = self.before + self.seconds(self.given.saturating_add(self.silence));
        self.warnings.push(note, at);
    }

    fn seconds(&self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.rate)
    }

    fn frames(&self, seconds: f64) -> u64 {
        (seconds * f64::from(self.rate)).round() as u64
    }
}

/// A sample within −1 to 1; NaN is silence.
fn bounded(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}
