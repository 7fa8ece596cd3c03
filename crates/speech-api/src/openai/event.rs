//! A transcript as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::rc::Rc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use guest::{Busy, LocalFuture};
use http_api::Problem;
use serde::Serialize;
use serde_json::{Value, json};
use speech::Word;
use speech::audio::Recording;
use speech::pipeline::Recognition;

use super::answer::log_probs;
use super::error::OpenAiError;
use crate::model::{Model, Wish};

/// A recognition whose words are being sent.
///
/// The next piece is recognised when what was sent before has been taken, so a client that goes away
/// ends the work.
struct Telling {
    model: Rc<Model>,
    wish: Wish,
    /// Whether the tokens are sent, too.
    logprobs: bool,
    recognition: Recognition,
    /// How many words have been sent.
    told: usize,
    /// An answer that streams goes on after its handler has returned.
    _busy: Busy,
}

/// Answers with the words of `recording`, each piece as soon as it is recognised.
pub(super) async fn respond(
    model: Rc<Model>,
    recording: Recording,
    wish: Wish,
    logprobs: bool,
) -> Response {
    let telling = Telling {
        recognition: model.begin(recording.into_samples()).await,
        model,
        wish,
        logprobs,
        told: 0,
        _busy: Busy::new(),
    };
    let events = stream::unfold(Some(telling), async |telling| {
        let (events, rest) = telling?.next().await;
        Some((Ok::<_, std::convert::Infallible>(events), rest))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::from_stream(LocalFuture::new(events))).into_response()
}

impl Telling {
    /// The next events, and what is left to tell.
    async fn next(mut self) -> (String, Option<Self>) {
        loop {
            match self.model.step(&mut self.recognition, &self.wish).await {
                Ok(Some([])) => {}
                Ok(Some(words)) => {
                    let events = delta(self.told, words, self.logprobs);
                    self.told += words.len();
                    return (events, Some(self));
                }
                Ok(None) => return (self.rest(), None),
                Err(problem) => return (failure(&problem), None),
            }
        }
    }

    fn rest(self) -> String {
        let transcript = self.recognition.finish();
        let mut events = match transcript.words.get(self.told..) {
            None | Some([]) => String::new(),
            Some(words) => delta(self.told, words, self.logprobs),
        };
        let done = json!({"type": "transcript.text.done", "text": transcript.text()});
        events += &event(&with_tokens(done, &transcript.words, self.logprobs));
        events
    }
}

/// The event for `words` that come after `told` others: put together, the deltas are the text.
fn delta(told: usize, words: &[Word], logprobs: bool) -> String {
    let text: String = words.iter().map(|word| word.text.as_str()).collect();
    let text = if told == 0 { text.trim_start() } else { &text };
    let delta = json!({"type": "transcript.text.delta", "delta": text});
    event(&with_tokens(delta, words, logprobs))
}

/// The event with the tokens of its words, where asked for.
fn with_tokens(mut event: Value, words: &[Word], logprobs: bool) -> Value {
    if logprobs {
        event["logprobs"] = json!(log_probs(words));
    }
    event
}

fn failure(problem: &Problem) -> String {
    problem.log("a stream of words");
    event(&OpenAiError::from(problem))
}

fn event(data: &impl Serialize) -> String {
    // Strings and nothing else: serialising does not fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("data: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use speech::Token;

    use super::*;

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

    #[test]
    fn deltas_put_together_are_the_text() {
        assert_eq!(
            delta(0, &words(&["SEVEN", "TIMES"]), false) + &delta(2, &words(&["NINE"]), false),
            "data: {\"delta\":\"SEVEN TIMES\",\"type\":\"transcript.text.delta\"}\n\n\
             data: {\"delta\":\" NINE\",\"type\":\"transcript.text.delta\"}\n\n"
        );
    }

    #[test]
    fn tokens_are_sent_where_asked_for() {
        let event = delta(0, &words(&["A"]), true);
        let data: Value = serde_json::from_str(event["data: ".len()..].trim()).expect("JSON");
        assert_eq!(
            data["logprobs"],
            json!([{"token": " A", "logprob": -0.5, "bytes": [32, 65]}])
        );
    }
}
