//! Words, segments and their times.

mod merge;
mod seam;
mod segment;

use crate::{Word, chunk::SAMPLE_RATE, text};

pub use merge::Merger;
pub use segment::{LINE, LONGEST, Segment};

/// A recognised recording. Times are in seconds from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The words in order; none overlaps the next.
    pub words: Vec<Word>,
    /// The words grouped into segments, all of them in order.
    pub segments: Vec<Segment>,
    /// How long the recording is.
    pub duration: f64,
    /// The code of the spoken language; `None` without speech.
    pub language: Option<String>,
    /// The probability that nobody speaks.
    pub no_speech_probability: f64,
    /// The number of channels that were recognised separately, including silent ones; 0 if they were mixed.
    pub channels: usize,
}

impl Transcript {
    /// The transcript of a recording of `samples`, from its words in order.
    #[must_use]
    pub fn new(words: Vec<Word>, samples: usize) -> Self {
        Self {
            segments: segment::segments(&words),
            words,
            duration: samples as f64 / f64::from(SAMPLE_RATE),
            language: None,
            no_speech_probability: 1.0,
            channels: 0,
        }
    }

    /// The transcript of a recording whose channels were recognised one by one: their segments in order of time, their
    /// words in the order of the segments.
    #[must_use]
    pub fn of_channels(channels: Vec<Self>) -> Self {
        let mut whole = Self::new(Vec::new(), 0);
        whole.channels = channels.len();
        let mut segments = Vec::new();
        for (channel, transcript) in channels.into_iter().enumerate() {
            whole.duration = whole.duration.max(transcript.duration);
            whole.language = whole.language.or(transcript.language);
            let least = whole
                .no_speech_probability
                .min(transcript.no_speech_probability);
            whole.no_speech_probability = least;
            let mut words = transcript.words;
            for word in &mut words {
                word.channel = Some(channel);
            }
            segments.extend(transcript.segments.into_iter().map(|segment| {
                let words = words.get_mut(segment.words.clone()).unwrap_or_default();
                let words: Vec<Word> = words.iter_mut().map(std::mem::take).collect();
                (segment, words)
            }));
        }
        segments.sort_by(|(a, _), (b, _)| a.start.total_cmp(&b.start));
        for (mut segment, words) in segments {
            let begin = whole.words.len();
            whole.words.extend(words);
            segment.words = begin..whole.words.len();
            whole.segments.push(segment);
        }
        whole
    }

    /// The transcript of a recording that begins so many seconds later.
    #[must_use]
    pub fn delayed(mut self, seconds: f64) -> Self {
        for word in &mut self.words {
            word.start += seconds;
            word.end += seconds;
        }
        for segment in &mut self.segments {
            segment.start += seconds;
            segment.end += seconds;
        }
        self.duration += seconds;
        self
    }

    /// The channel of a segment, if channels were recognised separately.
    #[must_use]
    pub fn channel(&self, segment: &Segment) -> Option<usize> {
        self.words.get(segment.words.start)?.channel
    }

    /// All words.
    pub fn text(&self) -> String {
        text(&self.words)
    }

    /// The duration in seconds with one decimal, such as `20.7`.
    pub fn duration_text(&self) -> String {
        duration_text(self.duration)
    }
}

/// Seconds with one decimal, such as `20.7`.
pub fn duration_text(seconds: f64) -> String {
    format!("{seconds:.1}")
}

#[cfg(test)]
pub(crate) mod tests;
