//! A model, from its file to words.

use kernels::Pace;

use crate::align::align;
use crate::checkpoint::{Checkpoint, LoadError};
use crate::decoder::{Decoder, Heard};
use crate::decoding::{Decoded, Evidence, Window};
use crate::encoder::{Encoder, FRAMES, Padding};
use crate::mel::{HOP, Mel, SAMPLE_RATE};
use crate::rules::Rules;
use crate::times::{quietest, refine};
use crate::vocabulary::Vocabulary;
use crate::words::words;

/// The least samples of a window: 20 ms cannot contain a word.
pub const MINIMUM_SAMPLES: usize = SAMPLE_RATE / FRAMES;

/// The fewest samples of a window that is recognised in two parts.
const LEAST_WHOLE: usize = 8 * SAMPLE_RATE;

/// The options for a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Whether to translate into English.
    pub translate: bool,
    /// The code of the spoken language; without it, the model detects the language.
    pub language: Option<String>,
    /// Text that the transcript continues.
    pub prompt: String,
    /// From 0 to 1; above 0, tokens are sampled. Values outside are clamped.
    pub temperature: f32,
    /// How the silence after the sound is encoded.
    pub padding: Padding,
}

/// The recognised words of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognition {
    /// The code of the language.
    pub language: String,
    /// The probability that nobody speaks.
    pub no_speech: f32,
    /// The words in order; empty without speech.
    pub words: Vec<Word>,
    /// The temperature at which they were decoded.
    pub temperature: f32,
    /// The evidence for whether anybody speaks.
    pub evidence: Evidence,
}

impl Recognition {
    /// Appends the words from this sample on.
    fn append(&mut self, later: Self, at: usize) {
        let seconds = at as f32 / SAMPLE_RATE as f32;
        self.words.extend(later.words.into_iter().map(|word| Word {
            start: word.start + seconds,
            end: word.end + seconds,
            ..word
        }));
        self.temperature = self.temperature.max(later.temperature);
        if later.no_speech < self.no_speech {
            self.no_speech = later.no_speech;
            self.evidence = later.evidence;
        }
    }
}

/// A word and its times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// With the space before it, if the language writes one.
    pub text: String,
    /// When it begins.
    pub start: f32,
    /// When it ends.
    pub end: f32,
    /// From 0 to 1: the geometric mean of its tokens' probabilities.
    pub confidence: f32,
    /// The tokens that spell it.
    pub tokens: Vec<Token>,
}

/// A token of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its index in the vocabulary.
    pub id: u32,
    /// What it stands for.
    pub bytes: Vec<u8>,
    /// The logarithm of its probability.
    pub log_probability: f32,
}

/// A window could not be recognised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecognizeError {
    /// It has too few samples, or too many.
    #[error("a window has from {MINIMUM_SAMPLES} to {maximum} samples, not {samples}")]
    Length {
        /// The samples given.
        samples: usize,
        /// The most that the model takes.
        maximum: usize,
    },
    /// The model does not know the language.
    #[error("the model does not know the language '{0}'")]
    Language(String),
    /// The model transcribes only.
    #[error("the model knows only English and does not translate")]
    Translation,
}

/// A loaded model. Loading takes far longer than recognising: keep one.
#[derive(Clone)]
pub struct Model {
    name: String,
    created: u64,
    mel: Mel,
    encoder: Encoder,
    decoder: Decoder,
    vocabulary: Vocabulary,
    rules: Rules,
    pace: Pace,
}

impl Model {
    /// Loads a model file. While the model works, `pause` is called after each `pacer::QUANTUM`.
    ///
    /// # Errors
    /// When the file is not a Whisper model.
    pub fn load(file: &[u8], pause: fn()) -> Result<Self, LoadError> {
        let checkpoint = Checkpoint::parse(file)?;
        let vocabulary = Vocabulary::new(&checkpoint);
        Ok(Self {
            mel: Mel::new(checkpoint.config.bands),
            encoder: Encoder::load(&checkpoint)?,
            decoder: Decoder::load(&checkpoint)?,
            rules: Rules::new(&checkpoint, &vocabulary),
            vocabulary,
            name: checkpoint.name,
            created: checkpoint.created,
            pace: Pace(pause),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.created
    }

    /// The codes of the languages that it recognises.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.rules.languages.iter().map(|(code, _)| code.as_str())
    }

    /// Whether it translates into English.
    #[must_use]
    pub fn translates(&self) -> bool {
        self.rules.tasks.is_some()
    }

    /// The most samples of a window.
    #[must_use]
    pub fn maximum_samples(&self) -> usize {
        self.encoder.positions() * 2 * HOP
    }

    /// The words in a window of [`SAMPLE_RATE`] samples a second, one channel from -1 to 1. Louder samples count as ±1, NaN
    /// as 0. If the text repeats itself or reaches the length limit, the window is recognised in two parts, cut where it is
    /// quietest: the decoder loses count of a sentence that is repeated many times.
    ///
    /// # Errors
    /// When the length of the window is out of range, or the model does not support the options.
    pub fn recognize(
        &self,
        samples: &[f32],
        options: &Options,
    ) -> Result<Recognition, RecognizeError> {
        let maximum = self.maximum_samples();
        if !(MINIMUM_SAMPLES..=maximum).contains(&samples.len()) {
            return Err(RecognizeError::Length {
                samples: samples.len(),
                maximum,
            });
        }
        if options.translate && !self.translates() {
            return Err(RecognizeError::Translation);
        }
        let code = options.language.as_deref();
        let known = code.map(|code| self.language(code)).transpose()?;

        let clipped = |sample: &f32| {
            if sample.is_nan() {
                0.0
            } else {
                sample.clamp(-1.0, 1.0)
            }
        };
        let samples: Vec<f32> = samples.iter().map(clipped).collect();
        Ok(self.part(&samples, options, known))
    }

    fn part(&self, samples: &[f32], options: &Options, known: Option<(&str, u32)>) -> Recognition {
        let heard = self.hear(samples, options.padding);
        let (language, token) = known.unwrap_or_else(|| self.detect(&heard));
        let before = self.before(token, options);
        let window = Window {
            decoder: &self.decoder,
            rules: &self.rules,
            vocabulary: &self.vocabulary,
            heard: &heard,
            before: &before,
            seconds: samples.len() as f32 / SAMPLE_RATE as f32,
            pace: self.pace,
        };
        let temperature = match options.temperature {
            temperature if temperature.is_nan() => 0.0,
            temperature => temperature.clamp(0.0, 1.0),
        };
        let first = window.attempt(temperature);
        if first.breaks_off() && !first.is_silence() && samples.len() >= LEAST_WHOLE {
            drop(heard);
            let at = quietest(samples);
            let (earlier, later) = samples.split_at(at);
            let known = Some((language, token));
            let mut whole = self.part(earlier, options, known);
            whole.append(self.part(later, options, known), at);
            return whole;
        }
        self.recognition(language, &window.settle(first), &heard, samples)
    }

    fn language(&self, code: &str) -> Result<(&str, u32), RecognizeError> {
        let known = self.rules.languages.iter().find(|(known, _)| known == code);
        let known = known.map(|(code, token)| (code.as_str(), *token));
        known.ok_or_else(|| RecognizeError::Language(code.to_owned()))
    }

    fn hear(&self, samples: &[f32], padding: Padding) -> Heard {
        let frames = samples.len().div_ceil(2 * HOP);
        let exact = self.encoder.exact(frames, padding);
        let spectrogram = self
            .mel
            .spectrogram(samples, self.encoder.mel_frames(exact), self.pace);
        let encoded = self.encoder.encode(&spectrogram, exact, padding, self.pace);
        self.decoder.hear(encoded, frames, self.pace)
    }

    /// The spoken language, and its token.
    fn detect(&self, heard: &Heard) -> (&str, u32) {
        let languages = self.rules.languages.as_slice();
        let mut logits = Vec::new();
        if languages.len() > 1 {
            let mut text = self.decoder.begin();
            self.decoder
                .push(&mut text, self.rules.start, heard, &[], self.pace);
            self.decoder.logits(&mut text, &mut logits, self.pace);
        }
        let score = |token: &u32| logits.get(*token as usize).copied().unwrap_or_default();
        let best = languages
            .iter()
            .max_by(|(_, a), (_, b)| score(a).total_cmp(&score(b)));
        best.map_or(("en", self.rules.start), |(code, token)| {
            (code.as_str(), *token)
        })
    }

    /// The tokens before the text.
    fn before(&self, language: u32, options: &Options) -> Vec<u32> {
        let rules = &self.rules;
        let mut before = Vec::new();
        let prompt = options.prompt.trim();
        if !prompt.is_empty() {
            let most = self.decoder.positions() / 2 - 1;
            let text = format!(" {prompt}");
            before.push(rules.previous);
            before.extend(self.vocabulary.last_tokens(&text, most, self.pace));
        }
        before.push(rules.start);
        if let Some((transcribe, translate)) = rules.tasks {
            before.push(language);
            before.push(if options.translate {
                translate
            } else {
                transcribe
            });
        }
        before.push(rules.no_timestamps);
        before
    }

    fn recognition(
        &self,
        language: &str,
        decoded: &Decoded,
        heard: &Heard,
        samples: &[f32],
    ) -> Recognition {
        let ids: Vec<u32> = decoded.choices.iter().map(|choice| choice.id).collect();
        let heads = self.rules.alignment_heads.len();
        let starts = align(
            &decoded.alignment,
            ids.len() + 1,
            heads,
            heard.frames(),
            self.pace,
        );
        let time = |token: usize| {
            let frame = starts.get(token).copied().unwrap_or_default();
            frame as f32 / FRAMES as f32
        };
        let spellings = words(&ids, &self.vocabulary, language);
        let times: Vec<_> = spellings
            .iter()
            .map(|spelling| (time(spelling.tokens.start), time(spelling.tokens.end)))
            .collect();
        let times = refine(&times, samples);
        let words = spellings
            .into_iter()
            .zip(times)
            .map(|(spelling, (start, end))| {
                let choices = &decoded.choices[spelling.tokens.clone()];
                let sum: f32 = choices.iter().map(|choice| choice.log_probability).sum();
                Word {
                    text: spelling.text,
                    start,
                    end,
                    confidence: (sum / choices.len().max(1) as f32).exp(),
                    tokens: choices
                        .iter()
                        .map(|choice| Token {
                            id: choice.id,
                            bytes: self.vocabulary.bytes(choice.id).to_vec(),
                            log_probability: choice.log_probability,
                        })
                        .collect(),
                }
            });
        Recognition {
            language: language.to_owned(),
            no_speech: decoded.no_speech(),
            words: words.collect(),
            temperature: decoded.temperature,
            evidence: decoded.evidence,
        }
    }
}
