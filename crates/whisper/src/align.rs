//! When tokens are said: by what the decoder attends to while it writes them.
//!
//! As OpenAI does: the attention of the heads that follow the sound is normalised over the tokens, smoothed by a median over
//! frames, averaged, and the best monotonic path through it found by dynamic time warping.

use kernels::Pace;

/// Frames of the median.
const MEDIAN: usize = 7;
/// What a median costs, what a normalised value does, and what one on the path does, in multiplications.
const SMOOTHED: usize = 400;
const NORMALISED: usize = 64;
const STEPPED: usize = 64;

/// The frame at which each of `tokens` rows begins. `attention` has for each row, for each head, the weight of each frame.
pub(crate) fn align(
    attention: &[f32],
    tokens: usize,
    heads: usize,
    frames: usize,
    pace: Pace,
) -> Vec<usize> {
    if tokens == 0 || heads == 0 || frames == 0 || attention.len() != tokens * heads * frames {
        return vec![0; tokens];
    }
    let mut scores = vec![0.0; tokens * frames];
    let mut rows = vec![0.0; tokens * frames];
    for head in 0..heads {
        for (row, token) in rows
            .chunks_exact_mut(frames)
            .zip(attention.chunks_exact(heads * frames))
        {
            row.copy_from_slice(&token[head * frames..][..frames]);
            let total: f32 = row.iter().sum();
            for weight in row {
                *weight /= total.max(f32::MIN_POSITIVE);
            }
        }
        normalise(&mut rows, frames, pace);
        for (row, scores) in rows
            .chunks_exact(frames)
            .zip(scores.chunks_exact_mut(frames))
        {
            smooth(row, scores);
            pace.multiplied(SMOOTHED * frames);
        }
    }
    path(&scores, frames, pace)
}

/// To mean 0 and variance 1 over the tokens, in each frame.
fn normalise(rows: &mut [f32], frames: usize, pace: Pace) {
    let count = rows.len() / frames;
    for frame in 0..frames {
        let column = || rows.iter().skip(frame).step_by(frames);
        let mean = column().sum::<f32>() / count as f32;
        let squares = column().map(|weight| (weight - mean).powi(2));
        let variance = squares.sum::<f32>() / count as f32;
        let factor = 1.0 / variance.sqrt().max(1e-10);
        for weight in rows.iter_mut().skip(frame).step_by(frames) {
            *weight = (*weight - mean) * factor;
        }
        pace.multiplied(NORMALISED * count);
    }
}

/// Adds the running median of a row, which is mirrored at its ends.
fn smooth(row: &[f32], sums: &mut [f32]) {
    let last = row.len() - 1;
    let mirrored = |at: isize| {
        let at = at.unsigned_abs();
        let at = if at > last {
            (2 * last).saturating_sub(at)
        } else {
            at
        };
        row[at]
    };
    let reach = (MEDIAN / 2) as isize;
    for (at, sum) in (0..).zip(sums) {
        let mut window: [f32; MEDIAN] = std::array::from_fn(|i| mirrored(at + i as isize - reach));
        *sum += *window.select_nth_unstable_by(MEDIAN / 2, f32::total_cmp).1;
    }
}

/// Dynamic time warping: the first frame of each row on the path of the greatest sum.
fn path(scores: &[f32], frames: usize, pace: Pace) -> Vec<usize> {
    #[derive(Clone, Copy)]
    enum Step {
        Both,
        Row,
        Frame,
    }
    let rows = scores.len() / frames;
    let mut steps = vec![Step::Frame; scores.len()];
    // The best sums to each frame of the row before, with one place in front.
    let mut before = vec![f32::NEG_INFINITY; frames + 1];
    before[0] = 0.0;
    let mut now = vec![f32::NEG_INFINITY; frames + 1];
    for row in 0..rows {
        now[0] = f32::NEG_INFINITY;
        for frame in 0..frames {
            let (both, above, left) = (before[frame], before[frame + 1], now[frame]);
            let (best, step) = if both >= above && both >= left {
                (both, Step::Both)
            } else if above >= left {
                (above, Step::Row)
            } else {
                (left, Step::Frame)
            };
            now[frame + 1] = best + scores[row * frames + frame];
            steps[row * frames + frame] = step;
        }
        std::mem::swap(&mut before, &mut now);
        pace.multiplied(STEPPED * frames);
    }
    let mut starts = vec![0; rows];
    let (mut row, mut frame) = (rows - 1, frames - 1);
    loop {
        starts[row] = frame;
        match steps[row * frames + frame] {
            Step::Both if row == 0 || frame == 0 => return starts,
            Step::Both => (row, frame) = (row - 1, frame - 1),
            Step::Row if row == 0 => return starts,
            Step::Row => row -= 1,
            Step::Frame if frame == 0 => return starts,
            Step::Frame => frame -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACE: Pace = Pace(|| ());

    proptest! {
        #[test]
        fn tokens_begin_where_they_attend(lengths in prop::collection::vec(4..30usize, 1..12)) {
            let frames: usize = lengths.iter().sum();
            let mut attention = Vec::new();
            let (mut begin, mut expected) = (0, Vec::new());
            for length in &lengths {
                for head in 0..2 {
                    attention.extend((0..frames).map(|frame| {
                        let inside = (begin..begin + length).contains(&frame);
                        if inside { 1.0 } else { 0.01 + 0.001 * head as f32 }
                    }));
                }
                expected.push(begin);
                begin += length;
            }
            let found = align(&attention, lengths.len(), 2, frames, PACE);
            if lengths.len() > 1 {
                for (found, expected) in found.iter().zip(&expected) {
                    prop_assert!(found.abs_diff(*expected) <= 1, "{found} {expected}");
                }
            }
            prop_assert!(found.is_sorted());
        }

        #[test]
        fn anything_gives_rising_frames(
            tokens in 1..8usize,
            frames in 1..40usize,
            weights in prop::collection::vec(0.0..1.0_f32, 8 * 40),
        ) {
            let found = align(&weights[..tokens * frames], tokens, 1, frames, PACE);
            prop_assert_eq!(found.len(), tokens);
            prop_assert!(found.is_sorted() && found.iter().all(|frame| *frame < frames));
        }
    }

    #[test]
    fn nothing_to_align_begins_at_zero() {
        assert_eq!(align(&[], 3, 0, 10, PACE), [0, 0, 0]);
        assert_eq!(align(&[], 0, 2, 10, PACE), Vec::<usize>::new());
    }
}
