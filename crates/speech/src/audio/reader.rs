//! Containers, read by symphonia: their audio track and its packets.

use std::io::Cursor;

use bytes::Bytes;
use symphonia::{
    core::{
        codecs::{CodecParameters, audio::AudioCodecParameters},
        errors::Error,
        formats::{FormatOptions, FormatReader, Track, TrackType},
        io::MediaSourceStream,
        packet::Packet,
        units::{Duration, TimeBase, Timestamp},
    },
    default::formats::{FlacReader, IsoMp4Reader, MkvReader, MpaReader},
};

use super::{AudioError, Format, codec::seconds, fault::Fault, matroska, mp4, mpeg};

/// Seconds by which time stamps may disagree with the packets before them.
const TOLERANCE: f64 = 0.02;
/// The largest packet in bytes. The largest that codecs make are frames of FLAC with many channels.
const LARGEST: usize = 2 << 20;
/// Frames that an MP3 encoder and decoder put in front: 576 of the one, 529 of the other.
const MP3_DELAY: u64 = 576 + 529;

/// A file that begins this many seconds after zero was cut out of something longer, by whose clock it goes on.
const CLOCK: f64 = 60.0;

/// A demultiplexer and the one track of it that is decoded.
pub(super) struct Reader {
    inner: Box<dyn FormatReader>,
    format: Format,
    track: u32,
    time_base: Option<TimeBase>,
    /// Where the next packet should begin.
    expected: Option<Timestamp>,
    /// Seconds at which the last packet of the track begins, and the earliest of any until then.
    time: f64,
    earliest: f64,
    /// The file, and how much of it packets have been found in.
    bytes: Bytes,
    found: usize,
}

/// Which of the decoded frames are the recording.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    /// Frames before it, where the container knows.
    pub(super) delay: Option<u64>,
    /// Frames after which padding follows.
    pub(super) most: Option<u64>,
    /// Frames that the header promises.
    pub(super) least: Option<u64>,
    /// Seconds to be added to the times of packets, as the header says.
    pub(super) shift: f64,
}

/// What the demultiplexer came upon.
pub(super) enum Step {
    Packet(Packet),
    /// Something of another track.
    Other,
    End,
}

impl Reader {
    pub(super) fn open(format: Format, bytes: Bytes) -> Result<Self, AudioError> {
        let source =
            MediaSourceStream::new(Box::new(Cursor::new(bytes.clone())), Default::default());
        let options = FormatOptions::default();
        let inner = match format {
            Format::Flac => FlacReader::try_new(source, options).map(boxed),
            Format::Mp4 => IsoMp4Reader::try_new(source, options).map(boxed),
            Format::Matroska => MkvReader::try_new(source, options).map(boxed),
            _ => MpaReader::try_new(source, options).map(boxed),
        };
        Ok(Self {
            inner: inner.map_err(|error: Error| Fault::from(error).at(0.0))?,
            format,
            track: 0,
            time_base: None,
            expected: None,
            time: 0.0,
            earliest: f64::INFINITY,
            bytes,
            found: 0,
        })
    }

    /// Chooses the track to decode.
    pub(super) fn select(&mut self) -> Result<AudioCodecParameters, AudioError> {
        let container = match self.format {
            Format::Mp4 => "MP4",
            Format::Matroska => "Matroska",
            _ => "audio",
        };
        let audio = |track: &&Track| track.track_type() == Some(TrackType::Audio);
        let track = self
            .inner
            .default_track(TrackType::Audio)
            .or_else(|| self.inner.tracks().iter().find(audio))
            .ok_or(AudioError::NoAudioTrack { container })?;
        self.track = track.id;
        self.time_base = track.time_base;
        self.expected = None;
        match &track.codec_params {
            Some(CodecParameters::Audio(parameters)) => Ok(parameters.clone()),
            _ => Err(AudioError::NoAudioTrack { container }),
        }
    }

    /// Units of the packets' times.
    pub(super) fn time_base(&self) -> Option<TimeBase> {
        self.time_base
    }

    /// Which frames are the recording, decoded at `rate` Hz.
    pub(super) fn extent(&self, rate: u32) -> Extent {
        let Some(track) = self
            .inner
            .tracks()
            .iter()
            .find(|track| track.id == self.track)
        else {
            return Extent::default();
        };
        match self.format {
            Format::Flac => Extent {
                least: track.num_frames.filter(|&frames| frames > 0),
                ..Extent::default()
            },
            Format::Mp3 => {
                // Only with an encoder's tag are these no guesses.
                let (Some(delay), Some(padding), Some(frames)) =
                    (track.delay, track.padding, track.num_frames)
                else {
                    return Extent {
                        delay: Some(MP3_DELAY),
                        ..Extent::default()
                    };
                };
                let whole = if rate < 32_000 { 576 } else { 1152 };
                let promised = frames + u64::from(delay) + u64::from(padding);
                // The tag's own frame is not counted. More frames than it says come from files put together.
                let present = mpeg::count(&self.bytes).map(|count| count.saturating_sub(1) as u64);
                Extent {
                    delay: Some(delay.into()),
                    most: present
                        .is_some_and(|present| present * whole <= promised)
                        .then_some(frames),
                    least: Some(frames),
                    shift: 0.0,
                }
            }
            Format::Mp4 => {
                let Some(base) = self.time_base else {
                    return Extent::default();
                };
                let seconds = |ticks| seconds(Duration::new(ticks), base);
                let first = mp4::first(&self.bytes, self.track).map_or(0.0, seconds);
                let first = late(first, first);
                let Some(edit) = mp4::edit(&self.bytes, self.track) else {
                    return Extent {
                        shift: first,
                        ..Extent::default()
                    };
                };
                let start = seconds(edit.start);
                let frames = |seconds: f64| (seconds * f64::from(rate)).round() as u64;
                Extent {
                    // What lies before the edit is not played.
                    delay: Some(frames(start - first)),
                    most: edit.seconds.map(frames),
                    shift: edit.pause + first - start,
                    least: None,
                }
            }
            _ => Extent::default(),
        }
    }

    /// When the last packet is played, in seconds, as far as it says so and not the header; none where packets have no
    /// times.
    pub(super) fn time(&self) -> Option<f64> {
        self.timed().then(|| late(self.time, self.earliest))
    }

    fn timed(&self) -> bool {
        matches!(self.format, Format::Matroska | Format::Mp4)
    }

    pub(super) fn next(&mut self) -> Result<Step, Fault> {
        let packet = match self.inner.next_packet() {
            Err(Error::IoError(_))
                if self.format == Format::Matroska && matroska::live(&self.bytes) =>
            {
                return Ok(Step::End);
            }
            packet => packet?,
        };
        let packet = match packet {
            None if self.format == Format::Mp4 && mp4::cut(&self.bytes) => {
                return Err(Fault::Corrupt("the file ends within an atom".into()));
            }
            None => return Ok(Step::End),
            Some(packet) => packet,
        };
        if self.timed() {
            self.note(&packet);
        }
        if packet.track_id != self.track {
            return Ok(Step::Other);
        }
        if packet.data.len() > LARGEST {
            return Err(Fault::Corrupt(format!(
                "a packet has {} bytes",
                packet.data.len()
            )));
        }
        match self.format {
            Format::Flac => self.check_time(&packet)?,
            Format::Mp3 => self.check_place(&packet)?,
            _ => {}
        }
        Ok(Step::Packet(packet))
    }

    /// Notes when a packet begins.
    fn note(&mut self, packet: &Packet) {
        let tracks = self.inner.tracks();
        let track = tracks.iter().find(|track| track.id == packet.track_id);
        let Some(base) = track.and_then(|track| track.time_base) else {
            return;
        };
        let time = base.calc_time_saturating(packet.pts).as_secs_f64();
        self.earliest = self.earliest.min(time);
        if packet.track_id == self.track {
            self.time = time;
        }
    }

    /// The demultiplexer passes over damaged frames; the time stamps after them give that away.
    fn check_time(&mut self, packet: &Packet) -> Result<(), Fault> {
        if let (Some(expected), Some(base)) = (self.expected, self.time_base) {
            let gap = seconds(packet.pts.abs_delta(expected), base);
            if gap > TOLERANCE {
                return Err(Fault::Corrupt(format!("{gap:.2} s of audio are missing")));
            }
        }
        self.expected = packet.pts.checked_add(packet.block_dur());
        Ok(())
    }

    /// MP3 has no time stamps, but its packets are whole frames, which follow one another in the file.
    fn check_place(&mut self, packet: &Packet) -> Result<(), Fault> {
        let rest = self.bytes.get(self.found..).unwrap_or_default();
        let length = packet.data.len().max(1);
        let Some(gap) = rest
            .windows(length)
            .position(|frame| *frame == *packet.data)
        else {
            self.found = self.bytes.len();
            return Ok(());
        };
        let between = rest.get(..gap).unwrap_or_default();
        // Between files that were put together there are tags, and frames that have none but a header's data.
        let known = [&b"TAG"[..], b"ID3", b"APETAGEX"]
            .iter()
            .any(|tag| between.starts_with(tag))
            || mpeg::header(between).is_some_and(|(_, length)| length == gap);
        let first = self.found == 0;
        self.found += gap + length;
        if gap > 0 && !first && !known {
            return Err(Fault::Corrupt(format!("{gap} bytes are no MP3 frames")));
        }
        Ok(())
    }
}

/// The start in seconds of a track in a file whose earliest one begins at `earliest`.
pub(super) fn late(start: f64, earliest: f64) -> f64 {
    if earliest < CLOCK {
        start
    } else {
        start - earliest
    }
}

fn boxed<R: FormatReader + 'static>(reader: R) -> Box<dyn FormatReader> {
    Box::new(reader)
}
