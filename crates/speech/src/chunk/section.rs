//! Cuts a recording section by section, so that it need not be in memory as a whole.

use std::ops::Range;

use pacer::{Pacer, portion};

use super::level::{BLOCK, FRAME, Levels, Spread};
use super::{Chunk, SAMPLE_RATE, STEP};

/// Frames in a second.
const SECOND: usize = SAMPLE_RATE as usize / FRAME;
/// The least frames of a window: with fewer there would be no room for finding a pause.
const LEAST: usize = 8 * SECOND;
/// How far pieces extend beyond a cut within speech, on each side.
const OVERLAP: usize = SECOND;
/// Silence that is kept next to sound.
const MARGIN: usize = 3 * SECOND / 10;

/// Where pieces are cut, in frames.
#[derive(Clone, Debug)]
struct Lengths {
    /// A recording of at most this length stays whole.
    whole: usize,
    /// Where a pause is searched for first and, if there is none, second; from the last cut.
    windows: [Range<usize>; 2],
    /// Where speech without pauses is cut, from the last cut.
    forced: Range<usize>,
}

impl Lengths {
    /// For pieces of at most this many samples.
    fn new(maximum: usize) -> Self {
        let whole = (maximum / FRAME).saturating_sub(2 * OVERLAP).max(LEAST);
        let latest = whole * 9 / 10;
        Self {
            whole,
            windows: [whole / 2..latest, whole / 4..whole / 2],
            forced: latest - SECOND..latest,
        }
    }
}

/// Cuts the sections of a recording, one after the other.
///
/// A section begins where the unfinished piece at the end of the one before it begins: later samples may continue that piece.
#[derive(Clone, Debug)]
pub(super) struct Sections {
    lengths: Lengths,
    /// The samples of a section: whole blocks.
    length: usize,
    /// Where the next section begins, in samples.
    start: usize,
    /// How many frames of its beginning are also in the piece before it, after a cut within speech.
    overlap: usize,
    spread: Spread,
}

impl Sections {
    /// For pieces of at most `maximum` samples, and sections of `length` unless a piece may be nearly as long.
    pub(super) fn new(maximum: usize, length: usize) -> Self {
        let lengths = Lengths::new(maximum);
        let least = lengths.whole.div_ceil(BLOCK);
        Self {
            length: length.max(least.saturating_mul(2 * BLOCK * FRAME)),
            lengths,
            start: 0,
            overlap: 0,
            spread: Spread::EMPTY,
        }
    }

    /// Where the next section begins, in samples.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Gives the finished pieces of the next section, without the silence next to them. `rest` are the samples from its start
    /// on, as far as they are known, or all if it `is_end`. `None` if more are needed, or none are left.
    pub(super) async fn next(
        &mut self,
        rest: &[f32],
        is_end: bool,
        pacer: &mut Pacer<'_>,
    ) -> Option<Vec<Chunk>> {
        // At a section's length, the recording may be at its end.
        let is_last = rest.len() <= self.length;
        if rest.is_empty() || is_last && !is_end {
            return None;
        }
        let samples = rest.get(..self.length).unwrap_or(rest);
        let levels = Levels::measure(samples, pacer).await;
        self.spread = self.spread.with(&levels);
        let mut sounds = levels.sounds(self.spread.silence(), MARGIN);
        if let [first, .., last] = sounds.as_mut_slice()
            && self.start == 0
            && levels.len() <= self.lengths.whole
        {
            first.end = last.end;
            sounds.truncate(1);
        }
        let mut pieces = Vec::new();
        for sound in sounds {
            let start = sound.start.max(self.overlap);
            // With a louder section, what is in the piece before may have become silence.
            if start < sound.end {
                let overlap = start - sound.start;
                let sound = start..sound.end;
                cut(sound, overlap, &levels, &self.lengths, &mut pieces, pacer).await;
            }
        }
        let open = pieces.pop_if(|piece| !is_last && piece.range.end >= levels.len());
        let samples_of = |frames: Range<usize>| {
            let [start, end] = [frames.start, frames.end]
                .map(|frame| self.start + (frame * FRAME).min(samples.len()));
            start..end
        };
        let finished = pieces
            .into_iter()
            .map(|Chunk { range, keep }| Chunk {
                range: samples_of(range),
                keep: samples_of(keep),
            })
            .collect();
        self.overlap = 0;
        self.start += match open {
            _ if is_last => samples.len(),
            Some(open) => {
                self.overlap = open.keep.start - open.range.start;
                open.range.start * FRAME
            }
            // A sound that begins with the next section has its margin.
            None => (levels.len() - MARGIN) * FRAME,
        };
        Some(finished)
    }
}

/// Cuts frames that hold no long silence, the first piece with an `overlap` before them; `pieces` are in frames.
async fn cut(
    sound: Range<usize>,
    mut overlap: usize,
    levels: &Levels,
    lengths: &Lengths,
    pieces: &mut Vec<Chunk>,
    pacer: &mut Pacer<'_>,
) {
    let mut start = sound.start;
    let [first, _] = &lengths.windows;
    while sound.end - start > lengths.whole {
        pacer.tick((20 * first.end).min(portion(STEP))).await;
        let threshold = levels.pause_threshold(start..start + first.end);
        let pause = threshold.and_then(|threshold| {
            lengths.windows.iter().find_map(|window| {
                levels.longest_pause(start + window.start..start + window.end, threshold)
            })
        });
        let (end, next_overlap) = match pause {
            Some(pause) => (pause.start.midpoint(pause.end), 0),
            None => {
                let quietest =
                    levels.quietest(start + lengths.forced.start..start + lengths.forced.end);
                (quietest, OVERLAP)
            }
        };
        pieces.push(Chunk {
            range: start - overlap..end + next_overlap,
            keep: start..end,
        });
        (start, overlap) = (end, next_overlap);
    }
    pieces.push(Chunk {
        range: start - overlap..sound.end,
        keep: start..sound.end,
    });
}
