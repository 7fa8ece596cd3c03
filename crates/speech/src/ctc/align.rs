//! When each label of a known text is heard.
use super::{
    emissions::Emissions,
    vocabulary::{BLANK, BOUNDARY},
    word::Span,
};
use crate::pacer::Pacer;

/// Where a step of the Viterbi search came from.
const STAY: u8 = 0;

/// The spans of `labels` (no blanks; boundaries only between words) on the most probable path that reads
/// so: the Viterbi algorithm over the labels and the gaps around them. Frames × labels bytes are
/// needed. What no path can reach, because the frames are too few, has no span.
pub(super) async fn align<P: AsyncFnMut()>(
    emissions: &Emissions<'_>,
    labels: &[usize],
    pacer: &mut Pacer<P>,
) -> Vec<Span> {
    let states = states(labels);
    let count = states.len();
    let mut scores = vec![f32::NEG_INFINITY; count];
    // Before the first frame a path stands just before the first gap, so it can enter two states.
    let mut previous = vec![f32::NEG_INFINITY; count];
    let mut steps: Vec<u8> = Vec::with_capacity(count * emissions.rows().len());
    for (frame, row) in emissions.rows().enumerate() {
        pacer.spend(2 * count).await;
        std::mem::swap(&mut scores, &mut previous);
        for (s, (state, score)) in states.iter().zip(&mut scores).enumerate() {
            let before = |back: usize| {
                let from = s.checked_sub(back).and_then(|s| previous.get(s));
                from.copied().unwrap_or(f32::NEG_INFINITY)
            };
            let (mut best, mut step) = (before(0), STAY);
            if frame == 0 {
                best = if s < 2 { 0.0 } else { f32::NEG_INFINITY };
            }
            for back in 1..=if state.skips_gap { 2 } else { 1 } {
                if before(back) > best {
                    (best, step) = (before(back), back as u8);
                }
            }
            *score = best + state.emit(row);
            steps.push(step);
        }
    }
    trace(&states, &scores, &steps)
}

/// A label, or the gap before or after it.
struct State {
    label: usize,
    /// Whether a boundary reads as nothing here: at both ends, and after another boundary.
    boundary_is_silent: bool,
    /// Whether the label may follow the one before it at once: another label.
    skips_gap: bool,
}

impl State {
    #[inline]
    fn emit(&self, row: &[f32]) -> f32 {
        let of = |label: usize| row.get(label).copied().unwrap_or(f32::NEG_INFINITY);
        if self.boundary_is_silent {
            of(self.label).max(of(BOUNDARY))
        } else {
            of(self.label)
        }
    }
}

/// A gap, then each label and the gap after it.
fn states(labels: &[usize]) -> Vec<State> {
    let gap = |boundary_is_silent| State {
        label: BLANK,
        boundary_is_silent,
        skips_gap: false,
    };
    let mut states = vec![gap(true)];
    for (i, &label) in labels.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| labels.get(i));
        states.push(State {
            label,
            boundary_is_silent: false,
            skips_gap: before.is_some_and(|&before| before != label),
        });
        states.push(gap(label == BOUNDARY || i + 1 == labels.len()));
    }
    states
}

/// Follows the steps back from the better of the last label and the gap after it.
fn trace(states: &[State], scores: &[f32], steps: &[u8]) -> Vec<Span> {
    let count = states.len();
    let mut s = count - 1;
    if let [.., label, gap] = *scores
        && label > gap
    {
        s -= 1;
    }
    let mut spans: Vec<Span> = Vec::new();
    let mut last = count;
    for (frame, steps) in steps.chunks_exact(count).enumerate().rev() {
        let (Some(state), Some(&step)) = (states.get(s), steps.get(s)) else {
            break;
        };
        if state.label != BLANK {
            match spans.last_mut() {
                Some(span) if s == last => span.frames.start = frame,
                _ => spans.push(Span {
                    label: state.label,
                    frames: frame..frame + 1,
                }),
            }
        }
        last = s;
        s = s.saturating_sub(step.into());
    }
    spans.reverse();
    spans
}
