//! A transcript as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use futures_util::{Stream, stream};
use http_api::Problem;
use serde::Serialize;
use speech::pipeline::Recognition;
use speech::{Heard, Word};
use utoipa::ToSchema;

use super::answer::{LogProb, log_probs};
use super::error::OpenAiError;
use crate::text::TimedWord;

/// The data of a server-sent event: the text of a piece, then the text as a whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum TranscriptionEvent {
    /// What follows in the text. All deltas together are the text.
    #[serde(rename = "transcript.text.delta")]
    Delta {
        /// The text.
        #[schema(example = "Please write a letter")]
        delta: String,
        /// The tokens and their probabilities, with `include[]=logprobs`.
        #[schema(nullable = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<Vec<LogProb>>,
        /// The words with their times and confidences, with `timestamp_granularities[]=word`.
        #[schema(nullable = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        words: Option<Vec<TimedWord>>,
    },
    /// The end of the stream.
    #[serde(rename = "transcript.text.done")]
    Done {
        /// The whole text.
        #[schema(example = "Please write a letter to my friend.")]
        text: String,
        /// The tokens and their probabilities, with `include[]=logprobs`.
        #[schema(nullable = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<Vec<LogProb>>,
    },
}

/// What the events have beside the text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts {
    /// The tokens and their probabilities.
    pub logprobs: bool,
    /// The words with their times and confidences.
    pub words: bool,
}

/// The words of a recording as events, each piece as soon as it is recognised.
///
/// The next piece is recognised when the client has taken the one before, so a client that goes away ends the work.
/// `recognise` is called as in [`Recognition::step`]; if it fails, the last event is an error.
pub fn events(
    recognition: Recognition,
    recognise: impl AsyncFnMut(&[f32], Option<&str>) -> Result<Heard, Problem>,
    parts: Parts,
) -> impl Stream<Item = String> {
    let start = EventSource {
        recognition,
        recognise,
        parts,
        sent: 0,
    };
    stream::unfold(Some(start), async |source| Some(source?.next().await))
}

struct EventSource<R> {
    recognition: Recognition,
    recognise: R,
    parts: Parts,
    /// How many words were sent.
    sent: usize,
}

impl<R: AsyncFnMut(&[f32], Option<&str>) -> Result<Heard, Problem>> EventSource<R> {
    /// The next events, and the source of those after them.
    async fn next(mut self) -> (String, Option<Self>) {
        loop {
            match self.recognition.step(&mut self.recognise).await {
                Ok(Some([])) => {}
                Ok(Some(words)) => {
                    let events = delta(self.sent, words, self.parts);
                    self.sent += words.len();
                    return (events, Some(self));
                }
                Ok(None) => return (self.last(), None),
                Err(problem) => return (failure(&problem), None),
            }
        }
    }

    fn last(self) -> String {
        let transcript = self.recognition.finish();
        let rest = match transcript.words.get(self.sent..) {
            None | Some([]) => String::new(),
            Some(words) => delta(self.sent, words, self.parts),
        };
        let done = TranscriptionEvent::Done {
            text: transcript.text(),
            logprobs: self.parts.logprobs.then(|| log_probs(&transcript.words)),
        };
        rest + &event(&done)
    }
}

/// The event for `words`, which follow `sent` others.
fn delta(sent: usize, words: &[Word], parts: Parts) -> String {
    let text: String = words.iter().map(|word| word.text.as_str()).collect();
    let text = if sent == 0 { text.trim_start() } else { &text };
    event(&TranscriptionEvent::Delta {
        delta: text.to_owned(),
        logprobs: parts.logprobs.then(|| log_probs(words)),
        words: parts
            .words
            .then(|| words.iter().map(TimedWord::from).collect()),
    })
}

fn failure(problem: &Problem) -> String {
    problem.log("a stream of words");
    event(&OpenAiError::from(problem))
}

fn event(data: &impl Serialize) -> String {
    // Strings and numbers only: serialising does not fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("data: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use pollster::block_on;
    use serde_json::{Value, json};
    use speech::Token;
    use speech::audio::SAMPLE_RATE;

    use super::*;

    const SECOND: usize = SAMPLE_RATE as usize;

    fn words(texts: &[&str]) -> Vec<Word> {
        texts
            .iter()
            .map(|text| Word {
                text: format!(" {text}"),
                tokens: vec![Token {
                    id: 7,
                    bytes: format!(" {text}").into_bytes(),
                    log_probability: -0.5,
                }],
                ..Word::default()
            })
            .collect()
    }

    /// The data of all events for 30 seconds of sound, in windows of at most 12.
    fn stream(
        recognise: impl AsyncFnMut(&[f32], Option<&str>) -> Result<Heard, Problem>,
    ) -> Vec<Value> {
        block_on(async {
            let samples = vec![0.1; 30 * SECOND];
            let recognition = Recognition::new(samples, 1..12 * SECOND, async || ()).await;
            let events: Vec<String> = Box::pin(events(recognition, recognise, Parts::default()))
                .collect()
                .await;
            let events = events.concat();
            let data = events.split_terminator("\n\n");
            data.map(|event| {
                let data = event.strip_prefix("data: ").expect("an event");
                serde_json::from_str(data).expect("JSON")
            })
            .collect()
        })
    }

    #[test]
    fn words_are_sent_as_they_come_and_as_a_whole() {
        let mut window = 0;
        let events = stream(async |_, _| {
            window += 1;
            let mut words = words(&[if window == 1 { "ONE" } else { "MORE" }]);
            for word in &mut words {
                (word.start, word.end) = (5.0, 5.4);
            }
            Ok(Heard {
                words,
                ..Heard::default()
            })
        });
        let text: String = events
            .iter()
            .filter_map(|event| event["delta"].as_str())
            .collect();
        let (done, deltas) = events.split_last().expect("events");
        assert!(deltas.len() > 1, "{events:?}");
        assert!(
            deltas
                .iter()
                .all(|event| event["type"] == "transcript.text.delta")
        );
        assert_eq!(*done, json!({"type": "transcript.text.done", "text": text}));
        assert!(text.starts_with("ONE MORE"), "{text}");
    }

    #[test]
    fn a_failure_is_the_last_event() {
        let events = stream(async |_, _| Err(Problem::internal("the model is gone")));
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["error"]["code"], "internal_error");
    }

    #[test]
    fn deltas_put_together_are_the_text() {
        assert_eq!(
            delta(0, &words(&["SEVEN", "TIMES"]), Parts::default())
                + &delta(2, &words(&["NINE"]), Parts::default()),
            "data: {\"type\":\"transcript.text.delta\",\"delta\":\"SEVEN TIMES\"}\n\n\
             data: {\"type\":\"transcript.text.delta\",\"delta\":\" NINE\"}\n\n"
        );
    }

    #[test]
    fn tokens_are_sent_where_asked_for() {
        let parts = Parts {
            logprobs: true,
            ..Parts::default()
        };
        let event = delta(0, &words(&["A"]), parts);
        let data: Value = serde_json::from_str(event["data: ".len()..].trim()).expect("JSON");
        assert_eq!(
            data["logprobs"],
            json!([{"token": " A", "logprob": -0.5, "bytes": [32, 65]}])
        );
    }
    #[test]
    fn words_have_times_where_asked_for() {
        let mut heard = words(&["A"]);
        for word in &mut heard {
            (word.start, word.end, word.confidence) = (5.0, 5.4, 0.75);
        }
        let parts = Parts {
            words: true,
            ..Parts::default()
        };
        let event = delta(3, &heard, parts);
        let data: Value = serde_json::from_str(event["data: ".len()..].trim()).expect("JSON");
        assert_eq!(
            data,
            json!({
                "type": "transcript.text.delta",
                "delta": " A",
                "words": [{"word": "A", "start": 5.0, "end": 5.4, "confidence": 0.75}],
            })
        );
    }
}
