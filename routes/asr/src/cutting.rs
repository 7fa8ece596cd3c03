//! Cuts recordings into windows while they are being decoded.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use axum::body::Bytes;
use http_api::Problem;
use jobs::Progress;
use serde_json::{Value, json};
use speech::Sound;
use speech::audio::{Channels, Reader};
use speech::pipeline;
use speech_api::RecognitionOptions;

use crate::audio::Allowance;
use crate::hearing::{Place, Question, Recorded, Rest, Window, reporter};
use crate::model::Model;

/// Seconds of audio between two progress reports of decoding.
const REPORT_INTERVAL: u64 = 30;

/// The recordings of a request, of which windows are given as soon as they are known.
pub(crate) struct Cutting<Q> {
    question: Q,
    options: RecognitionOptions,
    channels: Channels,
    progress: Progress,
    model: Rc<Model>,
    allowance: Allowance,
    /// How many there are.
    count: usize,
    files: VecDeque<Bytes>,
    reading: Option<Reading>,
    recordings: Vec<Result<Recorded, Value>>,
    places: Vec<Place>,
}

/// A recording that is being decoded and cut.
struct Reading {
    reader: Reader,
    channels: Vec<pipeline::Cutting>,
    /// Seconds of sound at the last report.
    reported: u64,
    /// Whether a window was given.
    begun: bool,
    ended: bool,
}

impl<Q: Question> Cutting<Q> {
    pub(crate) async fn new(
        question: Q,
        files: Vec<Bytes>,
        channels: Channels,
        progress: &Progress,
    ) -> Result<Self, Problem> {
        Ok(Self {
            options: question.options(),
            question,
            channels,
            progress: progress.clone(),
            model: Model::get().await?,
            allowance: Allowance::new(progress.mode()).await,
            count: files.len(),
            files: files.into(),
            reading: None,
            recordings: Vec::new(),
            places: Vec::new(),
        })
    }

    /// The next window to recognise; none after the last.
    ///
    /// The language of a channel is known from its first window with speech, so that is recognised here, unless there is only
    /// one language.
    ///
    /// # Errors
    /// The problem of a recording that is refused, unless it is one of several.
    pub(crate) async fn next(&mut self) -> Result<Option<Window>, Problem> {
        loop {
            let file = self.file();
            if let Some(reading) = &mut self.reading {
                let report = reporter(&self.progress, file);
                match reading.next(&self.model, &self.allowance, report).await {
                    Ok(Some((channel, sound))) => {
                        if let Some(window) = self.window(channel, sound).await? {
                            return Ok(Some(window));
                        }
                        continue;
                    }
                    Ok(None) => self.end_recording()?,
                    Err(problem) => self.refuse(problem)?,
                }
            }
            let Some(file) = self.files.pop_front() else {
                return Ok(None);
            };
            match self.allowance.open(file, self.channels) {
                Ok(reader) => {
                    self.reading = Some(Reading {
                        reader,
                        channels: Vec::new(),
                        reported: 0,
                        begun: false,
                        ended: false,
                    });
                }
                Err(problem) => self.refuse(problem)?,
            }
        }
    }

    /// The window of a sound, or none if it was recognised to learn the language.
    async fn window(&mut self, channel: usize, sound: Sound) -> Result<Option<Window>, Problem> {
        let file = self.file();
        let Some(cutting) = self
            .reading
            .as_mut()
            .and_then(|reading| reading.channels.get_mut(channel))
        else {
            return Err(Problem::internal("a window without a channel"));
        };
        let mut options = self.options.clone();
        let language = cutting.windows().language().map(str::to_owned);
        options.language = options.language.or(language);
        if options.language.is_none() && self.model.served.languages.len() > 1 {
            cutting.heard(Model::recognise(&sound.samples(), None, &options).await?);
            let progress = cutting.windows().progress();
            reporter(&self.progress, file)(speech_api::progress(progress));
            return Ok(None);
        }
        self.places.push(Place {
            recording: self.recordings.len(),
            channel,
        });
        Ok(Some(Window { sound, options }))
    }

    /// The number of the recording, from 0, and how many there are, if this is one of several.
    fn file(&self) -> Option<(usize, usize)> {
        let is_list = self.question.is_list();
        is_list.then_some((self.recordings.len(), self.count))
    }

    fn end_recording(&mut self) -> Result<(), Problem> {
        let Some(reading) = self.reading.take() else {
            return Ok(());
        };
        self.allowance.take(reading.reader.work());
        match reading.reader.end() {
            Ok(end) => {
                let channels = reading
                    .channels
                    .into_iter()
                    .map(pipeline::Cutting::into_windows);
                self.recordings.push(Ok(Recorded {
                    channels: channels.collect(),
                    split: self.channels == Channels::Split,
                    offset: end.offset.as_secs_f64(),
                    warnings: end.warnings,
                }));
                Ok(())
            }
            Err(error) => self.refuse(self.allowance.refused(&error)),
        }
    }

    /// Ends with the problem of a recording, or keeps it, if this is one of several.
    fn refuse(&mut self, problem: Problem) -> Result<(), Problem> {
        // The windows that were given are recognised all the same, so they count.
        if let Some(reading) = self.reading.take()
            && reading.begun
        {
            self.allowance.take(reading.reader.work());
        }
        let problem = self.question.refused(problem);
        if !self.question.is_list() {
            return Err(problem);
        }
        // Strings and numbers: serialising does not fail.
        let problem = serde_json::to_value(&problem).unwrap_or_default();
        self.recordings.push(Err(problem));
        Ok(())
    }

    /// What the join needs, after the last window.
    pub(crate) fn into_rest(self) -> Rest<Q> {
        Rest {
            question: self.question,
            recordings: self.recordings,
            places: self.places,
        }
    }
}

impl Reading {
    /// The channel and the sound of the next window.
    async fn next(
        &mut self,
        model: &Model,
        allowance: &Allowance,
        report: impl Fn(Value),
    ) -> Result<Option<(usize, Sound)>, Problem> {
        loop {
            for (channel, cutting) in self.channels.iter_mut().enumerate() {
                if let Some(sound) = cutting.next(guest::pause).await {
                    self.begun = true;
                    return Ok(Some((channel, sound)));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let reported = &mut self.reported;
            let pause = async |decoded: Duration| {
                let seconds = decoded.as_secs();
                if seconds >= *reported + REPORT_INTERVAL {
                    *reported = seconds;
                    report(json!({"seconds_decoded": seconds}));
                }
                guest::pause().await;
            };
            let blocks = self.reader.read(pause).await;
            match blocks.map_err(|error| allowance.refused(&error))? {
                Some(blocks) => {
                    self.channels.resize_with(blocks.len(), || model.cut());
                    for (cutting, block) in self.channels.iter_mut().zip(blocks) {
                        cutting.push(block);
                    }
                }
                None => {
                    self.channels.iter_mut().for_each(pipeline::Cutting::end);
                    self.ended = true;
                }
            }
        }
    }
}
