//! Cuts a recording into pieces that fit the window of a model.

mod level;

use std::ops::{ControlFlow, Range};

pub use crate::audio::SAMPLE_RATE;
use level::{FRAME, Levels};
use pacer::{Pacer, portion};
use serde::{Deserialize, Serialize};

/// A piece of a recording, in samples from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The samples to recognise, never empty.
    pub range: Range<usize>,
    /// The part whose words count. It includes silence next to `range` that is not recognised, and it is shorter where a cut
    /// is within speech and the pieces overlap.
    pub keep: Range<usize>,
}

/// Frames in a second.
const SECOND: usize = SAMPLE_RATE as usize / FRAME;
/// The least frames of a window: with fewer there would be no room for finding a pause.
const LEAST: usize = 8 * SECOND;
/// How far pieces extend beyond a cut within speech, on each side.
const OVERLAP: usize = SECOND;
/// Silence that is kept next to sound.
const MARGIN: usize = 3 * SECOND / 10;

/// What a step of an inner loop costs, in picoseconds; see [`pacer`].
const STEP: usize = 5000;

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

/// Cuts mono `samples` of [`SAMPLE_RATE`] into pieces of up to `maximum`; none if all are silent. The `keep` ranges cover
/// everything from the first sample to the last, without gaps.
///
/// A recording that is two seconds shorter than `maximum` stays whole. A longer one is cut in every silence of two seconds;
/// then long pieces are cut in the middle of the longest pause in their later half, or else in an earlier one. Speech without
/// pauses is cut where it is quietest, with a second of overlap on each side. Silence is left out if it is digital, or the
/// noise floor of a recording with much louder parts; possible faint speech is kept.
pub async fn chunks(samples: &[f32], maximum: usize, mut pause: impl AsyncFnMut()) -> Vec<Chunk> {
    let lengths = Lengths::new(maximum);
    let mut pacer = Pacer::new(STEP, async || {
        pause().await;
        ControlFlow::Continue(())
    });
    let levels = Levels::measure(samples, &mut pacer).await;
    let mut sounds = levels.sounds(MARGIN);
    if let [first, .., last] = sounds.as_mut_slice()
        && levels.len() <= lengths.whole
    {
        first.end = last.end;
        sounds.truncate(1);
    }
    let mut pieces = Vec::new();
    for sound in sounds {
        cut(sound, &levels, &lengths, &mut pieces, &mut pacer).await;
    }
    share_silence(&mut pieces, levels.len());
    let samples_of = |frames: Range<usize>| {
        let [start, end] =
            [frames.start, frames.end].map(|frame| (frame * FRAME).min(samples.len()));
        start..end
    };
    pieces
        .into_iter()
        .map(|Chunk { range, keep }| Chunk {
            range: samples_of(range),
            keep: samples_of(keep),
        })
        .collect()
}

/// Cuts frames that hold no long silence; `pieces` are in frames.
async fn cut<P: AsyncFnMut() -> ControlFlow<()>>(
    sound: Range<usize>,
    levels: &Levels,
    lengths: &Lengths,
    pieces: &mut Vec<Chunk>,
    pacer: &mut Pacer<P>,
) {
    let (mut start, mut overlap) = (sound.start, 0);
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

/// Extends the kept parts over the silence between pieces, half to each, and to both ends of the recording.
fn share_silence(pieces: &mut [Chunk], end: usize) {
    let mut begin = 0;
    for i in 0..pieces.len() {
        let next = pieces.get(i + 1).map(|next| next.keep.start);
        if let Some(piece) = pieces.get_mut(i) {
            piece.keep.start = begin;
            piece.keep.end = next.map_or(end, |next| piece.keep.end.midpoint(next));
            begin = piece.keep.end;
        }
    }
}

#[cfg(test)]
mod tests;
