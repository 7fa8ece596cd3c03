//! The loudness of a recording, frame by frame.
use std::ops::Range;

use pacer::Pacer;

/// Samples in a frame: 10 ms.
pub(super) const FRAME: usize = 160;
/// Frames in a block, over which the levels of noise are steady: 100 ms.
pub(super) const BLOCK: usize = 10;

/// Below this nothing is audible: two steps of 16 bits.
const DIGITAL_SILENCE: f32 = -84.0;
/// How much louder than the quietest block the noise floor may become,
const FLOOR_SPREAD: f32 = 6.0;
/// and how much louder than that the loudest must be before the floor counts as silence.
const FLOOR_DISTANCE: f32 = 24.0;
/// The least length, in blocks, of a silence that is left out.
const SILENCE: usize = 20;

/// Frames of the shortest pause in speech. The closure of a plosive takes half as long.
const PAUSE: usize = 20;
/// Parts that are further below the loud ones than this count as equally quiet.
const RANGE: f32 = 50.0;
/// With less than this between the loud and the quiet parts, there are no pauses.
const LEAST_RANGE: f32 = 6.0;

/// The levels of the quietest and the loudest block of a recording, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    lowest: f32,
    highest: f32,
}

impl Spread {
    /// Before the first block.
    pub(super) const EMPTY: Self = Self {
        lowest: f32::INFINITY,
        highest: f32::NEG_INFINITY,
    };

    /// With further blocks.
    pub(super) fn with(self, levels: &Levels) -> Self {
        levels.blocks.iter().fold(self, |spread, &level| Self {
            lowest: spread.lowest.min(level),
            highest: spread.highest.max(level),
        })
    }

    /// The level up to which a block is silent.
    pub(super) fn silence(self) -> f32 {
        let floor = self.lowest + FLOOR_SPREAD;
        if self.highest - floor > FLOOR_DISTANCE {
            floor.max(DIGITAL_SILENCE)
        } else {
            DIGITAL_SILENCE
        }
    }
}

/// The levels of frames in dB, where a full-scale square wave has 0.
pub(super) struct Levels {
    frames: Vec<f32>,
    blocks: Vec<f32>,
}

impl Levels {
    pub(super) async fn measure(samples: &[f32], pacer: &mut Pacer<'_>) -> Self {
        let mut frames = Vec::with_capacity(samples.len().div_ceil(FRAME));
        let mut blocks = Vec::with_capacity(samples.len().div_ceil(FRAME * BLOCK));
        for block in samples.chunks(FRAME * BLOCK) {
            pacer.tick(block.len() / 3).await;
            let mut sum = 0.0;
            for frame in block.chunks(FRAME) {
                let energy: f32 = frame.iter().map(|sample| sample * sample).sum();
                frames.push(decibel(energy / frame.len() as f32));
                sum += energy;
            }
            blocks.push(decibel(sum / block.len() as f32));
        }
        Self { frames, blocks }
    }

    /// How many frames there are; the last may be shorter.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The frames between long silences, with a `margin` of these. Blocks are silent up to `threshold`.
    pub(super) fn sounds(&self, threshold: f32, margin: usize) -> Vec<Range<usize>> {
        if self.blocks.iter().all(|&level| level <= threshold) {
            return Vec::new();
        }
        let mut sounds = Vec::new();
        let (mut start, mut heard) = (0, 0);
        for silence in runs(&self.blocks, threshold) {
            let (begin, end) = (silence.start * BLOCK, self.len().min(silence.end * BLOCK));
            if silence.len() >= SILENCE {
                if heard < begin {
                    sounds.push(start..begin + margin);
                }
                (start, heard) = (end - margin, end);
            }
        }
        if heard < self.len() {
            sounds.push(start..self.len());
        }
        sounds
    }

    /// The level below which speech pauses, if it is clear in these frames.
    pub(super) fn pause_threshold(&self, frames: Range<usize>) -> Option<f32> {
        let mut levels = self.frames.get(frames)?.to_vec();
        let last = levels.len().checked_sub(1)?;
        let mut quantile = |percent: usize| {
            let at = last * percent / 100;
            *levels.select_nth_unstable_by(at, f32::total_cmp).1
        };
        let loud = quantile(95);
        let quiet = quantile(2).max(loud - RANGE);
        (loud - quiet >= LEAST_RANGE).then_some(quiet + (loud - quiet) / 4.0)
    }

    /// The longest run of frames below `threshold` that is a pause, the latest of several.
    pub(super) fn longest_pause(
        &self,
        frames: Range<usize>,
        threshold: f32,
    ) -> Option<Range<usize>> {
        runs(self.frames.get(frames.clone())?, threshold)
            .into_iter()
            .filter(|run| run.len() >= PAUSE)
            .max_by_key(ExactSizeIterator::len)
            .map(|run| frames.start + run.start..frames.start + run.end)
    }

    /// Where the 50 ms around a frame are quietest.
    pub(super) fn quietest(&self, frames: Range<usize>) -> usize {
        let loudness = |&frame: &usize| -> f32 {
            let around = self.frames.get(frame.saturating_sub(2)..frame + 3);
            around.map_or(f32::INFINITY, |levels| levels.iter().sum())
        };
        let middle = frames.start.midpoint(frames.end);
        frames
            .min_by(|a, b| loudness(a).total_cmp(&loudness(b)))
            .unwrap_or(middle)
    }
}

/// The level of a power. NaN counts as loud, so that it is never left out.
fn decibel(power: f32) -> f32 {
    let level = 10.0 * power.max(1e-12).log10();
    if power.is_finite() { level } else { 0.0 }
}

/// The longest runs of levels that are no higher than `threshold`.
fn runs(levels: &[f32], threshold: f32) -> Vec<Range<usize>> {
    let mut end = 0;
    levels
        .chunk_by(|a, b| (*a <= threshold) == (*b <= threshold))
        .filter_map(|run| {
            end += run.len();
            let quiet = run.first().is_some_and(|&level| level <= threshold);
            quiet.then(|| end - run.len()..end)
        })
        .collect()
}
