//! Matroska and WebM (RFC 8794 and RFC 9559), read by symphonia.
//!
//! Symphonia gets the headers and then the clusters one by one, as an endless stream. So wrong lengths do not matter, and
//! reading continues with the next cluster after a damaged one.

mod ebml;
mod track;

use std::io::{Cursor, Read};

use bytes::Bytes;
use symphonia::{
    core::{
        audio::Channels,
        codecs::{
            CodecParameters,
            audio::{AudioCodecParameters, well_known::*},
        },
        errors::Error,
        formats::{FormatOptions, FormatReader, Track, TrackType},
        io::{MediaSourceStream, ReadOnlySource},
        packet::Packet,
        units::TimeBase,
    },
    default::formats::MkvReader,
};

use super::{
    AudioError,
    durations::{Durations, Vorbis},
    fault::Fault,
    packets::{Opened, PAUSE, Packets, Piece, Step, late},
    trailer,
    warning::Note,
};

/// Seconds by which time stamps may differ from the packets before them. They are rounded, and measured while recording.
const TOLERANCE: f64 = 0.1;
/// The same after damage: they are rounded to a millisecond.
const PRECISION: f64 = 0.005;
/// The largest packet in bytes. The largest that codecs make are frames of FLAC with many channels.
const LARGEST: usize = 2 << 20;
/// Bytes in which a packet is looked for first.
const NEAR: usize = 64 << 10;
/// Faults after which the next cluster is looked for.
const FAULTS: u32 = 4;

/// The audio track of a Matroska file.
pub(super) struct Matroska {
    inner: Box<dyn FormatReader>,
    bytes: Bytes,
    /// The bytes before the first cluster.
    head: Bytes,
    /// Where the file should end, if it says so.
    end: Option<u64>,
    /// The end of the last packet that was found in the file, and the first cluster after it, as far as that is known.
    found: usize,
    cluster: usize,
    /// Bytes that may still be read more than once.
    budget: usize,
    faults: u32,
    /// Whether anything was damaged since the last packet of the track.
    lost: bool,
    track: u32,
    time_base: Option<TimeBase>,
    durations: Option<Durations>,
    rate: u32,
    /// Seconds at which the last packet of the track begins, and the earliest of any until then.
    time: f64,
    earliest: f64,
    /// Seconds at which the next packet should begin.
    expected: Option<f64>,
    pending: Vec<Step>,
    ended: bool,
}

impl Matroska {
    pub(super) fn open(bytes: Bytes) -> Result<Opened, AudioError> {
        let (head, end) = ebml::head(&bytes).ok_or_else(|| AudioError::Corrupt {
            at: 0.0,
            message: "the Matroska header is not valid".into(),
        })?;
        let clusters = bytes.slice(head.len()..);
        let inner = open(&head, clusters).map_err(|error| Fault::from(error).of_header())?;
        let audio = |track: &&Track| track.track_type() == Some(TrackType::Audio);
        let tracks = inner.tracks();
        let known = inner
            .default_track(TrackType::Audio)
            .or_else(|| tracks.iter().find(audio))
            .and_then(|track| match &track.codec_params {
                Some(CodecParameters::Audio(parameters)) => Some((track.id, parameters.clone())),
                _ => None,
            });
        let (track, parameters) = match known {
            Some(known) => known,
            None => track::find(&head)?,
        };
        let time_base = tracks
            .iter()
            .find(|other| other.id == track)
            .and_then(|track| track.time_base);
        let matroska = Self {
            track,
            time_base,
            durations: durations(&parameters),
            rate: match parameters.codec {
                CODEC_ID_OPUS => 48_000,
                _ => parameters.sample_rate.unwrap_or(1).max(1),
            },
            inner,
            found: head.len(),
            cluster: 0,
            budget: bytes.len().saturating_mul(4),
            head,
            bytes,
            end,
            faults: 0,
            lost: false,
            time: 0.0,
            earliest: f64::INFINITY,
            expected: None,
            pending: Vec::new(),
            ended: false,
        };
        Ok((Box::new(matroska), parameters))
    }

    /// Where the next cluster begins after the last packet that was found; `None` if that is unknown.
    fn next_cluster(&mut self) -> Option<usize> {
        if self.cluster < self.found {
            let rest = self.bytes.get(self.found..).unwrap_or_default();
            self.cluster = ebml::cluster(rest).map_or(usize::MAX, |at| self.found + at);
        }
        (self.cluster < self.bytes.len()).then_some(self.cluster)
    }

    /// Goes on with the next cluster.
    fn reopen(&mut self) -> bool {
        let Some(at) = self.next_cluster() else {
            return false;
        };
        let Some(budget) = self.budget.checked_sub(self.head.len()) else {
            return false;
        };
        self.budget = budget;
        self.found = at + 4;
        self.faults = 0;
        match open(&self.head, self.bytes.slice(at..)) {
            Ok(inner) => {
                self.inner = inner;
                true
            }
            Err(_) => false,
        }
    }

    fn end(&mut self) -> Step {
        self.ended = true;
        let rest = self.bytes.get(self.found..).unwrap_or_default();
        let length = self.bytes.len() as u64;
        let missing = self.end.map_or(0, |end| end.saturating_sub(length));
        if missing > 0 {
            let message = format!("the file ends {missing} bytes before the length in its header");
            return Step::Note(Note::truncated(message));
        }
        let rest = ebml::after(rest);
        if ebml::is_cut(rest) {
            return Step::Note(Note::truncated("the file ends within a block"));
        }
        if !trailer::is_harmless(rest) {
            let message = format!("{} bytes at the end are damaged", rest.len());
            return Step::Note(Note::damaged(message));
        }
        Step::Other
    }

    fn fault(&mut self) -> Step {
        let note = Note::damaged("a part of the Matroska file is damaged");
        self.faults += 1;
        self.lost = true;
        if self.faults < FAULTS || self.reopen() {
            Step::Note(note)
        } else {
            self.end()
        }
    }

    /// Finds out where a packet is in the file.
    fn find(&mut self, packet: &Packet) {
        let rest = self.bytes.get(self.found..).unwrap_or_default();
        let length = packet.data.len();
        if length == 0 {
            return;
        }
        let place = |bytes: &[u8]| {
            let mut windows = bytes.windows(length);
            windows.position(|window| *window == *packet.data)
        };
        let near = rest.get(..length + NEAR).unwrap_or(rest);
        let mut found = place(near);
        if found.is_none() && near.len() < rest.len() {
            match self.budget.checked_sub(rest.len()) {
                Some(budget) => {
                    self.budget = budget;
                    found = place(rest);
                }
                // Without the position, reading cannot continue.
                None => {
                    self.found = self.bytes.len();
                    return;
                }
            }
        }
        self.found += found.map_or(0, |at| at + length);
    }

    fn packet(&mut self, packet: Packet) -> Step {
        self.find(&packet);
        self.faults = 0;
        let tracks = self.inner.tracks();
        let track = tracks.iter().find(|track| track.id == packet.track_id);
        let base = track.and_then(|track| track.time_base).or(self.time_base);
        let time = base.map_or(0.0, |base| {
            base.calc_time_saturating(packet.pts).as_secs_f64()
        });
        self.earliest = self.earliest.min(time);
        if packet.track_id != self.track || packet.data.is_empty() {
            return Step::Other;
        }
        if packet.data.len() > LARGEST {
            let message = format!("a packet has {} bytes", packet.data.len());
            return Step::Note(Note::damaged(message));
        }
        let units = self.durations.as_mut().and_then(|d| d.of(&packet.data));
        let seconds = units.map(|units| units as f64 / f64::from(self.rate));
        let piece = Step::Packet(Piece {
            seconds,
            ..Piece::new(packet.data)
        });
        let first = self.expected.is_none();
        let gap = time - self.expected.unwrap_or(time);
        let tolerance = if std::mem::take(&mut self.lost) {
            PRECISION
        } else {
            TOLERANCE
        };
        let silence = if (tolerance..=PAUSE).contains(&gap) {
            gap
        } else {
            0.0
        };
        if first || !(-TOLERANCE..=PAUSE).contains(&gap) {
            self.expected = Some(time);
        }
        self.time = time;
        if let (Some(expected), Some(seconds)) = (&mut self.expected, seconds) {
            *expected += silence + seconds;
        } else {
            self.expected = None;
        }
        if silence > 0.0 {
            let note = Note::missing("the time stamps leave a gap").lasting(silence);
            self.pending = vec![piece, Step::Silence(silence)];
            return Step::Note(note);
        }
        if gap > PAUSE {
            let message = format!("the time stamps jump by {gap:.2} s, which is ignored");
            self.pending = vec![piece];
            return Step::Note(Note::contradiction(message));
        }
        piece
    }
}

impl Packets for Matroska {
    fn next(&mut self) -> Step {
        if let Some(step) = self.pending.pop() {
            return step;
        }
        if self.ended {
            return Step::End;
        }
        match self.inner.next_packet() {
            Ok(Some(packet)) => self.packet(packet),
            Ok(None) => self.end(),
            Err(error) => {
                let next = self.next_cluster().map(|at| at - self.found);
                let rest = self.bytes.get(self.found..).unwrap_or_default();
                // Damage may have made an element longer than the file.
                let over = ebml::is_last(rest, next)
                    || matches!(error, Error::IoError(_)) && next.is_none();
                if over { self.end() } else { self.fault() }
            }
        }
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn start(&self, skipped: f64) -> f64 {
        late(self.time, self.earliest) + skipped
    }
}

fn open(head: &Bytes, clusters: Bytes) -> Result<Box<dyn FormatReader>, Error> {
    let source = Cursor::new(head.clone()).chain(Cursor::new(clusters));
    let source = MediaSourceStream::new(Box::new(ReadOnlySource::new(source)), Default::default());
    Ok(Box::new(MkvReader::try_new(
        source,
        FormatOptions::default(),
    )?))
}

fn durations(parameters: &AudioCodecParameters) -> Option<Durations> {
    let channels = parameters.channels.as_ref().map_or(1, Channels::count);
    Some(match parameters.codec {
        CODEC_ID_OPUS => Durations::Opus,
        CODEC_ID_FLAC => Durations::Flac,
        CODEC_ID_AAC => Durations::Fixed(1024),
        CODEC_ID_MP3 => Durations::Fixed(match parameters.sample_rate {
            Some(0..32_000) => 576,
            _ => 1152,
        }),
        CODEC_ID_VORBIS => {
            let data = parameters.extra_data.as_deref()?;
            // The identification header has 30 bytes.
            let (identification, setup) = data.split_at_checked(30)?;
            Durations::Vorbis(Vorbis::new(identification, setup)?)
        }
        CODEC_ID_PCM_U8 | CODEC_ID_PCM_ALAW | CODEC_ID_PCM_MULAW => Durations::Pcm(channels),
        CODEC_ID_PCM_S16LE | CODEC_ID_PCM_S16BE => Durations::Pcm(2 * channels),
        CODEC_ID_PCM_S24LE | CODEC_ID_PCM_S24BE => Durations::Pcm(3 * channels),
        CODEC_ID_PCM_S32LE | CODEC_ID_PCM_S32BE | CODEC_ID_PCM_F32LE => {
            Durations::Pcm(4 * channels)
        }
        CODEC_ID_PCM_F64LE => Durations::Pcm(8 * channels),
        _ => return None,
    })
}
