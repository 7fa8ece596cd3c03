//! When words begin and end: the times of the alignment, adjusted to the sound.
//!
//! Attention lags behind a word, and assigns a pause to the word before it. So times are moved back by the lag, and words end
//! where the sound does. Both were measured against the marks of a speech synthesizer (`make evaluate`).

use std::ops::Range;

use crate::mel::SAMPLE_RATE;

/// Seconds by which attention lags.
const LAG: f32 = 0.11;
/// Samples of a frame, 10 ms.
const FRAME: usize = SAMPLE_RATE / 100;
/// A frame is quiet below this share of the loud level.
const QUIET: f32 = 0.02;
/// In a noisy recording it is quiet below this multiple of the noise floor,
const FLOOR: f32 = 1.5;
/// but never above this share of the loud level.
const MOST_QUIET: f32 = 0.1;
/// Frames of quiet that are a pause inside a word's time.
const PAUSE: usize = 10;
/// Frames of quiet that stay with a word.
const MARGIN: usize = 4;

/// A word's time in frames of 10 ms.
type Span = Range<usize>;

/// The sample in the middle third of a clip around which it is quietest, the one nearest to its middle of several.
pub(crate) fn quietest(samples: &[f32]) -> usize {
    /// Frames on each side.
    const REACH: usize = 20;
    let levels = levels(samples);
    let around = |frame: &usize| -> f32 {
        let around = levels.get(frame.saturating_sub(REACH)..frame + REACH);
        around.unwrap_or_default().iter().sum()
    };
    let middle = levels.len() / 2;
    let frame = (levels.len() / 3..levels.len() * 2 / 3).min_by(|a, b| {
        let nearer = a.abs_diff(middle).cmp(&b.abs_diff(middle));
        around(a).total_cmp(&around(b)).then(nearer)
    });
    frame.unwrap_or_default() * FRAME
}

/// The times of words in seconds, from the alignment.
pub(crate) fn refine(times: &[(f32, f32)], samples: &[f32]) -> Vec<(f32, f32)> {
    let quiet = quiet(samples);
    let frame = |time: f32| (((time - LAG).max(0.0) * 100.0).round() as usize).min(quiet.len());
    let mut spans: Vec<Span> = times
        .iter()
        .map(|(start, end)| frame(*start)..frame(*end))
        .collect();
    for index in 0..spans.len() {
        settle(&mut spans, index, &quiet);
    }
    spans
        .into_iter()
        .map(|span| (span.start as f32 / 100.0, span.end as f32 / 100.0))
        .collect()
}

/// Fits a word to its sound: where a pause lies within its time, the shorter side goes to the neighbour.
fn settle(spans: &mut [Span], index: usize, quiet: &[bool]) {
    let Some(span) = spans.get(index).cloned() else {
        return;
    };
    let (mut start, mut end) = (span.start, span.end);
    if let Some(pause) = pause(start..end, quiet) {
        if pause.start - start >= end - pause.end {
            // What follows the pause begins the next word.
            if let Some(next) = spans.get_mut(index + 1)
                && next.start >= pause.end
                && pause.end < end
            {
                next.start = pause.end;
            }
            end = pause.start;
        } else {
            if let Some(before) = index.checked_sub(1).and_then(|index| spans.get_mut(index)) {
                before.end = before.end.max(pause.start);
            }
            start = pause.end;
        }
    }
    let loud = |at: &usize| quiet.get(*at).is_some_and(|quiet| !quiet);
    if let (Some(first), Some(last)) = ((start..end).find(loud), (start..end).rev().find(loud)) {
        start = start.max(first.saturating_sub(MARGIN));
        end = end.min(last + 1 + MARGIN);
    }
    if let Some(span) = spans.get_mut(index) {
        *span = start..end;
    }
}

/// The longest run of quiet with sound on both sides.
fn pause(span: Span, quiet: &[bool]) -> Option<Span> {
    let mut best: Option<Span> = None;
    let mut begin = None;
    let mut heard = false;
    for at in span {
        match (quiet.get(at)?, begin) {
            (true, None) if heard => begin = Some(at),
            (false, Some(start)) => {
                let longer = best.as_ref().is_none_or(|best| best.len() < at - start);
                if at - start >= PAUSE && longer {
                    best = Some(start..at);
                }
                begin = None;
            }
            _ => {}
        }
        heard |= !quiet.get(at)?;
    }
    best
}

/// The loudness of each frame.
fn levels(samples: &[f32]) -> Vec<f32> {
    let level =
        |frame: &[f32]| (frame.iter().map(|x| x * x).sum::<f32>() / frame.len() as f32).sqrt();
    samples.chunks(FRAME).map(level).collect()
}

/// Which frames are quiet.
fn quiet(samples: &[f32]) -> Vec<bool> {
    let levels = levels(samples);
    let mut sorted = levels.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let percentile = |percent: usize| sorted.get(sorted.len().saturating_sub(1) * percent / 100);
    let (low, high) = (
        percentile(5).copied().unwrap_or(0.0),
        percentile(95).copied().unwrap_or(0.0),
    );
    let threshold = (QUIET * high).max((FLOOR * low).min(MOST_QUIET * high));
    levels.into_iter().map(|level| level < threshold).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sound and silence in turn, so many seconds each.
    fn sound(parts: &[f32]) -> Vec<f32> {
        let mut samples = Vec::new();
        for (index, seconds) in parts.iter().enumerate() {
            let level = if index % 2 == 0 { 0.0 } else { 0.3 };
            let count = (seconds * SAMPLE_RATE as f32) as usize;
            samples.extend((0..count).map(|i| if i % 40 < 20 { level } else { -level }));
        }
        samples
    }

    fn close(found: &[(f32, f32)], expected: &[(f32, f32)]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let distance = (found.0 - expected.0)
                .abs()
                .max((found.1 - expected.1).abs());
            assert!(distance < 0.06, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn words_end_where_the_sound_does() {
        let samples = sound(&[0.5, 0.5, 1.0, 0.5, 0.5]);
        close(
            &refine(&[(0.6, 2.1), (2.1, 3.1)], &samples),
            &[(0.5, 1.0), (2.0, 2.5)],
        );
    }

    #[test]
    fn what_follows_a_pause_begins_the_next_word() {
        // The alignment gives the first word some of the second.
        let samples = sound(&[0.2, 0.6, 0.4, 0.8, 0.2]);
        close(
            &refine(&[(0.3, 1.5), (1.5, 2.2)], &samples),
            &[(0.2, 0.8), (1.2, 2.0)],
        );
        // And the second some of the first.
        close(
            &refine(&[(0.3, 0.7), (0.7, 2.2)], &samples),
            &[(0.2, 0.8), (1.2, 2.0)],
        );
    }

    #[test]
    fn the_quietest_place_is_sought_in_the_middle() {
        // Silence near the beginning, in the middle, and at the end; in noise, too.
        let mut samples = sound(&[1.0, 2.0, 0.4, 2.0, 1.0]);
        for noise in [0.0, 0.1] {
            for (i, sample) in samples.iter_mut().enumerate() {
                *sample += if i % 2 == 0 { noise } else { -noise };
            }
            let found = quietest(&samples) as f32 / SAMPLE_RATE as f32;
            assert!((found - 3.2).abs() <= 0.11, "{found}");
        }
        assert_eq!(quietest(&[]), 0);
    }

    proptest! {
        #[test]
        fn times_stay_in_order(
            cuts in prop::collection::vec(0.0..3.0_f32, 2..12),
            parts in prop::collection::vec(0.01..0.6_f32, 1..8),
        ) {
            let mut cuts = cuts;
            cuts.sort_unstable_by(f32::total_cmp);
            let times: Vec<_> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
            let samples = sound(&parts);
            let found = refine(&times, &samples);
            let mut last = 0.0;
            for (start, end) in found {
                prop_assert!(last <= start && start <= end, "{last} {start} {end}");
                prop_assert!(end <= samples.len() as f32 / SAMPLE_RATE as f32 + 0.01);
                last = end;
            }
        }
    }
}
