use pollster::block_on;
use proptest::prelude::*;

use super::*;

const RATE: usize = SAMPLE_RATE as usize;

fn cut(samples: &[f32]) -> Vec<Chunk> {
    block_on(chunks(samples, 22 * RATE, async || {}))
}

/// Noise of a level in dB, the same each time.
fn noise(seconds: f64, level: f32) -> Vec<f32> {
    let amplitude = 10.0_f32.powf(level / 20.0) * 3.0_f32.sqrt();
    let mut state = 1_u32;
    (0..(seconds * RATE as f64) as usize)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / (u32::MAX / 2) as f32 - 1.0) * amplitude
        })
        .collect()
}

/// Sounds of a level in dB for so many seconds.
fn sounds(parts: &[(f64, f32)]) -> Vec<f32> {
    parts
        .iter()
        .flat_map(|&(seconds, level)| noise(seconds, level))
        .collect()
}

fn assert_partition(chunks: &[Chunk], samples: usize) {
    let mut end = 0;
    for chunk in chunks {
        assert_eq!(chunk.keep.start, end, "{chunks:?}");
        assert!(!chunk.range.is_empty() && !chunk.keep.is_empty());
        end = chunk.keep.end;
    }
    assert!(chunks.is_empty() || end == samples, "{chunks:?}");
    assert!(chunks.iter().all(|chunk| chunk.range.end <= samples));
    assert!(chunks.is_sorted_by_key(|chunk| chunk.range.start));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_sound_is_in_a_chunk(
        parts in prop::collection::vec((0.0..9.0_f64, prop_oneof![
            // No number counts as 0 dB, and what is 30 dB below may be the noise floor.
            3 => -29.0..-10.0_f32,
            2 => -70.0..-53.0_f32,
            1 => Just(-300.0_f32),
            1 => Just(f32::NAN),
        ]), 0..16),
        tail in 0..400_usize,
    ) {
        let mut samples = sounds(&parts);
        samples.resize(samples.len() + tail, 0.1);
        let chunks = cut(&samples);
        assert_partition(&chunks, samples.len());
        for chunk in &chunks {
            prop_assert!(chunk.range.len() <= 22 * RATE);
        }
        // Whatever is louder than the quiet parts or no number is recognised, in the chunk that keeps it.
        for (at, sample) in samples.iter().enumerate().filter(|(_, s)| s.is_nan() || s.abs() > 0.004) {
            let kept = chunks.iter().find(|chunk| chunk.keep.contains(&at));
            prop_assert!(kept.is_some_and(|chunk| chunk.range.contains(&at)), "{at} {sample} {chunks:?}");
        }
    }
}

#[test]
fn short_recordings_stay_whole() {
    for seconds in [0.0001, 0.2, 1.0, 19.99] {
        let samples = noise(seconds, -20.0);
        let whole = 0..samples.len();
        let chunk = Chunk {
            range: whole.clone(),
            keep: whole,
        };
        assert_eq!(cut(&samples), [chunk]);
    }
}

#[test]
fn nothing_is_sent_of_digital_silence() {
    assert_eq!(cut(&[]), []);
    assert_eq!(cut(&[0.0; 7]), []);
    assert_eq!(cut(&vec![0.000_03; 40 * RATE]), []);
}

#[test]
fn noise_alone_and_faint_recordings_are_sent() {
    for level in [-80.0, -50.0] {
        let samples = noise(5.0, level);
        assert_eq!(cut(&samples).len(), 1);
    }
}

#[test]
fn long_silence_is_left_out_and_kept_with_its_neighbours() {
    for silence in [-300.0, -62.0] {
        let samples = sounds(&[
            (8.0, silence),
            (4.0, -20.0),
            (30.0, silence),
            (5.0, -25.0),
            (3.0, silence),
        ]);
        let seconds =
            |range: &Range<usize>| [range.start, range.end].map(|at| at as f64 / RATE as f64);
        let chunks = cut(&samples);
        let found: Vec<_> = chunks
            .iter()
            .map(|c| (seconds(&c.range), seconds(&c.keep)))
            .collect();
        assert_eq!(
            found,
            [([7.7, 12.3], [0.0, 27.0]), ([41.7, 47.3], [27.0, 50.0])]
        );
    }
}

#[test]
fn long_speech_is_cut_in_pauses() {
    for background in [-300.0, -60.0, -40.0] {
        // Words of 0.4 s with 0.1 s between them, and a pause of 0.4 s after every seventh.
        let mut parts = Vec::new();
        let mut pauses = Vec::new();
        let mut at = 0.0;
        for word in 1..=150 {
            let gap = if word % 7 == 0 { 0.4 } else { 0.1 };
            parts.extend([(0.4, -20.0), (gap, background)]);
            if word % 7 == 0 {
                pauses.push(at + 0.4..at + 0.4 + gap);
            }
            at += 0.4 + gap;
        }
        let samples = sounds(&parts);
        let chunks = cut(&samples);
        assert_partition(&chunks, samples.len());
        assert!(chunks.len() >= 5);
        for chunk in &chunks {
            assert_eq!(chunk.range, chunk.keep);
        }
        for chunk in &chunks[..chunks.len() - 1] {
            let seconds = chunk.range.len() as f64 / RATE as f64;
            assert!((10.0..=18.0).contains(&seconds), "{seconds}");
            let end = chunk.range.end as f64 / RATE as f64;
            assert!(pauses.iter().any(|pause| pause.contains(&end)), "{end}");
        }
    }
}

#[test]
fn an_early_pause_is_better_than_a_cut_word() {
    let samples = sounds(&[(6.0, -20.0), (0.5, -60.0), (18.0, -20.0)]);
    let chunks = cut(&samples);
    assert_eq!(chunks.len(), 2);
    assert!((6.0..6.5).contains(&(chunks[0].keep.end as f64 / RATE as f64)));
}

#[test]
fn speech_without_pauses_overlaps_by_a_second_on_each_side() {
    let samples = noise(60.0, -20.0);
    let chunks = cut(&samples);
    assert_partition(&chunks, samples.len());
    assert_eq!(chunks.len(), 4);
    for pair in chunks.windows(2) {
        let cut = pair[0].keep.end;
        assert_eq!(pair[0].range.end, cut + RATE);
        assert_eq!(pair[1].range.start, cut - RATE);
        assert!((17 * RATE..=18 * RATE).contains(&pair[0].keep.len()));
    }
}

#[test]
fn pauses_while_it_measures() {
    let samples = noise(60.0, -20.0);
    let mut pauses = 0;
    block_on(chunks(&samples, 22 * RATE, async || pauses += 1));
    assert!(pauses >= 5, "{pauses}");
}
