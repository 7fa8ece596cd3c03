//! How tokens are chosen: OpenAI's rules, and a watch for loops.

use compression_ratio::compression_ratio;
use kernels::Pace;
use kernels::math::{largest, log_sum_exp};

use crate::decoder::{Decoder, Heard};
use crate::loops::{attended, follows, repetition};
use crate::rules::Rules;
use crate::vocabulary::Vocabulary;

/// Temperatures to try when the text at a lower one cannot be right.
const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// A text with a higher compression ratio repeats itself.
const REPETITIVE: f32 = 2.4;
/// A text with a lower mean log-probability of its tokens is a guess.
const GUESS: f32 = -1.0;
/// With a higher probability, nobody speaks.
const SILENCE: f32 = 0.85;
/// With a higher probability, nobody speaks if the text is also a guess.
const DOUBT: f32 = 0.5;
/// A text with a lower mean log-probability is a guess if nobody may be speaking. The three limits were chosen on 91 noises and
/// 246 recordings of people, 70 of them also with noise: no noise gives text, and no understood speech is lost.
const DOUBTFUL: f32 = -0.65;
/// The most bytes of text per second of speech, and those that any clip may have. English has about 15 per second, scripts with
/// three-byte letters up to 50.
const BYTES_A_SECOND: f32 = 60.0;
const LEAST_BYTES: f32 = 64.0;

/// A token that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) id: u32,
    pub(crate) log_probability: f32,
}

/// Evidence for whether anybody speaks, and whether a text is right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The probability of the token for no speech.
    pub no_speech: f32,
    /// The probability that the text begins with an annotation, such as `[Music]`.
    pub annotation: f32,
    /// Mean log-probability of the tokens and the end.
    pub average_log_probability: f32,
    /// The text's compression ratio.
    pub compression_ratio: f32,
}

impl Evidence {
    /// The probability that nobody speaks: that the model considers the window silence, or a sound to annotate.
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
    /// It ended in a loop or at the length limit, and was cut.
    cut: bool,
    /// Its attention advances through the sound.
    follows: bool,
}

impl Decoded {
    /// Whether it is incomplete, or repeats itself although nobody does.
    pub(crate) fn breaks_off(&self) -> bool {
        self.cut || self.evidence.compression_ratio > REPETITIVE && !self.follows
    }

    fn is_fine(&self) -> bool {
        !self.breaks_off() && self.evidence.average_log_probability >= GUESS
    }

    /// Whether nobody speaks.
    pub(crate) fn is_silence(&self) -> bool {
        self.evidence.is_silence()
    }

    /// The score for choosing among attempts when none is good. A loop is penalised, not excluded: its first part may be right,
    /// while an attempt without a loop may be noise.
    fn rank(&self) -> f32 {
        let penalty = if self.breaks_off() { 1.0 } else { 0.0 };
        self.evidence.average_log_probability - penalty
    }

    /// Removes the text.
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
    /// The text, from a first attempt. It is decoded again at higher temperatures while it is incomplete or a guess.
    pub(crate) fn settle(&self, first: Decoded) -> Decoded {
        best(first, |temperature| self.attempt(temperature))
    }

    /// The text at one temperature.
    pub(crate) fn attempt(&self, temperature: f32) -> Decoded {
        let Self {
            decoder,
            rules,
            heard,
            pace,
            ..
        } = *self;
        let mut text = decoder.begin();
        let mut logits = Vec::new();
        let mut choices = Vec::new();
        let mut evidence = Evidence::default();
        let mut cut = false;
        let (mut next, before) = match self.before {
            [before @ .., last] => (*last, before),
            [] => (rules.start, self.before),
        };
        for token in before {
            decoder.push(&mut text, *token, heard, &[], pace);
            if *token == rules.start {
                decoder.logits(&mut text, &mut logits, pace);
                evidence.no_speech = probability(&logits, &[rules.no_speech]);
            }
        }
        let room = decoder
            .positions()
            .saturating_sub(text.length() + 1)
            .min(decoder.positions() / 2);
        let most_bytes = (LEAST_BYTES + BYTES_A_SECOND * self.seconds) as usize;
        let mut bytes = 0;
        let mut random = Random(temperature.to_bits().into());
        let mut end = 0.0;
        let row = heard.frames() * rules.alignment_heads.len();
        // The frames that each token attends to most; those of the last token before the text are where it begins.
        let mut places = Vec::new();
        loop {
            decoder.push(&mut text, next, heard, &rules.alignment_heads, pace);
            let weights = text.alignment.get(places.len() * row..);
            places.push(attended(weights.unwrap_or_default(), heard.frames()));
            decoder.logits(&mut text, &mut logits, pace);
            if choices.is_empty() {
                evidence.annotation = probability(&logits, &rules.annotations);
                if evidence.silence() > SILENCE {
                    break;
                }
            }
            rules.suppress(&mut logits, choices.is_empty());
            let choice = choose(&logits, temperature, &mut random);
            pace.multiplied(logits.len() * 16 + row * 4);
            if choice.id == rules.end {
                end = choice.log_probability;
                break;
            }
            bytes += self.vocabulary.bytes(choice.id).len();
            choices.push(choice);
            next = choice.id;
            if let Some(length) = repetition(&choices)
                && !follows(&places)
            {
                choices.truncate(length);
                cut = true;
                break;
            }
            if choices.len() >= room || bytes > most_bytes {
                cut = true;
                break;
            }
        }
        let rows = choices.len() + 1;
        text.alignment.truncate(rows * row);
        places.truncate(rows);
        evidence.average_log_probability = average(&choices, end);
        let text_of_all = self.vocabulary.text(choices.iter().map(|choice| choice.id));
        evidence.compression_ratio = compression_ratio(&text_of_all);
        Decoded {
            choices,
            alignment: text.alignment,
            temperature,
            evidence,
            cut,
            follows: follows(&places),
        }
    }
}

/// The best of the first attempt and those at higher temperatures, which are made while none is good. Without speech its text is
/// removed.
fn best(first: Decoded, mut attempt: impl FnMut(f32) -> Decoded) -> Decoded {
    let lowest = first.temperature;
    let mut best = first;
    for temperature in TEMPERATURES.into_iter().filter(|t| *t > lowest) {
        if best.is_silence() || best.is_fine() {
            break;
        }
        let decoded = attempt(temperature);
        if decoded.is_fine() || decoded.rank() > best.rank() {
            best = decoded;
        }
    }
    if best.is_silence() {
        best.clear();
    }
    best
}

/// The mean log-probability of tokens and the end, as OpenAI computes it: the end counts where there is none, too.
fn average(choices: &[Choice], end: f32) -> f32 {
    let sum: f32 = choices.iter().map(|choice| choice.log_probability).sum();
    (sum + end) / (choices.len() + 1) as f32
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
pub(crate) mod tests {
    use super::*;

    pub(crate) fn choices(ids: &[u32]) -> Vec<Choice> {
        ids.iter()
            .map(|id| Choice {
                id: *id,
                log_probability: 0.0,
            })
            .collect()
    }

    /// A text that was decoded with this mean log-probability.
    fn decoded(temperature: f32, average: f32, cut: bool) -> Decoded {
        Decoded {
            choices: choices(&[1, 2, 3]),
            alignment: Vec::new(),
            temperature,
            evidence: Evidence {
                no_speech: 0.7,
                average_log_probability: average,
                ..Evidence::default()
            },
            cut,
            follows: true,
        }
    }

    #[test]
    fn the_best_attempt_is_taken_and_is_no_text_where_nobody_speaks() {
        let mut tried = Vec::new();
        let fine = best(decoded(0.0, -0.3, true), |temperature| {
            tried.push(temperature);
            decoded(temperature, -0.4, temperature < 0.5)
        });
        assert_eq!((fine.temperature, fine.choices.len()), (0.6, 3));
        assert_eq!(tried, [0.2, 0.4, 0.6]);
        // What is left when all fail is a guess where nobody may be speaking.
        let guess = best(decoded(0.0, -0.7, true), |temperature| {
            decoded(temperature, -0.9, false)
        });
        assert_eq!(guess.choices, []);
        assert!(guess.no_speech() > 0.7);
        let silence = best(decoded(0.0, -0.9, false), |_| unreachable!());
        assert_eq!(silence.choices, []);
    }

    #[test]
    fn a_text_that_is_cut_has_the_mean_of_what_is_left() {
        let mut all = choices(&[1, 2, 2, 2, 2, 2, 2, 2, 2]);
        for choice in &mut all {
            choice.log_probability = -1.0;
        }
        all.truncate(repetition(&all).unwrap());
        assert!((average(&all, 0.0) + 2.0 / 3.0).abs() < 1e-6);
        assert!((average(&all, -1.0) + 1.0).abs() < 1e-6);
        assert_eq!(average(&[], 0.0), 0.0);
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
    fn probabilities_of_several_tokens_add_up() {
        assert!((probability(&[0.0, 0.0, 0.0, 0.0], &[1, 3]) - 0.5).abs() < 1e-6);
        assert_eq!(probability(&[0.0], &[]), 0.0);
    }
}
