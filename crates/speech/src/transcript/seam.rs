//! The words around a cut, which two overlapping chunks both recognised.
use crate::Word;

/// Seconds by which the middles of the same word differ at most.
const TOLERANCE: f64 = 0.5;

/// Words of both chunks at the same time.
#[derive(Default)]
struct Heard {
    earlier: Vec<Word>,
    later: Vec<Word>,
}

/// The words around `cut`, from those of the `earlier` and the `later` chunk, each in order.
///
/// Words of the same text are paired by an alignment of the two sequences, words that differ by their
/// times. A pair is taken from the earlier chunk if its middle is before the cut, else from the later, so that
/// nothing is doubled or lost when the two differ in times or letters.
pub(super) fn join(earlier: Vec<Word>, later: Vec<Word>, cut: f64) -> Vec<Word> {
    let mut words: Vec<Word> = together(earlier, later)
        .into_iter()
        .flat_map(|heard| {
            let middles = heard.earlier.iter().chain(&heard.later).map(Word::middle);
            let count = heard.earlier.len() + heard.later.len();
            if middles.sum::<f64>() < cut * count as f64 {
                heard.earlier
            } else {
                heard.later
            }
        })
        .collect();
    words.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    words
}

fn together(earlier: Vec<Word>, later: Vec<Word>) -> Vec<Heard> {
    let pairs = align(&earlier, &later);
    let mut all: Vec<Heard> = Vec::new();
    let mut rest: Vec<(Word, bool)> = Vec::new();
    for (i, word) in earlier.into_iter().enumerate() {
        if pairs.iter().any(|&(a, _)| a == i) {
            all.push(Heard {
                earlier: vec![word],
                later: Vec::new(),
            });
        } else {
            rest.push((word, true));
        }
    }
    for (i, word) in later.into_iter().enumerate() {
        // Pairs are in order, so the nth pair is the nth of what is heard together.
        let pair = pairs.iter().position(|&(_, b)| b == i);
        match pair.and_then(|pair| all.get_mut(pair)) {
            Some(heard) => heard.later.push(word),
            None => rest.push((word, false)),
        }
    }
    rest.sort_by(|(a, _), (b, _)| a.start.total_cmp(&b.start));
    let mut open = Heard::default();
    for (word, is_earlier) in rest {
        let others = if is_earlier {
            &open.later
        } else {
            &open.earlier
        };
        if !others.iter().any(|other| coincide(other, &word)) {
            all.push(std::mem::take(&mut open));
        }
        if is_earlier {
            open.earlier.push(word);
        } else {
            open.later.push(word);
        }
    }
    all.push(open);
    all
}

/// Whether half of the shorter word is within the other.
fn coincide(a: &Word, b: &Word) -> bool {
    let common = a.end.min(b.end) - a.start.max(b.start);
    common > 0.0 && 2.0 * common >= (a.end - a.start).min(b.end - b.start)
}

/// Pairs of the same word: the longest common subsequence, in which words that are close in time weigh more. So a repeated
/// word is paired with itself and not with its neighbour.
fn align(earlier: &[Word], later: &[Word]) -> Vec<(usize, usize)> {
    let width = later.len() + 1;
    // best[i * width + j]: the most that earlier[i..] and later[j..] have in common.
    let mut best = vec![0.0_f64; (earlier.len() + 1) * width];
    let at = |best: &[f64], i: usize, j: usize| best.get(i * width + j).copied().unwrap_or(0.0);
    let paired = |best: &[f64], i: usize, j: usize| {
        let (a, b) = (earlier.get(i)?, later.get(j)?);
        let distance = (a.middle() - b.middle()).abs();
        (a.letters() == b.letters() && distance < TOLERANCE)
            .then(|| 1.0 - distance / TOLERANCE + at(best, i + 1, j + 1))
    };
    for i in (0..earlier.len()).rev() {
        for j in (0..later.len()).rev() {
            let unpaired = at(&best, i + 1, j).max(at(&best, i, j + 1));
            let value = paired(&best, i, j).unwrap_or(0.0).max(unpaired);
            if let Some(cell) = best.get_mut(i * width + j) {
                *cell = value;
            }
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < earlier.len() && j < later.len() {
        let (skip_earlier, skip_later) = (at(&best, i + 1, j), at(&best, i, j + 1));
        if paired(&best, i, j).is_some_and(|value| value >= skip_earlier.max(skip_later)) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if skip_earlier >= skip_later {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
