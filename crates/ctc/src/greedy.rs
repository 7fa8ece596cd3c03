//! The most probable path.
use super::{
    emissions::Emissions,
    vocabulary::BLANK,
    word::{Span, Word, words},
};

/// The words on the most probable path: in each frame the most probable label, the first of several.
#[must_use]
pub fn greedy(emissions: &Emissions<'_>) -> Vec<Word> {
    let mut spans: Vec<Span> = Vec::new();
    let mut previous = BLANK;
    for (frame, row) in emissions.rows().enumerate() {
        let label = best(row);
        match spans.last_mut() {
            Some(span) if label == previous && label != BLANK => span.frames.end = frame + 1,
            _ if label == BLANK => {}
            _ => spans.push(Span {
                label,
                frames: frame..frame + 1,
            }),
        }
        previous = label;
    }
    words(&spans, emissions)
}

fn best(row: &[f32]) -> usize {
    let mut best = (BLANK, f32::NEG_INFINITY);
    for (label, &log_probability) in row.iter().enumerate() {
        if log_probability > best.1 {
            best = (label, log_probability);
        }
    }
    best.0
}
