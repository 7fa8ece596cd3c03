//! MP4, M4A and QuickTime files (ISO/IEC 14496-12): the samples of their audio track.
//!
//! Symphonia is not used: it takes the byte order of PCM and the rate of AAC from the wrong fields, and some errors in the
//! middle of a file end its decoding.

mod atom;
mod edit;
mod entry;
mod fragments;
mod samples;

use bytes::Bytes;

use super::{
    AudioError,
    durations::Durations,
    packets::{Extent, Opened, PAUSE, Packets, Piece, Step, late},
    warning::Note,
};
use atom::{atoms, child, u32_at};
use edit::Edit;
use entry::Entry;
use fragments::Fragments;
use samples::{Sample, Table};

/// Seconds by which time stamps may differ from the samples before them.
const TOLERANCE: f64 = 0.1;
/// Frames of PCM that are decoded at once.
const FRAMES: usize = 1024;
/// The largest sample in bytes, except of PCM.
const LARGEST: u64 = 2 << 20;

/// The least cost of a sample, in bytes of the reading budget.
const COST: u64 = 8;

/// The audio track of an MP4 file.
pub(super) struct Mp4 {
    file: Bytes,
    table: Table,
    fragments: Fragments,
    in_fragments: bool,
    durations: Durations,
    rate: u32,
    /// Of PCM: bytes of one sample of every channel, and what is left of the sample.
    frame: Option<usize>,
    rest: Bytes,
    /// Units of time in a second.
    scale: u32,
    /// When the first sample is played, in units of time.
    origin: Option<u64>,
    /// The same by the first fragment.
    first: f64,
    edit: Option<Edit>,
    /// Seconds from the first sample to the last that was read, and to where the next should begin.
    time: f64,
    expected: f64,
    /// When the next sample should be played, as the last says, in units of time.
    due: u64,
    /// The reading budget in bytes: samples may overlap, but not without limit.
    budget: u64,
    /// Seconds that are missing after what is left of the sample.
    cut: Option<f64>,
    /// Silence and a sample that follow this step.
    silence: Option<f64>,
    pending: Option<Sample>,
    ended: bool,
}

impl Mp4 {
    pub(super) fn open(file: Bytes) -> Result<Opened, AudioError> {
        let corrupt = |message: &str| AudioError::Corrupt {
            at: 0.0,
            message: message.into(),
        };
        // A length before it may be wrong.
        let found = child(&file, b"moov").or_else(|| atom::find(&file, b"moov"));
        let movie = found.ok_or_else(|| {
            corrupt("the index 'moov' is missing; where it is written last, the end of the file is lost")
        })?;
        let (trak, entry) = choose(movie)?;
        // Then samples are not where they should be, which only codecs notice.
        if entry.frame.is_some() && child(&file, b"moov").is_none() {
            return Err(corrupt("the lengths of the atoms are wrong"));
        }
        let media = child(trak, b"mdia").unwrap_or_default();
        let table = child(media, b"minf").and_then(|media| child(media, b"stbl"));
        let table = table.ok_or_else(|| corrupt("the audio track has no sample table"))?;
        let header = child(media, b"mdhd").unwrap_or_default();
        let long = |header: &[u8]| header.first() == Some(&1);
        let at = if long(header) { 20 } else { 12 };
        let scale = u32_at(header, at).filter(|&scale| scale > 0);
        let header = child(trak, b"tkhd").unwrap_or_default();
        let at = if long(header) { 20 } else { 12 };
        let track = u32_at(header, at).unwrap_or(0);
        let Entry {
            parameters,
            durations,
            rate,
            frame,
        } = entry;
        let mut mp4 = Self {
            table: Table::new(&file, table, frame),
            fragments: Fragments::new(file.clone(), movie, track),
            in_fragments: false,
            durations,
            rate: rate.max(1),
            frame,
            rest: Bytes::new(),
            scale: scale.unwrap_or(rate.max(1)),
            origin: None,
            first: 0.0,
            edit: edit::edit(movie, trak),
            time: 0.0,
            expected: 0.0,
            due: 0,
            budget: (file.len() as u64).saturating_mul(4),
            cut: None,
            silence: None,
            pending: None,
            ended: false,
            file,
        };
        let first = mp4.next_sample();
        mp4.origin = first.map(|sample| sample.time);
        if mp4.in_fragments {
            let first = mp4.seconds(mp4.origin.unwrap_or(0));
            mp4.first = late(first, first);
        }
        mp4.pending = first;
        Ok((Box::new(mp4), parameters))
    }

    fn next_sample(&mut self) -> Option<Sample> {
        if let Some(sample) = self.pending.take() {
            return Some(sample);
        }
        if !self.in_fragments {
            if let Some(sample) = self.table.next() {
                return Some(sample);
            }
            self.in_fragments = true;
        }
        self.fragments.next()
    }

    fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.scale)
    }

    fn sample(&mut self, sample: Sample) -> Step {
        let duration = self.seconds(sample.duration);
        let from = usize::try_from(sample.offset).unwrap_or(usize::MAX);
        let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
        let mut there = self.file.len().saturating_sub(from).min(size);
        if let Some(frame) = self.frame {
            there -= there % frame.max(1);
        } else if sample.size > LARGEST {
            let message = format!("a packet has {} bytes", sample.size);
            return Step::Note(Note::damaged(message).lasting(duration));
        } else if there < size {
            there = 0;
        }
        if size == 0 {
            return Step::Other;
        }
        if there == 0 {
            let rest = if self.in_fragments {
                duration
            } else {
                duration + self.seconds(self.table.rest())
            };
            let note = Note::truncated("the file ends before its samples do").lasting(rest);
            // What follows in the same place is further behind the end of the file; what is elsewhere may not be.
            if self.in_fragments {
                self.fragments.skip();
                return Step::Note(note);
            }
            self.table.skip();
            while let Some(sample) = self.table.next() {
                if sample.offset.saturating_add(sample.size) <= self.file.len() as u64 {
                    self.pending = Some(sample);
                    let note = Note::missing("samples are missing").lasting(duration);
                    return Step::Note(note);
                }
                self.table.skip();
            }
            return Step::Note(note);
        }
        let cost = (there as u64).max(COST);
        if self.budget < cost {
            self.ended = true;
            return Step::Note(Note::contradiction("the samples overlap"));
        }
        let time = self.seconds(sample.time.saturating_sub(self.origin.unwrap_or(0)));
        let gap = time - self.expected;
        if gap > TOLERANCE {
            self.expected = time;
            self.pending = Some(sample);
            if gap > PAUSE {
                let message = format!("the time stamps jump by {gap:.2} s, which is ignored");
                return Step::Note(Note::contradiction(message));
            }
            // A sample may last longer than its sound; else a fragment is lost.
            if self.due == sample.time {
                return Step::Silence(gap);
            }
            self.silence = Some(gap);
            return Step::Note(Note::missing("a fragment is missing").lasting(gap));
        }
        self.due = sample.time.saturating_add(sample.duration);
        if gap < -TOLERANCE {
            self.expected = time;
        }
        self.time = time;
        self.budget -= cost;
        let data = self.file.slice(from..from + there);
        if self.frame.is_some() {
            self.rest = data;
            return self.frames(there < size, duration);
        }
        let units = self.durations.of(&data);
        let seconds = units.map_or(duration, |units| units as f64 / f64::from(self.rate));
        self.expected += seconds;
        // Opus takes anything for sound, but its packets say how long they are.
        let last = !self.in_fragments && self.table.rest() == 0;
        if matches!(self.durations, Durations::Opus) && !last && seconds > 1.5 * duration {
            let note = Note::damaged("a packet is not what the index says");
            self.expected += duration - seconds;
            self.silence = Some(duration);
            return Step::Note(note.lasting(duration));
        }
        Step::Packet(Piece {
            seconds: Some(seconds),
            ..Piece::new(data)
        })
    }

    /// Some frames of a piece of PCM, which may be cut.
    fn frames(&mut self, cut: bool, duration: f64) -> Step {
        if cut {
            let there = self.rest.len() / self.frame.unwrap_or(1).max(1);
            let seconds = duration - there as f64 / f64::from(self.rate);
            let rest = seconds + self.seconds(self.table.rest());
            self.table = Table::default();
            self.cut = Some(rest);
        }
        let length = (FRAMES * self.frame.unwrap_or(1)).min(self.rest.len());
        let data = self.rest.split_to(length);
        let units = self.durations.of(&data).unwrap_or(0);
        let seconds = units as f64 / f64::from(self.rate);
        self.expected += seconds;
        Step::Packet(Piece {
            seconds: Some(seconds),
            ..Piece::new(data)
        })
    }
}

impl Packets for Mp4 {
    fn next(&mut self) -> Step {
        if !self.rest.is_empty() {
            self.time = self.expected;
            return self.frames(false, 0.0);
        }
        if let Some(seconds) = self.silence.take() {
            return Step::Silence(seconds);
        }
        if let Some(rest) = self.cut.take() {
            let note = Note::truncated("the file ends before its samples do");
            return Step::Note(note.lasting(rest));
        }
        if self.ended {
            return Step::End;
        }
        match self.next_sample() {
            Some(sample) => self.sample(sample),
            None => {
                self.ended = true;
                Step::Other
            }
        }
    }

    fn extent(&self, rate: u32) -> Extent {
        let Some(edit) = self.edit else {
            return Extent::default();
        };
        let frames = |seconds: f64| (seconds * f64::from(rate)).round() as u64;
        Extent {
            // What lies before the edit is not played.
            delay: Some(frames(self.seconds(edit.start) - self.first)),
            most: edit.seconds.map(frames),
        }
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn start(&self, skipped: f64) -> f64 {
        let shift = match self.edit {
            Some(edit) => edit.pause + self.first - self.seconds(edit.start),
            None => self.first,
        };
        shift + self.time + skipped
    }
}

/// The audio track to decode: the first whose codec is decoded here.
fn choose(movie: &[u8]) -> Result<(&[u8], Entry), AudioError> {
    let mut refused = None;
    for (kind, trak) in atoms(movie) {
        if kind != b"trak" {
            continue;
        }
        let media = child(trak, b"mdia").unwrap_or_default();
        let handler = child(media, b"hdlr").and_then(|handler| handler.get(8..12));
        if handler != Some(b"soun") {
            continue;
        }
        let table = child(media, b"minf").and_then(|media| child(media, b"stbl"));
        let description = table.and_then(|table| child(table, b"stsd"));
        match Entry::read(description.unwrap_or_default()) {
            Ok(entry) => return Ok((trak, entry)),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    Err(refused.unwrap_or(AudioError::NoAudioTrack { container: "MP4" }))
}
