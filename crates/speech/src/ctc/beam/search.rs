//! Prefix beam search.
use super::{
    super::{
        emissions::Emissions,
        vocabulary::{BLANK, BOUNDARY},
    },
    BeamSettings,
    fusion::{Fusion, Language},
    tree::{EMPTY, Text, Tree},
};
use crate::pacer::Pacer;

/// The labels of the best text, boundaries between words only, and its score.
pub(super) async fn search<P: AsyncFnMut()>(
    emissions: &Emissions<'_>,
    fusion: Option<Fusion<'_>>,
    settings: &BeamSettings,
    pacer: &mut Pacer<P>,
) -> (Vec<usize>, f32) {
    let mut beam = Beam {
        fusion,
        settings,
        tree: Tree::new(fusion),
        entries: vec![Entry {
            text: EMPTY,
            blank: 0.0,
            letter: f32::NEG_INFINITY,
        }],
        candidates: Vec::new(),
    };
    let mut likely = Vec::new();
    for row in emissions.rows() {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let threshold = settings.token_threshold.min(highest);
        likely.clear();
        likely.extend(
            row.iter()
                .copied()
                .enumerate()
                .filter(|&(label, p)| label != BLANK && p >= threshold),
        );
        beam.stay(row);
        let floor = beam.floor();
        for slot in 0..beam.entries.len() {
            pacer.spend(16 + 16 * likely.len()).await;
            beam.extend(slot, &likely, floor);
        }
        pacer.spend(4 * beam.candidates.len()).await;
        beam.prune();
    }
    beam.best()
}

struct Beam<'a> {
    fusion: Option<Fusion<'a>>,
    settings: &'a BeamSettings,
    tree: Tree,
    entries: Vec<Entry>,
    /// What the entries become with one more frame.
    candidates: Vec<Candidate>,
}

/// A text and the summed probability of the paths that read so, logarithmic: of those that end in a
/// blank and of those that end in its last letter. Where the text ends in a boundary, blanks and
/// boundaries change nothing and `blank` has them all.
#[derive(Clone, Copy)]
struct Entry {
    text: Text,
    blank: f32,
    letter: f32,
}

struct Candidate {
    text: Place,
    language: Language,
    blank: f32,
    letter: f32,
    /// Of all of these; up to date when the candidates are compared.
    score: f32,
}

/// A text that may not be in the tree yet.
#[derive(Clone, Copy)]
enum Place {
    Known(Text),
    New { parent: Text, label: usize },
}

impl Entry {
    fn total(&self) -> f32 {
        log_add(self.blank, self.letter)
    }
}

impl Candidate {
    fn new(text: Place, language: Language, blank: f32, letter: f32) -> Self {
        let mut candidate = Self {
            text,
            language,
            blank,
            letter,
            score: 0.0,
        };
        candidate.rate();
        candidate
    }

    fn rate(&mut self) {
        self.score = log_add(self.blank, self.letter) + self.language.score;
    }
}

impl Beam<'_> {
    /// Begins a frame: the texts that read on as they are.
    fn stay(&mut self, row: &[f32]) {
        let p = |label: usize| row.get(label).copied().unwrap_or(f32::NEG_INFINITY);
        self.candidates.clear();
        for (slot, entry) in self.entries.iter().enumerate() {
            self.tree.set_slot(entry.text, Some(slot));
            let node = self.tree.get(entry.text);
            let (blank, letter) = if node.label == BOUNDARY {
                let silent = log_add(p(BLANK), p(BOUNDARY));
                (entry.total() + silent, f32::NEG_INFINITY)
            } else {
                (entry.total() + p(BLANK), entry.letter + p(node.label))
            };
            let text = Place::Known(entry.text);
            self.candidates
                .push(Candidate::new(text, node.language, blank, letter));
        }
    }

    /// The score under which a candidate cannot stay in the beam.
    fn floor(&self) -> f32 {
        let scores = self.candidates.iter().map(|candidate| candidate.score);
        scores.fold(f32::NEG_INFINITY, f32::max) - self.settings.beam_threshold
    }

    /// The texts that an entry becomes with one of the labels that are `likely` in this frame.
    fn extend(&mut self, slot: usize, likely: &[(usize, f32)], floor: f32) {
        let Some(&entry) = self.entries.get(slot) else {
            return;
        };
        let total = entry.total();
        let node = *self.tree.get(entry.text);
        let headroom = self.fusion.map_or(0.0, |fusion| fusion.headroom());
        for &(label, p) in likely {
            // A repeated letter is a new one only after a blank.
            let letter = if label != node.label {
                total + p
            } else if label == BOUNDARY {
                continue;
            } else {
                entry.blank + p
            };
            if letter == f32::NEG_INFINITY {
                continue;
            }
            let child = self.tree.child(entry.text, label);
            let in_beam = child.and_then(|child| self.tree.get(child).slot);
            if let Some(candidate) = in_beam.and_then(|slot| self.candidates.get_mut(slot)) {
                candidate.letter = log_add(candidate.letter, letter);
                candidate.rate();
                continue;
            }
            // Asking the language model costs most, so what cannot win is left out before.
            if letter + node.language.score + headroom < floor {
                continue;
            }
            let (text, language) = match (child, self.fusion) {
                (Some(child), _) => (Place::Known(child), self.tree.get(child).language),
                (None, fusion) => (
                    Place::New {
                        parent: entry.text,
                        label,
                    },
                    fusion
                        .map(|fusion| fusion.extend(&node.language, label))
                        .unwrap_or_default(),
                ),
            };
            let blank = f32::NEG_INFINITY;
            self.candidates
                .push(Candidate::new(text, language, blank, letter));
        }
    }

    /// Ends a frame: the best candidates become the entries.
    fn prune(&mut self) {
        for entry in &self.entries {
            self.tree.set_slot(entry.text, None);
        }
        let width = self.settings.width.max(1);
        if self.candidates.len() > width {
            self.candidates
                .select_nth_unstable_by(width, |a, b| b.score.total_cmp(&a.score));
            self.candidates.truncate(width);
        }
        let floor = self.floor();
        self.entries.clear();
        for candidate in &self.candidates {
            if candidate.score < floor {
                continue;
            }
            let text = match candidate.text {
                Place::Known(text) => text,
                Place::New { parent, label } => self.tree.add(parent, label, candidate.language),
            };
            self.entries.push(Entry {
                text,
                blank: candidate.blank,
                letter: candidate.letter,
            });
        }
    }

    /// The best text when all frames are read. A text and the same with a boundary at its end read
    /// alike, so their paths are summed up.
    fn best(&self) -> (Vec<usize>, f32) {
        let mut finals: Vec<(Text, f32, f32)> = self
            .entries
            .iter()
            .map(|entry| {
                let node = self.tree.get(entry.text);
                let language = self
                    .fusion
                    .map(|fusion| fusion.complete(&node.language).score);
                let text = if node.label == BOUNDARY {
                    node.parent
                } else {
                    entry.text
                };
                (text, entry.total(), language.unwrap_or_default())
            })
            .collect();
        finals.sort_by_key(|&(text, ..)| text);
        finals.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = log_add(kept.1, later.1);
            }
            same
        });
        finals
            .into_iter()
            .map(|(text, p, language)| (text, p + language))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(text, score)| (self.tree.labels(text), score))
            .unwrap_or_default()
    }
}

/// ln(exp a + exp b).
fn log_add(a: f32, b: f32) -> f32 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    // Below half a unit in the last place of `high` nothing changes.
    if low == f32::NEG_INFINITY || high - low > 17.0 {
        return high;
    }
    high + (low - high).exp().ln_1p()
}
