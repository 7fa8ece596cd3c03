//! The output of container readers: packets of one track, and gaps between them.

use symphonia::core::codecs::audio::AudioCodecParameters;

use super::warning::Note;

/// A step of a reader.
#[derive(Debug)]
pub(super) enum Step {
    Packet(Piece),
    /// Nothing audible.
    Other,
    /// A gap of this many seconds in which nothing was sent.
    Silence(f64),
    /// An error.
    Note(Note),
    /// The following packets need another decoder, of this kind.
    Restart(Box<AudioCodecParameters>),
    End,
}

/// A packet for a decoder.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) data: Vec<u8>,
    /// Its duration in seconds, if that is known without decoding it.
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

/// A reader, and the parameters of its decoder.
pub(super) type Opened = (Box<dyn Packets>, AudioCodecParameters);

/// A file that begins this many seconds after zero is a part of something longer, whose clock it uses.
const CLOCK: f64 = 60.0;

/// The start in seconds of a track in a file whose earliest one begins at `earliest`.
pub(super) fn late(start: f64, earliest: f64) -> f64 {
    if earliest < CLOCK {
        start
    } else {
        start - earliest
    }
}

/// The longest plausible pause between packets in seconds, by numbers of frames or time stamps.
pub(super) const PAUSE: f64 = 60.0;

/// Reports a gap of this many seconds, followed by silence if the gap is plausible.
pub(super) fn missing(note: Note, seconds: f64, pending: &mut Option<Step>) -> Step {
    *pending = (seconds < PAUSE).then_some(Step::Silence(seconds));
    Step::Note(note.lasting(seconds))
}
