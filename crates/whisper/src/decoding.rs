//! How tokens are chosen: OpenAI's rules, and a watch for loops.

use kernels::Pace;
use kernels::math::{largest, log_sum_exp};

use crate::decoder::{Decoder, Heard};
use crate::rules::Rules;
use crate::vocabulary::Vocabulary;

/// Temperatures that are tried when the text at a lower one cannot be right.
const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// A text that zlib shortens by more than this repeats itself.
const REPETITIVE: f32 = 2.4;
/// Below this mean log-probability of its tokens a text is a guess.
const GUESS: f32 = -1.0;
/// Above this probability nobody speaks.
const SILENCE: f32 = 0.85;
/// Above this, nobody does if the text is a guess, too.
const DOUBT: f32 = 0.6;
/// Below this mean log-probability a text is a guess where nobody may be speaking. The three were chosen on 78 noises and
/// 208 recordings of people, of these a third with noise as well: no noise gives text, and no speech is lost that was
/// understood.
const DOUBTFUL: f32 = -0.75;
/// Tokens that a second of speech has at most, and those that any clip may have.
const TOKENS_A_SECOND: f32 = 12.0;
const LEAST_TOKENS: f32 = 16.0;

/// A token that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) id: u32,
    pub(crate) log_probability: f32,
}

/// What tells whether anybody speaks, and whether a text is right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The probability of the token for no speech.
    pub no_speech: f32,
    /// The probability that the text begins with an annotation, such as `[Music]`.
    pub annotation: f32,
    /// Mean log-probability of the tokens and the end.
    pub average_log_probability: f32,
    /// How much shorter zlib makes the text.
    pub compression_ratio: f32,
}

impl Evidence {
    /// The probability that nobody speaks: the model takes the window for silence, or for a sound that it would annotate.
    #[must_use]
    pub fn silence(&self) -> f32 {
        1.0 - (1.0 - self.no_speech) * (1.0 - self.annotation)
    }

    /// Whether nobody speaks.
    fn is_silence(&self) -> bool {
        let silence = self.silence();
        silence > SILENCE || silence > DOUBT && self.average_log_probability < DOUBTFUL
    }
}

/// A text as it was decoded.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    pub(crate) choices: Vec<Choice>,
    /// For each token and the end: what each alignment head attends to.
    pub(crate) alignment: Vec<f32>,
    pub(crate) temperature: f32,
    pub(crate) evidence: Evidence,
    /// It ran into a loop, and was cut.
    looped: bool,
    /// What it attends to moves on through the sound.
    follows: bool,
}

impl Decoded {
    /// Whether it says the same over and over while nobody does.
    fn loops(&self) -> bool {
        self.looped || self.evidence.compression_ratio > REPETITIVE && !self.follows
    }

    fn is_fine(&self) -> bool {
        !self.loops() && self.evidence.average_log_probability >= GUESS
    }

    /// How good it is when no attempt is fine. A loop is penalised, not ruled out: its first part may be right, while an
    /// attempt without a loop may be noise.
    fn rank(&self) -> f32 {
        let penalty = if self.loops() { 1.0 } else { 0.0 };
        self.evidence.average_log_probability - penalty
    }

    /// Leaves no text.
    fn clear(&mut self) {
        self.choices.clear();
        self.alignment.clear();
    }

    /// The probability that nobody speaks. Where the text was dropped, its own probability counts, too.
    pub(crate) fn no_speech(&self) -> f32 {
        let silence = self.evidence.silence();
        if self.choices.is_empty() {
            1.0 - (1.0 - silence) * self.evidence.average_log_probability.exp()
        } else {
            silence
        }
    }
}

/// A window that is being decoded.
pub(crate) struct Window<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) rules: &'a Rules,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) heard: &'a Heard,
    /// Tokens before the text.
    pub(crate) before: &'a [u32],
    /// How long the clip is.
    pub(crate) seconds: f32,
    pub(crate) pace: Pace,
}

impl Window<'_> {
    /// The text of the window. From `temperature` on, it is decoded again while it repeats itself or is a guess.
    pub(crate) fn decode(&self, temperature: f32) -> Decoded {
        let mut best = self.attempt(temperature);
        if best.evidence.is_silence() {
            best.clear();
            return best;
        }
        for temperature in TEMPERATURES.into_iter().filter(|t| *t > temperature) {
            if best.is_fine() {
                break;
            }
            let decoded = self.attempt(temperature);
            if decoded.is_fine() || decoded.rank() > best.rank() {
                best = decoded;
            }
        }
        best
    }

    fn attempt(&self, temperature: f32) -> Decoded {
        let Self {
            decoder,
            rules,
            heard,
            pace,
            ..
        } = *self;
        let mut text = decoder.begin();
        let mut logits = Vec::new();
        let mut decoded = Decoded {
            choices: Vec::new(),
            alignment: Vec::new(),
            temperature,
            evidence: Evidence::default(),
            looped: false,
            follows: true,
        };
        let (mut next, before) = match self.before {
            [before @ .., last] => (*last, before),
            [] => (rules.start, self.before),
        };
        for token in before {
            decoder.push(&mut text, *token, heard, &[], pace);
            if *token == rules.start {
                decoder.logits(&mut text, &mut logits, pace);
                decoded.evidence.no_speech = probability(&logits, &[rules.no_speech]);
            }
        }
        let room = decoder
            .positions()
            .saturating_sub(text.length() + 1)
            .min(decoder.positions() / 2);
        let budget = room.min((LEAST_TOKENS + TOKENS_A_SECOND * self.seconds) as usize);
        let mut random = Random(temperature.to_bits().into());
        let mut sum = 0.0;
        // What the last token before the text attends to is where the text begins.
        loop {
            decoder.push(&mut text, next, heard, &rules.alignment_heads, pace);
            decoder.logits(&mut text, &mut logits, pace);
            if decoded.choices.is_empty() {
                decoded.evidence.annotation = probability(&logits, &rules.annotations);
                if decoded.evidence.silence() > SILENCE {
                    break;
                }
            }
            rules.suppress(&mut logits, decoded.choices.is_empty());
            let choice = choose(&logits, temperature, &mut random);
            pace.multiplied(logits.len() * 16);
            sum += choice.log_probability;
            if choice.id == rules.end {
                break;
            }
            decoded.choices.push(choice);
            next = choice.id;
            let frames = heard.frames();
            if let Some(length) = repetition(&decoded.choices)
                && !follows(&text.alignment, frames, rules.alignment_heads.len())
            {
                decoded.choices.truncate(length);
                decoded.looped = true;
                break;
            }
            if decoded.choices.len() >= budget {
                decoded.looped = true;
                break;
            }
        }
        let rows = decoded.choices.len() + 1;
        text.alignment
            .truncate(rows * rules.alignment_heads.len() * heard.frames());
        decoded.follows = follows(&text.alignment, heard.frames(), rules.alignment_heads.len());
        decoded.alignment = text.alignment;
        decoded.evidence.average_log_probability = sum / rows as f32;
        decoded.evidence.compression_ratio = compression_ratio(
            &self
                .vocabulary
                .text(decoded.choices.iter().map(|choice| choice.id)),
        );
        decoded
    }
}

/// How much shorter zlib makes a text: as OpenAI notices text that repeats itself.
fn compression_ratio(text: &str) -> f32 {
    let compressed = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
    text.len() as f32 / compressed.len().max(1) as f32
}

/// The probability of any of these tokens.
pub(crate) fn probability(logits: &[f32], ids: &[u32]) -> f32 {
    let scores: Vec<f32> = ids
        .iter()
        .filter_map(|id| logits.get(*id as usize))
        .copied()
        .collect();
    (log_sum_exp(&scores) - log_sum_exp(logits)).exp()
}

fn choose(logits: &[f32], temperature: f32, random: &mut Random) -> Choice {
    let total = log_sum_exp(logits);
    let most = largest(logits);
    let likeliest = || {
        logits
            .iter()
            .position(|logit| *logit >= most)
            .unwrap_or_default()
    };
    let at = if temperature <= 0.0 {
        likeliest()
    } else {
        let weight = |logit: &f32| ((logit - most) / temperature).exp();
        let mut left = random.next() * logits.iter().map(weight).sum::<f32>();
        let found = logits.iter().position(|logit| {
            left -= weight(logit);
            left < 0.0
        });
        found.unwrap_or_else(likeliest)
    };
    Choice {
        // A vocabulary has some ten thousand tokens.
        id: at as u32,
        log_probability: logits.get(at).map_or(0.0, |logit| logit - total),
    }
}

/// Where to cut a text whose end says one thing over and over: behind the first time.
fn repetition(choices: &[Choice]) -> Option<usize> {
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

/// Whether what the last tokens attend to moves on through the sound. When people repeat themselves,
/// each repetition is later in the sound; a decoder in a loop stays where it is.
fn follows(alignment: &[f32], frames: usize, heads: usize) -> bool {
    /// Tokens that are looked at, tokens from one to the one that it is compared with, and the share that must be later.
    const LAST: usize = 40;
    const STEP: usize = 4;
    const SHARE: f32 = 0.7;
    if frames == 0 || heads == 0 {
        return false;
    }
    let rows = alignment.chunks_exact(frames * heads);
    let skipped = rows.len().saturating_sub(LAST);
    let places: Vec<usize> = rows
        .skip(skipped)
        .map(|row| attended(row, frames))
        .collect();
    let pairs = places.iter().zip(places.iter().skip(STEP));
    let later = pairs.clone().filter(|(a, b)| b > a).count();
    later as f32 >= SHARE * pairs.len() as f32
}

/// The frame that all heads together attend to most.
fn attended(row: &[f32], frames: usize) -> usize {
    let weight = |frame: usize| row.iter().skip(frame).step_by(frames).sum::<f32>();
    let best = (0..frames)
        .map(|frame| (frame, weight(frame)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(0, |(frame, _)| frame)
}

/// SplitMix64: the same recording is decoded in the same way each time.
struct Random(u64);

impl Random {
    /// From 0 to 1, without 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(ids: &[u32]) -> Vec<Choice> {
        ids.iter()
            .map(|id| Choice {
                id: *id,
                log_probability: 0.0,
            })
            .collect()
    }

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
        let rows = |places: &[usize]| -> Vec<f32> {
            let row = |place: &usize| {
                // The first head wanders; together they attend to the place.
                let place = *place;
                let weight = move |head: usize, frame: usize| match (head, frame) {
                    (1, frame) if frame == place => 1.0,
                    (0, 3) => 0.4,
                    _ => 0.0,
                };
                (0..2).flat_map(move |head| (0..50).map(move |frame| weight(head, frame)))
            };
            places.iter().flat_map(row).collect()
        };
        assert!(follows(&rows(&[0, 2, 5, 9, 14, 20, 26, 33, 40]), 50, 2));
        assert!(!follows(
            &rows(&[10, 45, 46, 45, 44, 45, 46, 45, 46, 45, 44]),
            50,
            2
        ));
        assert!(!follows(&[], 0, 2));
    }

    #[test]
    fn the_likeliest_is_chosen_and_others_are_sampled_in_proportion() {
        let logits = [0.0, 2.0, 1.0, f32::NEG_INFINITY];
        let mut random = Random(1);
        assert_eq!(choose(&logits, 0.0, &mut random).id, 1);
        let mut counts = [0; 4];
        for _ in 0..4000 {
            counts[choose(&logits, 1.0, &mut random).id as usize] += 1;
        }
        let total: f32 = logits.iter().map(|x: &f32| x.exp()).sum();
        for (count, logit) in counts.iter().zip(logits) {
            assert!(
                (*count as f32 / 4000.0 - logit.exp() / total).abs() < 0.03,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn repetition_shows_in_the_compression_ratio() {
        assert!(compression_ratio("Seven times nine is sixty-three.") < 1.2);
        assert!(compression_ratio(&"seven ".repeat(50)) > 2.4);
        assert_eq!(compression_ratio(""), 0.0);
    }

    #[test]
    fn probabilities_of_several_tokens_add_up() {
        assert!((probability(&[0.0, 0.0, 0.0, 0.0], &[1, 3]) - 0.5).abs() < 1e-6);
        assert_eq!(probability(&[0.0], &[]), 0.0);
    }
}
