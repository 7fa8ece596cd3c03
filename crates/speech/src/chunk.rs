//! Cuts a recording into pieces that a model takes at once.
use std::ops::Range;

/// Samples in a second.
pub const SAMPLE_RATE: u32 = 16_000;

/// A piece of a recording, in samples from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What to recognise, never empty.
    pub range: Range<usize>,
    /// The part whose words count. It reaches further than `range` where there is silence that is not worth
    /// recognising, and less far where a cut falls into speech and the pieces overlap.
    pub keep: Range<usize>,
}

/// Cuts mono `samples` of [`SAMPLE_RATE`] at pauses; none where they are silent. The `keep` ranges follow one
/// another from the first sample to the last.
pub async fn chunks(samples: &[f32], mut pause: impl AsyncFnMut()) -> Vec<Chunk> {
    pause().await;
    if samples.is_empty() {
        return Vec::new();
    }
    vec![Chunk {
        range: 0..samples.len(),
        keep: 0..samples.len(),
    }]
}
