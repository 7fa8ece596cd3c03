//! Cuts a recording into pieces that fit the window of a model.

mod level;
mod section;

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};

use pacer::Pacer;
use serde::{Deserialize, Serialize};

use crate::Sound;
pub use crate::audio::SAMPLE_RATE;
use section::Sections;

/// A piece of a recording, in samples from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The samples to recognise, never empty.
    pub range: Range<usize>,
    /// The part whose words count. It includes silence next to `range` that is not recognised, and it is shorter where a cut
    /// is within speech and the pieces overlap.
    pub keep: Range<usize>,
}

/// What a step of an inner loop costs, in picoseconds; see [`mod@pacer`].
const STEP: usize = 5000;

/// The samples of a section: ten minutes.
const SECTION: usize = 600 * SAMPLE_RATE as usize;

/// Cuts a recording into pieces while its samples come in, section by section.
///
/// The pieces are those of [`chunks`], however the samples are divided. The samples of a section and of one piece before it
/// are in memory, and what was pushed since [`Cutter::next`] gave `None`.
#[derive(Clone, Debug)]
pub struct Cutter {
    sections: Sections,
    /// The samples from `begin` on: those of `cut`, and those that are not in a piece yet.
    pending: Vec<f32>,
    begin: usize,
    /// Pieces of the last section, without the silence next to them.
    cut: VecDeque<Chunk>,
    /// The piece before those. How much silence it keeps depends on the next.
    last: Option<(Chunk, Sound)>,
    has_ended: bool,
}

impl Cutter {
    /// For pieces of up to `maximum` samples.
    #[must_use]
    pub fn new(maximum: usize) -> Self {
        Self::with_section(maximum, SECTION)
    }

    fn with_section(maximum: usize, section: usize) -> Self {
        Self {
            sections: Sections::new(maximum, section),
            pending: Vec::new(),
            begin: 0,
            cut: VecDeque::new(),
            last: None,
            has_ended: false,
        }
    }

    /// Takes the next samples of the recording, mono at [`SAMPLE_RATE`].
    pub fn push(&mut self, samples: &[f32]) {
        self.pending.extend_from_slice(samples);
    }

    /// No more samples come.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// Gives the next piece and its samples; `None` when more samples are needed, or the recording has ended and all its
    /// pieces are given. `pause` is awaited between portions of the work.
    pub async fn next(&mut self, mut pause: impl AsyncFnMut()) -> Option<(Chunk, Sound)> {
        loop {
            while !self.cut.is_empty() {
                pause().await;
                let piece = self.cut.pop_front().and_then(|chunk| self.hold(chunk));
                if piece.is_some() {
                    return piece;
                }
            }
            self.pending.drain(..self.sections.start() - self.begin);
            self.begin = self.sections.start();
            let pieces = self
                .sections
                .next(&self.pending, self.has_ended, &mut pacer(&mut pause))
                .await;
            let Some(pieces) = pieces else { break };
            self.cut = pieces.into();
        }
        let (mut chunk, sound) = self.last.take_if(|_| self.has_ended)?;
        chunk.keep.end = self.begin;
        Some((chunk, sound))
    }

    /// Makes a piece the last one, and gives the one before it.
    fn hold(&mut self, mut chunk: Chunk) -> Option<(Chunk, Sound)> {
        share_silence(self.last.as_mut().map(|(last, _)| last), &mut chunk);
        let range = chunk.range.start - self.begin..chunk.range.end - self.begin;
        let sound = Sound::new(self.pending.get(range).unwrap_or_default());
        self.last.replace((chunk, sound))
    }
}

/// Cuts mono `samples` of [`SAMPLE_RATE`] into pieces of up to `maximum`; none if all are silent. The `keep` ranges cover
/// everything from the first sample to the last, without gaps.
///
/// A recording that is two seconds shorter than `maximum` stays whole. A longer one is cut in every silence of two seconds;
/// then long pieces are cut in the middle of the longest pause in their later half, or else in an earlier one. Speech without
/// pauses is cut where it is quietest, with a second of overlap on each side. Silence is left out if it is digital, or the
/// noise floor of a recording with much louder parts; possible faint speech is kept. The floor and the loud parts are those of
/// the sections of ten minutes up to the one that is cut.
pub async fn chunks(samples: &[f32], maximum: usize, pause: impl AsyncFnMut()) -> Vec<Chunk> {
    let mut pacer = pacer(pause);
    let mut sections = Sections::new(maximum, SECTION);
    let mut chunks: Vec<Chunk> = Vec::new();
    loop {
        let rest = samples.get(sections.start()..).unwrap_or_default();
        let Some(pieces) = sections.next(rest, true, &mut pacer).await else {
            break;
        };
        for mut chunk in pieces {
            share_silence(chunks.last_mut(), &mut chunk);
            chunks.push(chunk);
        }
    }
    if let Some(last) = chunks.last_mut() {
        last.keep.end = samples.len();
    }
    chunks
}

/// Extends the kept parts of consecutive pieces over the silence between them, half to each. The first piece keeps what is
/// before it.
fn share_silence(before: Option<&mut Chunk>, chunk: &mut Chunk) {
    chunk.keep.start = before.map_or(0, |before| {
        before.keep.end = before.keep.end.midpoint(chunk.keep.start);
        before.keep.end
    });
}

fn pacer<'a>(mut pause: impl AsyncFnMut() + 'a) -> Pacer<'a> {
    Pacer::new(STEP, async move || {
        pause().await;
        ControlFlow::Continue(())
    })
}

#[cfg(test)]
mod tests;
