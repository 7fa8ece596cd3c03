use pollster::block_on;
use proptest::prelude::*;

use super::*;

const RATE: usize = SAMPLE_RATE as usize;

fn cut(samples: &[f32]) -> Vec<Chunk> {
    block_on(chunks(samples, 22 * RATE, async || {}))
}

/// Cuts samples that come in portions of these lengths, over and over.
fn cut_portions(mut cutter: Cutter, samples: &[f32], portions: &[usize]) -> Vec<(Chunk, Sound)> {
    let mut pieces = Vec::new();
    let mut rest = samples;
    for &portion in portions.iter().cycle() {
        let (portion, later) = rest.split_at(portion.min(rest.len()));
        cutter.push(portion);
        rest = later;
        if rest.is_empty() {
            cutter.end();
        }
        while let Some(piece) = block_on(cutter.next(async || {})) {
            pieces.push(piece);
        }
        assert!(cutter.pending.len() <= SECTION);
        if rest.is_empty() {
            break;
        }
    }
    pieces
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

/// The longest piece in the tests of sections, and the length of a section, in samples.
const LONGEST: usize = 12 * RATE;
const SHORT_SECTION: usize = 20 * RATE;

fn short_sections() -> Cutter {
    Cutter::with_section(LONGEST, SHORT_SECTION)
}

fn ranges(pieces: Vec<(Chunk, Sound)>) -> Vec<Chunk> {
    pieces.into_iter().map(|(chunk, _)| chunk).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pieces_do_not_depend_on_how_samples_come_in(
        parts in prop::collection::vec((0.0..9.0_f64, prop_oneof![
            3 => -29.0..-10.0_f32,
            2 => -70.0..-53.0_f32,
            2 => Just(-300.0_f32),
        ]), 0..40),
        portions in prop::collection::vec(1..3 * SHORT_SECTION, 1..9),
    ) {
        let samples = sounds(&parts);
        let pieces = cut_portions(short_sections(), &samples, &[usize::MAX]);
        prop_assert_eq!(&pieces, &cut_portions(short_sections(), &samples, &portions));
        for (chunk, sound) in &pieces {
            prop_assert!(chunk.range.len() <= LONGEST);
            prop_assert!(*sound == Sound::new(&samples[chunk.range.clone()]));
        }
        let chunks = ranges(pieces);
        assert_partition(&chunks, samples.len());
        for (at, sample) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > 0.004) {
            let kept = chunks.iter().find(|chunk| chunk.keep.contains(&at));
            prop_assert!(kept.is_some_and(|chunk| chunk.range.contains(&at)), "{at} {sample} {chunks:?}");
        }
    }
}

#[test]
fn recordings_of_up_to_a_section_are_cut_as_a_whole() {
    let parts = [(4.0, -20.0), (2.3, -300.0), (3.0, -20.0), (0.4, -60.0)];
    let samples = sounds(&parts.repeat(3));
    for length in [1, RATE, 9 * RATE, 15 * RATE + 77, SHORT_SECTION] {
        let samples = &samples[..length];
        let whole = block_on(chunks(samples, LONGEST, async || {}));
        let pieces = cut_portions(short_sections(), samples, &[RATE]);
        assert_eq!(ranges(pieces), whole, "{length}");
    }
}

#[test]
fn steady_recordings_of_many_sections_are_cut_as_in_one() {
    // Each section has the loudest and the quietest block, and long silences are whole blocks of it.
    for parts in [
        vec![(100.0, -20.0)],
        [(5.0, -20.0), (0.5, -300.0)].repeat(20),
        [(9.0, -20.0), (4.0, -300.0)].repeat(8),
    ] {
        let samples = sounds(&parts);
        let whole = cut_portions(Cutter::new(LONGEST), &samples, &[usize::MAX]);
        let pieces = cut_portions(short_sections(), &samples, &[RATE]);
        assert!(pieces.len() >= 8);
        assert_eq!(ranges(pieces), ranges(whole));
    }
}

#[test]
fn a_cut_within_speech_overlaps_where_sections_meet() {
    let samples = noise(100.0, -20.0);
    let chunks = ranges(cut_portions(short_sections(), &samples, &[RATE]));
    assert_partition(&chunks, samples.len());
    for pair in chunks.windows(2) {
        let cut = pair[0].keep.end;
        assert_eq!(pair[0].range.end, cut + RATE);
        assert_eq!(pair[1].range.start, cut - RATE);
    }
}

#[test]
fn sound_that_begins_with_a_section_has_its_margin() {
    let samples = sounds(&[(5.0, -20.0), (15.0, -300.0), (5.0, -20.0)]);
    let chunks = ranges(cut_portions(short_sections(), &samples, &[RATE]));
    let margin = 3 * RATE / 10;
    let found: Vec<_> = chunks.into_iter().map(|chunk| chunk.range).collect();
    assert_eq!(found, [0..5 * RATE + margin, 20 * RATE - margin..25 * RATE]);
}

#[test]
fn the_floor_of_earlier_sections_is_silence() {
    // Noise alone may be faint speech, but no longer after something loud.
    let samples = sounds(&[(30.0, -60.0), (4.0, -20.0), (60.0, -60.0), (1.0, -20.0)]);
    let chunks = ranges(cut_portions(short_sections(), &samples, &[RATE]));
    assert_partition(&chunks, samples.len());
    let second = |at: usize| at / RATE;
    assert!(chunks.len() > 2 && second(chunks[0].range.start) == 0);
    let [.., before, last] = chunks.as_slice() else {
        panic!("{chunks:?}");
    };
    assert_eq!(second(before.range.end), 34);
    assert_eq!(second(last.range.start), 93);
    let middle = before.range.end.midpoint(last.range.start);
    assert_eq!(last.keep.start, middle);
}

#[test]
fn hours_of_silence_need_no_memory() {
    let mut cutter = Cutter::new(LONGEST);
    let sound = noise(5.0, -20.0);
    let minute = vec![0.0; 60 * RATE];
    let next = |cutter: &mut Cutter| block_on(cutter.next(async || {}));
    cutter.push(&sound);
    for _ in 0..60 {
        cutter.push(&minute);
        assert_eq!(next(&mut cutter), None);
        assert!(cutter.pending.len() <= SECTION);
    }
    cutter.push(&sound);
    cutter.push(&minute);
    cutter.end();
    let chunks: Vec<Chunk> = std::iter::from_fn(|| next(&mut cutter))
        .map(|(chunk, _)| chunk)
        .collect();
    let [all, begin] = [3670, 3605].map(|seconds| seconds * RATE);
    assert_partition(&chunks, all);
    let [first, last] = chunks.as_slice() else {
        panic!("{chunks:?}");
    };
    assert_eq!(first.keep.end, begin.midpoint(5 * RATE));
    assert_eq!(last.range.end, begin + 5 * RATE + 3 * RATE / 10);
}
