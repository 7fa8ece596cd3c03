//! A multilingual recogniser that does not recognise speech: its words are the options that it gets, so that tests see the
//! options that requests lead to.

use bindings::Guest;
use bindings::exports::routelets::recognizer::recognizer::{
    Error, Guest as RecognizerGuest, Model, Options, Recognition, Segment, Task, Token, Word,
};

interfaces::export!("../../../wit/recognizer", Interpreter);

const RATE: u32 = 16_000;
/// The language that it detects.
const DETECTED: &str = "de";

struct Interpreter;

impl Guest for Interpreter {
    fn init(_: Vec<u8>) -> Result<String, String> {
        Err("it has no model".to_owned())
    }
}

impl RecognizerGuest for Interpreter {
    async fn describe() -> Model {
        Model {
            name: "interpreter".to_owned(),
            created: 1_700_000_000,
            sample_rate: RATE,
            minimum_samples: 1,
            maximum_samples: 30 * RATE,
            languages: ["en", DETECTED, "fr"].map(str::to_owned).into(),
            translates: true,
            punctuates: true,
        }
    }

    async fn recognize(_: Vec<f32>, options: Options) -> Result<Recognition, Error> {
        let task = match options.task {
            Task::Transcribe => "transcribe",
            Task::Translate => "translate",
        };
        let said = [
            format!(" {task}"),
            format!(" {}", options.language.as_deref().unwrap_or("none")),
            format!(" {}", options.temperature),
            format!(" {}.", options.prompt),
        ];
        let words = said.into_iter().enumerate().map(|(i, text)| Word {
            start: i as f32 * 0.2,
            end: i as f32 * 0.2 + 0.1,
            confidence: 0.5,
            tokens: vec![Token {
                id: i as u32,
                bytes: text.clone().into_bytes(),
                log_probability: -0.5,
            }],
            text,
        });
        Ok(Recognition {
            language: options.language.unwrap_or_else(|| DETECTED.to_owned()),
            no_speech_probability: 0.25,
            segments: vec![Segment {
                words: words.collect(),
                temperature: 0.4,
                no_speech_probability: 0.125,
            }],
        })
    }
}
