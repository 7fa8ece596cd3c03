//! Fragments of a movie (ISO/IEC 14496-12, 8.8): where the samples of a track are in them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    atom::{atoms, child, u32_at, u64_at},
    samples::Sample,
};

/// Iterates over the fragments of a file.
#[derive(Debug)]
pub(super) struct Fragments {
    file: Bytes,
    track: u32,
    /// Where the next atom begins.
    at: usize,
    default_duration: u32,
    default_size: u32,
    runs: VecDeque<Run>,
    /// When the next sample is played.
    time: u64,
}

/// Samples that follow one another.
#[derive(Debug)]
struct Run {
    flags: u32,
    entries: Bytes,
    left: u32,
    offset: u64,
    duration: u32,
    size: u32,
    /// When the first is played, if it is stated.
    time: Option<u64>,
}

impl Fragments {
    pub(super) fn new(file: Bytes, movie: &[u8], track: u32) -> Self {
        let extends = child(movie, b"mvex").unwrap_or_default();
        let defaults = atoms(extends)
            .filter(|(kind, _)| *kind == b"trex")
            .map(|(_, content)| content)
            .find(|content| u32_at(content, 4) == Some(track));
        let default = |at| {
            defaults
                .and_then(|defaults| u32_at(defaults, at))
                .unwrap_or(0)
        };
        Self {
            default_duration: default(12),
            default_size: default(16),
            file,
            track,
            at: 0,
            runs: VecDeque::new(),
            time: 0,
        }
    }

    /// The next sample; none after the last. The time of the first must be known to tell when others are played.
    pub(super) fn next(&mut self) -> Option<Sample> {
        loop {
            if let Some(run) = self.runs.front_mut() {
                if let Some(time) = run.time.take() {
                    self.time = time;
                }
                if let Some(mut sample) = run.next() {
                    sample.time = self.time;
                    self.time = self.time.saturating_add(sample.duration);
                    return Some(sample);
                }
                let end = run.offset;
                self.runs.pop_front();
                // A run without an offset follows the one before it.
                if let Some(next) = self.runs.front_mut()
                    && next.offset == u64::MAX
                {
                    next.offset = end;
                }
                continue;
            }
            self.read_atom()?;
        }
    }

    /// Skips the rest of the run.
    pub(super) fn skip(&mut self) {
        self.runs.pop_front();
    }

    fn read_atom(&mut self) -> Option<()> {
        let file = self.file.clone();
        let rest = file.get(self.at..)?;
        let kind = rest.get(4..8)?;
        let known = [
            b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"sidx", b"mfra",
            b"emsg", b"prft", b"wide", b"meta", b"uuid", b"ssix", b"pdin", b"udta",
        ];
        if !known.iter().any(|known| kind == *known) {
            // The next fragment after the damage.
            let at = rest.windows(4).skip(5).position(|kind| kind == b"moof")?;
            self.at += 5 + at - 4;
            return Some(());
        }
        let length = super::atom::length(rest)?.max(8);
        if kind == b"moof" {
            let (_, content) = atoms(rest).next()?;
            self.read_fragment(self.at as u64, content);
        }
        self.at = self.at.saturating_add(length);
        Some(())
    }

    fn read_fragment(&mut self, start: u64, content: &[u8]) {
        let track = self.track;
        let tracks = atoms(content)
            .filter(|(kind, _)| *kind == b"traf")
            .map(|(_, content)| content);
        for fragment in tracks {
            let Some(header) = child(fragment, b"tfhd") else {
                continue;
            };
            if u32_at(header, 4) != Some(track) {
                continue;
            }
            let flags = u32_at(header, 0).unwrap_or(0);
            let mut at = 8;
            let mut base = start;
            if flags & 1 != 0 {
                base = u64_at(header, at).unwrap_or(start);
                at += 8;
            }
            at += if flags & 2 == 0 { 0 } else { 4 };
            let mut field = |flag: u32, default: u32| {
                if flags & flag == 0 {
                    return default;
                }
                at += 4;
                u32_at(header, at - 4).unwrap_or(default)
            };
            let duration = field(8, self.default_duration);
            let size = field(16, self.default_size);
            let mut time = child(fragment, b"tfdt").and_then(|time| match time.first()? {
                0 => u32_at(time, 4).map(u64::from),
                _ => u64_at(time, 4),
            });
            let runs = atoms(fragment)
                .filter(|(kind, _)| *kind == b"trun")
                .map(|(_, content)| content);
            let mut first = true;
            for run in runs {
                if let Some(mut run) = Run::read(&self.file, run, base, duration, size) {
                    if first && run.offset == u64::MAX {
                        run.offset = base;
                    }
                    first = false;
                    run.time = time.take();
                    self.runs.push_back(run);
                }
            }
        }
    }
}

impl Run {
    fn read(file: &Bytes, content: &[u8], base: u64, duration: u32, size: u32) -> Option<Self> {
        let flags = u32_at(content, 0)?;
        let left = u32_at(content, 4)?;
        let mut at = 8;
        let mut offset = u64::MAX;
        if flags & 1 != 0 {
            let relative = i64::from(u32_at(content, at)?.cast_signed());
            offset = base.checked_add_signed(relative)?;
            at += 4;
        }
        at += if flags & 4 == 0 { 0 } else { 4 };
        // Nothing is repeated for ever.
        if flags & 0x200 == 0 && size == 0 {
            return None;
        }
        Some(Self {
            flags,
            entries: file.slice_ref(content.get(at..)?),
            left,
            offset,
            duration,
            size,
            time: None,
        })
    }

    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        let flags = self.flags;
        let mut field = |flag: u32, default: u32| {
            if flags & flag == 0 {
                return Some(default);
            }
            let value = u32_at(&self.entries, 0)?;
            self.entries = self.entries.slice(4..);
            Some(value)
        };
        let duration = field(0x100, self.duration)?;
        let size = field(0x200, self.size)?;
        field(0x400, 0)?;
        field(0x800, 0)?;
        let sample = Sample {
            offset: self.offset,
            size: size.into(),
            time: 0,
            duration: duration.into(),
        };
        self.offset = self.offset.saturating_add(size.into());
        Some(sample)
    }
}
