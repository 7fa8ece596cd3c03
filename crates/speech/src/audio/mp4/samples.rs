//! The sample table of a track (ISO/IEC 14496-12, 8.6 and 8.7): where its samples are in the file.

use bytes::Bytes;

use super::atom::{child, u16_at, u32_at, u64_at};

/// A piece of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) size: u64,
    /// When it is played and for how long, in units of the track's time scale.
    pub(super) time: u64,
    pub(super) duration: u64,
}

/// Iterates over a sample table.
#[derive(Debug, Default)]
pub(super) struct Table {
    sizes: Sizes,
    count: u32,
    chunks: Bytes,
    offsets: Bytes,
    wide: bool,
    times: Bytes,
    /// Of PCM: bytes of one sample of every channel. A whole chunk is one piece then.
    frame: Option<u64>,
    sample: u32,
    chunk: u32,
    /// The current entry of `chunks`, and the samples left in the chunk.
    entry: usize,
    left: u32,
    offset: u64,
    time: u64,
    /// Units of time of all samples.
    total: u64,
    /// The current entry of `times`, and the samples left in it.
    run: usize,
    run_left: u32,
}

#[derive(Debug, Default)]
enum Sizes {
    #[default]
    None,
    Fixed(u32),
    /// Bits of each, and all of them.
    Each(u32, Bytes),
}

impl Table {
    /// From `stbl`, which is in `file`.
    pub(super) fn new(file: &Bytes, stbl: &[u8], frame: Option<usize>) -> Self {
        let list = |kind: &[u8; 4]| {
            let content = child(stbl, kind).and_then(|content| content.get(8..));
            file.slice_ref(content.unwrap_or_default())
        };
        let mut table = Self {
            chunks: list(b"stsc"),
            times: list(b"stts"),
            offsets: list(b"stco"),
            frame: frame.map(|frame| frame as u64),
            ..Self::default()
        };
        if table.offsets.is_empty() {
            table.offsets = list(b"co64");
            table.wide = true;
        }
        if let Some(sizes) = child(stbl, b"stsz") {
            table.count = u32_at(sizes, 8).unwrap_or(0);
            table.sizes = match u32_at(sizes, 4) {
                Some(0) => Sizes::Each(32, file.slice_ref(sizes.get(12..).unwrap_or_default())),
                Some(size) => Sizes::Fixed(size),
                None => Sizes::None,
            };
        } else if let Some(sizes) = child(stbl, b"stz2") {
            table.count = u32_at(sizes, 8).unwrap_or(0);
            let bits = u32_at(sizes, 4).unwrap_or(0) & 0xFF;
            table.sizes = Sizes::Each(bits, file.slice_ref(sizes.get(12..).unwrap_or_default()));
        }
        table.total = table.duration();
        table
    }

    /// Units of time of all samples from here on.
    pub(super) fn rest(&self) -> u64 {
        self.total.saturating_sub(self.time)
    }

    fn duration(&self) -> u64 {
        let runs = self.times.chunks_exact(8);
        runs.map(|run| {
            u64::from(u32_at(run, 0).unwrap_or(0)) * u64::from(u32_at(run, 4).unwrap_or(0))
        })
        .fold(0, u64::saturating_add)
    }

    pub(super) fn next(&mut self) -> Option<Sample> {
        if self.sample >= self.count {
            return None;
        }
        while self.left == 0 {
            self.next_chunk()?;
        }
        if let Some(frame) = self.frame {
            return self.next_run(frame);
        }
        let size = self.size(self.sample)?;
        Some(self.take(1, size))
    }

    /// Skips the rest of the chunk.
    pub(super) fn skip(&mut self) {
        let left = self.left.min(self.count.saturating_sub(self.sample));
        self.take(left, 0);
        self.left = 0;
    }

    /// Samples of PCM, all that are left in the chunk.
    fn next_run(&mut self, frame: u64) -> Option<Sample> {
        let samples = self.left.min(self.count - self.sample);
        let size = match self.sizes {
            // QuickTime says 1 of what has more bytes.
            Sizes::Fixed(size) => u64::from(samples) * u64::from(size).max(frame),
            _ => {
                let size = self.size(self.sample)?;
                return Some(self.take(1, size));
            }
        };
        Some(self.take(samples, size))
    }

    fn take(&mut self, samples: u32, size: u64) -> Sample {
        let time = self.time;
        let mut left = samples;
        let mut duration = 0u64;
        while left > 0 {
            if self.run_left == 0 {
                let run = self.times.get(8 * self.run..).unwrap_or_default();
                let Some(count) = u32_at(run, 0) else { break };
                self.run_left = count;
                self.run += 1;
                continue;
            }
            let run = self.times.get(8 * (self.run - 1)..).unwrap_or_default();
            let part = left.min(self.run_left);
            duration =
                duration.saturating_add(u64::from(part) * u64::from(u32_at(run, 4).unwrap_or(0)));
            self.run_left -= part;
            left -= part;
        }
        let sample = Sample {
            offset: self.offset,
            size,
            time,
            duration,
        };
        self.time = self.time.saturating_add(duration);
        self.offset = self.offset.saturating_add(size);
        self.sample += samples;
        self.left -= samples.min(self.left);
        sample
    }

    fn next_chunk(&mut self) -> Option<()> {
        let first = |entry: usize| u32_at(&self.chunks, 12 * entry);
        self.chunk += 1;
        let entry = match first(self.entry + 1) {
            Some(first) if first <= self.chunk => self.entry + 1,
            _ => self.entry,
        };
        self.left = u32_at(&self.chunks, 12 * entry + 4)?;
        self.entry = entry;
        let index = self.chunk as usize - 1;
        self.offset = if self.wide {
            u64_at(&self.offsets, 8 * index)?
        } else {
            u32_at(&self.offsets, 4 * index)?.into()
        };
        Some(())
    }

    fn size(&self, sample: u32) -> Option<u64> {
        let index = sample as usize;
        match &self.sizes {
            Sizes::None => None,
            Sizes::Fixed(size) => Some(u64::from(*size)),
            Sizes::Each(32, all) => u32_at(all, 4 * index).map(u64::from),
            Sizes::Each(16, all) => u16_at(all, 2 * index).map(u64::from),
            Sizes::Each(8, all) => all.get(index).map(|&size| size.into()),
            Sizes::Each(_, all) => {
                let both = all.get(index / 2)?;
                Some(u64::from(both >> (4 - 4 * (index % 2)) & 15))
            }
        }
    }
}
