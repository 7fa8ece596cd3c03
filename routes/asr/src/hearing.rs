//! From decoded recordings to transcripts: in this instance, or window by window in several.

use http_api::Problem;
use jobs::{Mode, Parted, Parts, Progress, Step};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use speech::audio::{Channels, Recording, Warning};
use speech::pipeline::{Recognition, Windows};
use speech::transcript::Transcript;
use speech::{Heard, Sound};
use speech_api::RecognitionOptions;

use axum::response::Response;

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

/// A decoded recording. `C` is what is known of each channel.
#[derive(Serialize, Deserialize)]
pub struct Recorded<C> {
    channels: Vec<C>,
    /// Whether the channels are recognised on their own.
    split: bool,
    /// When the sound begins, in seconds.
    offset: f64,
    warnings: Vec<Warning>,
}

/// The words in a recording, and what is wrong with it.
pub(crate) struct Transcribed {
    pub(crate) transcript: Transcript,
    pub(crate) warnings: Vec<Warning>,
}

/// A recording, or the problem that it was refused with.
pub(crate) type Decoded = Result<Recorded<Recognition>, Problem>;

/// What is asked about recordings.
pub(crate) trait Question: Serialize + DeserializeOwned + 'static {
    /// How they are recognised.
    fn options(&self) -> RecognitionOptions;

    /// Whether there may be several recordings, and some of them may be refused.
    fn is_list(&self) -> bool;

    /// The answer.
    async fn respond(
        self,
        transcribed: Vec<Result<Transcribed, Value>>,
    ) -> Result<Response, Problem>;
}

/// What the join of a job needs beside what was heard in the windows.
#[derive(Serialize, Deserialize)]
pub struct Rest<Q> {
    question: Q,
    /// Recordings, and problems of those that were refused.
    recordings: Vec<Result<Recorded<Windows>, Value>>,
}

/// A window of a recording.
#[derive(Serialize, Deserialize)]
pub struct Window {
    sound: Sound,
    options: RecognitionOptions,
}

impl Recorded<Recognition> {
    /// Cuts a recording into windows for `model`.
    pub(crate) async fn new(recording: Recording, channels: Channels, model: &Model) -> Self {
        let mut cut = Vec::new();
        for samples in recording.channels {
            cut.push(model.begin(samples).await);
        }
        Self {
            channels: cut,
            split: channels == Channels::Split,
            offset: recording.offset.as_secs_f64(),
            warnings: recording.warnings,
        }
    }

    /// The only channel, and what is wrong with the recording.
    ///
    /// # Errors
    /// `internal-error` if there is none.
    pub(crate) fn into_mixed(mut self) -> Result<(Recognition, Vec<Warning>), Problem> {
        let channel = self.channels.pop();
        let channel = channel.ok_or_else(|| Problem::internal("a recording without a channel"))?;
        Ok((channel, self.warnings))
    }

    /// Recognises windows while `is_wanted`. `report` is called with the progress.
    async fn recognise(
        &mut self,
        options: &RecognitionOptions,
        is_wanted: impl Fn(&Windows) -> bool,
        report: impl Fn(Value),
    ) -> Result<(), Problem> {
        let mut recognise = async |samples: &[f32], language: Option<&str>| {
            Model::recognise(samples, language, options).await
        };
        for channel in &mut self.channels {
            report(speech_api::progress(channel.windows().progress()));
            while is_wanted(channel.windows()) && channel.step(&mut recognise).await?.is_some() {
                report(speech_api::progress(channel.windows().progress()));
            }
        }
        Ok(())
    }

    fn left(&self) -> usize {
        let channels = self.channels.iter();
        channels.map(|channel| channel.windows().left()).sum()
    }

    /// The windows that remain, with the language of those before them.
    fn into_parts(
        self,
        options: &RecognitionOptions,
    ) -> (Recorded<Windows>, impl Iterator<Item = Window> + use<>) {
        let (channels, windows): (Vec<_>, Vec<_>) = self
            .channels
            .into_iter()
            .map(|channel| {
                let (windows, sounds) = channel.into_parts();
                let mut options = options.clone();
                let language = windows.language().map(str::to_owned);
                options.language = options.language.or(language);
                let parts = sounds.map(move |sound| Window {
                    sound,
                    options: options.clone(),
                });
                (windows, parts)
            })
            .unzip();
        let recorded = Recorded {
            channels,
            split: self.split,
            offset: self.offset,
            warnings: self.warnings,
        };
        (recorded, windows.into_iter().flatten())
    }
}

impl Recorded<Windows> {
    /// Takes what was heard in the windows that remained.
    fn join(&mut self, heard: &mut impl Iterator<Item = Heard>) {
        for channel in &mut self.channels {
            channel.join(heard.take(channel.left()));
        }
    }

    /// The transcript, with the times of a player.
    fn finish(self) -> Transcribed {
        let channels = self.channels.into_iter();
        let mut transcripts: Vec<Transcript> = channels
            .map(|channel| channel.finish().delayed(self.offset))
            .collect();
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

/// The answer, from the windows that remain.
async fn compute<Q: Question>(
    question: Q,
    mut decoded: Vec<Decoded>,
    progress: &Progress,
) -> Result<Response, Problem> {
    recognise(&question, &mut decoded, |_| true, progress).await?;
    let options = question.options();
    let transcribed = decoded.into_iter().map(|recording| {
        let recording = recording.map_err(|problem| shown(&problem))?;
        Ok(recording.into_parts(&options).0.finish())
    });
    question.respond(transcribed.collect()).await
}

/// The beginning: the answer, or the windows of its recordings. The language of a channel is known from its first
/// window with speech, so that is recognised here, unless there is only one language.
pub(crate) async fn begin<T, Q: Question>(
    question: Q,
    mut decoded: Vec<Decoded>,
    progress: &Progress,
) -> Result<Step<T>, Problem>
where
    T: Parted<Rest = Rest<Q>, Part = Window>,
{
    let options = question.options();
    let one_language = options.language.is_some() || Model::get().await?.served.languages.len() < 2;
    let is_open = |windows: &Windows| !one_language && windows.language().is_none();
    recognise(&question, &mut decoded, is_open, progress).await?;
    let left = decoded.iter().flatten().map(Recorded::left);
    let least = match progress.mode() {
        Mode::Job => LEAST_STORED,
        Mode::Now => LEAST_SHARED,
    };
    if left.sum::<usize>() < least {
        return Ok(Step::Answer(compute(question, decoded, progress).await?));
    }
    // The parts count on from here.
    let channels = decoded
        .iter()
        .flatten()
        .flat_map(|recording| &recording.channels);
    report(progress, channels.map(Recognition::windows));
    let (recordings, windows): (Vec<_>, Vec<_>) = decoded
        .into_iter()
        .map(|recording| match recording {
            Ok(recording) => {
                let (recorded, windows) = recording.into_parts(&options);
                (Ok(recorded), Some(windows))
            }
            Err(problem) => (Err(shown(&problem)), None),
        })
        .unzip();
    let rest = Rest {
        question,
        recordings,
    };
    let windows = windows.into_iter().flatten().flatten();
    Ok(Step::Parts(Parts::new(rest, windows)))
}

/// Recognises a window.
pub(crate) async fn part(window: Window) -> Result<(Heard, u64), Problem> {
    let samples = window.sound.samples();
    let heard = Model::recognise(&samples, None, &window.options).await?;
    Ok((heard, 1))
}

/// The answer, from what was heard in its windows.
pub(crate) async fn join<T, Q: Question>(
    rest: Rest<Q>,
    heard: Vec<Heard>,
    progress: &Progress,
) -> Result<Step<T>, Problem>
where
    T: Parted,
{
    let Rest {
        question,
        mut recordings,
    } = rest;
    let mut heard = heard.into_iter();
    for recording in recordings.iter_mut().flatten() {
        recording.join(&mut heard);
    }
    let channels = recordings
        .iter()
        .flatten()
        .flat_map(|recording| &recording.channels);
    report(progress, channels);
    let transcribed = recordings
        .into_iter()
        .map(|recording| recording.map(Recorded::finish));
    let transcribed = transcribed.collect();
    Ok(Step::Answer(question.respond(transcribed).await?))
}

async fn recognise<Q: Question>(
    question: &Q,
    decoded: &mut [Decoded],
    is_wanted: impl Fn(&Windows) -> bool,
    progress: &Progress,
) -> Result<(), Problem> {
    let options = question.options();
    let files = question.is_list().then_some(decoded.len());
    for (index, recording) in decoded.iter_mut().enumerate() {
        if let Ok(recording) = recording {
            let report = reporter(progress, files.map(|files| (index, files)));
            recording.recognise(&options, &is_wanted, report).await?;
        }
    }
    Ok(())
}

/// Reports the progress of all channels of all recordings together.
fn report<'a>(progress: &Progress, channels: impl Iterator<Item = &'a Windows>) {
    progress.report(|| speech_api::progress(channels.map(Windows::progress).sum()));
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

fn shown(problem: &Problem) -> Value {
    // Strings and numbers: serialising does not fail.
    serde_json::to_value(problem).unwrap_or_default()
}
