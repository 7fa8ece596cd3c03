//! From recordings to transcripts: in this instance, or window by window in several.

use axum::body::Bytes;
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use http_api::Problem;
use jobs::{Mode, Parted, Parts, Piece, Progress, Step};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use speech::audio::{Channels, Warning};
use speech::pipeline::Windows;
use speech::transcript::Transcript;
use speech::{Heard, Sound};
use speech_api::RecognitionOptions;

use crate::cutting::Cutting;
use crate::model::Model;

/// Makes a task whose windows several instances recognise, from the function that begins it.
macro_rules! parted {
    ($task:ty, $question:ty, $begin:path) => {
        impl ::jobs::Parted for $task {
            type Rest = $crate::hearing::Rest<$question>;
            type Part = $crate::hearing::Window;
            type Found = ::speech::Heard;

            async fn begin(
                input: Self::Input,
                progress: &::jobs::Progress,
            ) -> Result<::jobs::Step<Self>, ::http_api::Problem> {
                $begin(input, progress).await
            }

            async fn part(
                window: Self::Part,
                _: &::jobs::Progress,
            ) -> Result<(Self::Found, u64), ::http_api::Problem> {
                $crate::hearing::part(window).await
            }

            async fn join(
                rest: Self::Rest,
                heard: Vec<Self::Found>,
                progress: &::jobs::Progress,
            ) -> Result<::jobs::Step<Self>, ::http_api::Problem> {
                $crate::hearing::join(rest, heard, progress).await
            }
        }
    };
}
pub(crate) use parted;

/// With fewer windows to recognise, storing them would cost more than it saves.
const LEAST_STORED: usize = 3;

/// With fewer windows to recognise, there is nothing to share.
const LEAST_SHARED: usize = 2;

/// A decoded recording.
#[derive(Serialize, Deserialize)]
pub struct Recorded {
    pub(crate) channels: Vec<Windows>,
    /// Whether the channels are recognised on their own.
    pub(crate) split: bool,
    /// When the sound begins, in seconds.
    pub(crate) offset: f64,
    pub(crate) warnings: Vec<Warning>,
}

/// The words in a recording, and what is wrong with it.
pub(crate) struct Transcribed {
    pub(crate) transcript: Transcript,
    pub(crate) warnings: Vec<Warning>,
}

/// What is asked about recordings.
pub(crate) trait Question: Serialize + DeserializeOwned + 'static {
    /// How they are recognised.
    fn options(&self) -> RecognitionOptions;

    /// Whether there may be several recordings, and some of them may be refused.
    fn is_list(&self) -> bool;

    /// The problem of a recording, as the answer shows it.
    fn refused(&self, problem: Problem) -> Problem {
        problem
    }

    /// The answer.
    async fn respond(
        self,
        transcribed: Vec<Result<Transcribed, Value>>,
    ) -> Result<Response, Problem>;
}

/// What the join of a job needs beside what was heard in the windows.
#[derive(Serialize, Deserialize)]
pub struct Rest<Q> {
    pub(crate) question: Q,
    /// Recordings, and problems of those that were refused.
    pub(crate) recordings: Vec<Result<Recorded, Value>>,
    /// Where the windows are, in their order.
    pub(crate) places: Vec<Place>,
}

/// The recording and the channel of a window.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Place {
    pub(crate) recording: usize,
    pub(crate) channel: usize,
}

/// A window of a recording.
#[derive(Serialize, Deserialize)]
pub struct Window {
    pub(crate) sound: Sound,
    pub(crate) options: RecognitionOptions,
}

impl<Q> Rest<Q> {
    /// Takes what was heard in the window of a place.
    fn push(&mut self, place: Place, heard: Heard) {
        // A recording may have been refused after its first windows.
        if let Some(Ok(recorded)) = self.recordings.get_mut(place.recording)
            && let Some(windows) = recorded.channels.get_mut(place.channel)
        {
            windows.join([heard]);
        }
    }

    /// Reports the progress of all channels of all recordings together.
    fn report(&self, progress: &Progress) {
        let recordings = self.recordings.iter().flatten();
        let channels = recordings.flat_map(|recording| &recording.channels);
        progress.report(|| speech_api::progress(channels.map(Windows::progress).sum()));
    }
}

impl Recorded {
    /// The transcript, with the times of a player.
    fn finish(self) -> Transcribed {
        let mut transcripts = Vec::new();
        for mut channel in self.channels {
            // The last windows may be too short for a word.
            channel.join([]);
            transcripts.push(channel.finish().delayed(self.offset));
        }
        let transcript = if self.split {
            Transcript::of_channels(transcripts)
        } else {
            let first = transcripts.pop();
            first.unwrap_or_else(|| Transcript::new(Vec::new(), 0))
        };
        Transcribed {
            transcript,
            warnings: self.warnings,
        }
    }
}

/// The beginning: the answer to short recordings, or the windows of longer ones while they are being decoded.
pub(crate) async fn begin<T, Q: Question>(
    question: Q,
    files: Vec<Bytes>,
    channels: Channels,
    progress: &Progress,
) -> Result<Step<T>, Problem>
where
    T: Parted<Rest = Rest<Q>, Part = Window>,
{
    let least = match progress.mode() {
        Mode::Job => LEAST_STORED,
        Mode::Now => LEAST_SHARED,
    };
    let mut cutting = Cutting::new(question, files, channels, progress).await?;
    let mut first = Vec::new();
    while first.len() < least {
        match cutting.next().await? {
            Some(window) => first.push(window),
            None => {
                return Ok(Step::Answer(
                    answer(cutting.into_rest(), first, progress).await?,
                ));
            }
        }
    }
    let first = first.into_iter().map(|window| Ok(Piece::Part(window)));
    let progress = progress.clone();
    let others = stream::try_unfold(Some(cutting), move |cutting| {
        let progress = progress.clone();
        async move {
            let Some(mut cutting) = cutting else {
                return Ok(None);
            };
            Ok(Some(match cutting.next().await? {
                Some(window) => (Piece::Part(window), Some(cutting)),
                None => {
                    let rest = cutting.into_rest();
                    // The parts count on from here.
                    rest.report(&progress);
                    (Piece::Rest(rest), None)
                }
            }))
        }
    });
    Ok(Step::Parts(Parts::from_stream(
        stream::iter(first).chain(others),
    )))
}

/// The answer, with the windows recognised here.
async fn answer<Q: Question>(
    mut rest: Rest<Q>,
    windows: Vec<Window>,
    progress: &Progress,
) -> Result<Response, Problem> {
    rest.report(progress);
    for (place, window) in std::mem::take(&mut rest.places).into_iter().zip(windows) {
        let (heard, _) = part(window).await?;
        rest.push(place, heard);
        rest.report(progress);
    }
    respond(rest).await
}

/// Recognises a window.
pub(crate) async fn part(window: Window) -> Result<(Heard, u64), Problem> {
    let samples = window.sound.samples();
    let heard = Model::recognise(&samples, None, &window.options).await?;
    Ok((heard, 1))
}

/// The answer, from what was heard in the windows.
pub(crate) async fn join<T, Q: Question>(
    mut rest: Rest<Q>,
    heard: Vec<Heard>,
    progress: &Progress,
) -> Result<Step<T>, Problem>
where
    T: Parted,
{
    for (place, heard) in std::mem::take(&mut rest.places).into_iter().zip(heard) {
        rest.push(place, heard);
    }
    rest.report(progress);
    Ok(Step::Answer(respond(rest).await?))
}

async fn respond<Q: Question>(rest: Rest<Q>) -> Result<Response, Problem> {
    let recordings = rest.recordings.into_iter();
    let transcribed = recordings.map(|recording| recording.map(Recorded::finish));
    rest.question.respond(transcribed.collect()).await
}

/// Reports the progress of one recording or, with its index, of one of several.
pub(crate) fn reporter(
    progress: &Progress,
    file: Option<(usize, usize)>,
) -> impl Fn(Value) + use<'_> {
    move |mut value| {
        if let Some((index, files)) = file {
            value["file"] = (index + 1).into();
            value["files"] = files.into();
        }
        progress.report(|| value);
    }
}
