//! Loops: distinguishes a decoder that repeats itself from people who do.

use crate::decoding::Choice;

/// Where to cut a text whose end repeats itself: after the first occurrence.
pub(crate) fn repetition(choices: &[Choice]) -> Option<usize> {
    (1..=choices.len() / 4).find_map(|period| {
        let same = |i: &usize| {
            let at = choices.len() - 1 - i;
            at >= period && choices[at].id == choices[at - period].id
        };
        let run = (0..choices.len()).take_while(same).count();
        // Four times in all, and eight for single tokens: people do say "no, no, no".
        let times = if period == 1 {
            8
        } else if period < 4 {
            6
        } else {
            4
        };
        (run >= (times - 1) * period).then(|| choices.len() - run)
    })
}

/// Whether the positions that the last tokens attend to advance through the sound. When people repeat themselves, each
/// repetition is later in the sound; a decoder in a loop stays where it is.
pub(crate) fn follows(places: &[usize]) -> bool {
    /// Tokens that are checked, the distance of the tokens that are compared, and the share that must be later.
    const LAST: usize = 40;
    const STEP: usize = 4;
    const SHARE: f32 = 0.7;
    let skipped = places.len().saturating_sub(LAST);
    let places = places.get(skipped..).unwrap_or_default();
    let pairs = places.iter().zip(places.iter().skip(STEP));
    let later = pairs.clone().filter(|(a, b)| b > a).count();
    later as f32 >= SHARE * pairs.len() as f32
}

/// The frame that all heads together attend to most.
pub(crate) fn attended(row: &[f32], frames: usize) -> usize {
    if frames == 0 {
        return 0;
    }
    let weight = |frame: usize| row.iter().skip(frame).step_by(frames).sum::<f32>();
    let best = (0..frames)
        .map(|frame| (frame, weight(frame)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(0, |(frame, _)| frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoding::tests::choices;

    #[test]
    fn loops_are_cut_behind_the_first_time() {
        assert_eq!(
            repetition(&choices(&[
                9, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4
            ])),
            Some(5)
        );
        assert_eq!(repetition(&choices(&[5, 7, 7, 7, 7, 7, 7, 7, 7])), Some(2));
        assert_eq!(repetition(&choices(&[5, 7, 7, 7, 7])), None);
        assert_eq!(repetition(&choices(&[1, 2, 3, 4, 5, 6, 7, 8])), None);
        assert_eq!(repetition(&[]), None);
    }

    #[test]
    fn a_text_follows_the_sound_while_it_attends_to_ever_later_frames() {
        assert!(follows(&[0, 2, 5, 9, 14, 20, 26, 33, 40]));
        assert!(!follows(&[10, 45, 46, 45, 44, 45, 46, 45, 46, 45, 44]));
        // The first head wanders; together they attend to the place.
        let row: Vec<f32> = (0..100)
            .map(|i| match i {
                3 => 0.4,
                57 => 1.0,
                _ => 0.0,
            })
            .collect();
        assert_eq!(attended(&row, 50), 7);
        assert_eq!(attended(&[], 0), 0);
    }
}
