//! A transcript as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::rc::Rc;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use guest::{Busy, LocalFuture};
use http_api::Problem;
use serde::Serialize;
use serde_json::json;
use speech::Word;
use speech::audio::Recording;
use speech::pipeline::Recognition;

use super::error::OpenAiError;
use crate::model::{Model, Wish};

/// A recognition whose words are being sent.
///
/// The next piece is recognised when what was sent before has been taken, so a client that goes away
/// ends the work.
struct Telling {
    model: Rc<Model>,
    wish: Wish,
    recognition: Recognition,
    /// How many words have been sent.
    told: usize,
    _busy: Option<Arc<Busy>>,
}

/// Answers with the words of `recording`, each piece as soon as it is recognised.
pub(super) async fn respond(
    model: Rc<Model>,
    recording: Recording,
    wish: Wish,
    busy: Option<Arc<Busy>>,
) -> Response {
    let telling = Telling {
        recognition: model.begin(recording.into_samples()).await,
        model,
        wish,
        told: 0,
        _busy: busy,
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
                    let events = delta(self.told, words);
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
            Some(words) => delta(self.told, words),
        };
        events += &event(&json!({"type": "transcript.text.done", "text": transcript.text()}));
        events
    }
}

/// The event for `words` that come after `told` others: put together, the deltas are the text.
fn delta(told: usize, words: &[Word]) -> String {
    let text: String = words.iter().map(|word| word.text.as_str()).collect();
    let text = if told == 0 { text.trim_start() } else { &text };
    event(&json!({"type": "transcript.text.delta", "delta": text}))
}

fn failure(problem: &Problem) -> String {
    event(&OpenAiError::from(problem))
}

fn event(data: &impl Serialize) -> String {
    // Strings and nothing else: serialising does not fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("data: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Vec<Word> {
        texts
            .iter()
            .map(|text| Word {
                text: format!(" {text}"),
                ..Word::default()
            })
            .collect()
    }

    #[test]
    fn deltas_put_together_are_the_text() {
        assert_eq!(
            delta(0, &words(&["SEVEN", "TIMES"])) + &delta(2, &words(&["NINE"])),
            "data: {\"delta\":\"SEVEN TIMES\",\"type\":\"transcript.text.delta\"}\n\n\
             data: {\"delta\":\" NINE\",\"type\":\"transcript.text.delta\"}\n\n"
        );
    }
}
