//! What readers of containers give: packets of one track, and what is missing between them.

use symphonia::core::codecs::audio::AudioCodecParameters;

use super::warning::Note;

/// What a reader came upon.
#[derive(Debug)]
pub(super) enum Step {
    Packet(Piece),
    /// Nothing that is heard.
    Other,
    /// So many seconds in which nothing was sent.
    Silence(f64),
    /// Something is wrong here.
    Note(Note),
    /// What follows needs another decoder, of this kind.
    Restart(Box<AudioCodecParameters>),
    End,
}

/// A packet for a decoder.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) data: Vec<u8>,
    /// How long it is, in seconds, where that is known without decoding it.
    pub(super) seconds: Option<f64>,
    /// Seconds at its end that are not part of the recording.
    pub(super) excess: f64,
}

impl Piece {
    pub(super) fn new(data: impl Into<Vec<u8>>) -> Self {
        Self {
            data: data.into(),
            seconds: None,
            excess: 0.0,
        }
    }
}

/// Which of the decoded frames are the recording.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    /// Frames before it, where the container knows.
    pub(super) delay: Option<u64>,
    /// Frames after which padding follows.
    pub(super) most: Option<u64>,
}

/// A reader of a container.
pub(super) trait Packets {
    /// The next step. Each takes a fraction of a millisecond, and there are finitely many.
    fn next(&mut self) -> Step;

    /// Which frames are the recording, decoded at `rate` Hz.
    fn extent(&self, _rate: u32) -> Extent {
        Extent::default()
    }

    /// Whether packets have times of their own, so that a pause before the first frame is a start.
    fn is_timed(&self) -> bool {
        false
    }

    /// When the packet that was given last is played, in seconds. `skipped` seconds at its beginning are not part of the recording.
    fn start(&self, _skipped: f64) -> f64 {
        0.0
    }
}

/// A reader, and what its decoder needs.
pub(super) type Opened = (Box<dyn Packets>, AudioCodecParameters);

/// A file that begins this many seconds after zero was cut out of something longer, by whose clock it goes on.
const CLOCK: f64 = 60.0;

/// The start in seconds of a track in a file whose earliest one begins at `earliest`.
pub(super) fn late(start: f64, earliest: f64) -> f64 {
    if earliest < CLOCK {
        start
    } else {
        start - earliest
    }
}

/// The longest pause in seconds between packets that is believed, where numbers of frames or time stamps tell of one.
pub(super) const PAUSE: f64 = 60.0;

/// Tells of a fault that so many seconds are missing for, and has silence follow where that is believed.
pub(super) fn missing(note: Note, seconds: f64, pending: &mut Option<Step>) -> Step {
    *pending = (seconds < PAUSE).then_some(Step::Silence(seconds));
    Step::Note(note.lasting(seconds))
}
