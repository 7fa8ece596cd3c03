//! Ogg (RFC 3533) with Vorbis, Opus (RFC 7845) or FLAC.
//!
//! Symphonia is not used: it skips damaged pages silently, and trusts the times of pages.

mod headers;
mod page;

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    AudioError,
    durations::Durations,
    packets::{Opened, Packets, Piece, Step, late},
    trailer,
    warning::Note,
};
use page::{Next, Page};

/// The most seconds by which a page's time may differ from the samples before it; for a short page, half of its duration.
const TOLERANCE: f64 = 0.02;
/// The longest plausible pause in seconds. A longer one is an error, as in ffmpeg (its option `dts_delta_threshold`).
const PAUSE: f64 = 10.0;
/// The longest packet in bytes; in practice a header with a picture.
const LONGEST: usize = 16 << 20;

/// Whether the times of pages are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// They contradict the sound.
    None,
    /// The first one does not contradict it.
    First,
    /// Two in succession agreed with it.
    Pair,
}

/// The audio stream of an Ogg file.
pub(super) struct Ogg {
    bytes: Bytes,
    /// Where data other than pages began, if they did.
    junk: Option<Bytes>,
    /// Whether checksums are checked. Some programs do not write them.
    checked: bool,
    serial: u32,
    /// The number of the page that should come next.
    sequence: Option<u32>,
    /// Whether a page of the stream is missing or damaged since the last whose time was known.
    lost: bool,
    /// Steps for the packets of the current page.
    steps: VecDeque<Step>,
    /// The beginning of a packet that goes on in the next page.
    partial: Vec<u8>,
    durations: Option<Durations>,
    /// Units per second.
    rate: u32,
    /// Whether the codec puts headers between packets of sound.
    vorbis: bool,
    /// Units since the last page whose time was known, and that time.
    since: i64,
    end: Option<i64>,
    trust: Trust,
    /// Whether there are other streams, such as pictures.
    accompanied: bool,
    /// When the first stream begins, in seconds.
    offset: Option<f64>,
    /// Whether the headers of the stream could not be read.
    deaf: bool,
    ended: bool,
}

impl Ogg {
    pub(super) fn open(bytes: Bytes) -> Result<Opened, AudioError> {
        let mut ogg = Self {
            bytes,
            junk: None,
            checked: true,
            serial: 0,
            sequence: None,
            lost: false,
            steps: VecDeque::new(),
            partial: Vec::new(),
            durations: None,
            rate: 1,
            vorbis: false,
            since: 0,
            end: None,
            trust: Trust::None,
            accompanied: false,
            offset: None,
            deaf: false,
            ended: false,
        };
        ogg.checked = ogg.writes_sums();
        if !ogg.checked {
            let note = Note::contradiction("the checksums of the Ogg pages are wrong");
            ogg.steps.push_back(Step::Note(note));
        }
        // A part of something longer begins with some of its pages.
        while let Some((page, next)) = page::read(&ogg.bytes)
            && !page.first
        {
            ogg.bytes = next;
        }
        let parameters = ogg.select()?;
        Ok((Box::new(ogg), parameters))
    }

    /// Whether one of the first two pages has the right checksum.
    fn writes_sums(&self) -> bool {
        page::read(&self.bytes).is_none_or(|(first, rest)| {
            first.sound || page::read(&rest).is_some_and(|(second, _)| second.sound)
        })
    }

    /// Reads one page, which may have nothing of the stream.
    fn read_page(&mut self) {
        let Some((page, next)) = page::read(&self.bytes) else {
            self.pass_over_junk();
            return;
        };
        if page.first && (page.sound || !self.checked) {
            match self.select() {
                Ok(parameters) => self.steps.push_front(Step::Restart(Box::new(parameters))),
                // Pictures that begin later than the sound.
                Err(AudioError::NoAudioTrack { .. }) => {}
                Err(error) => {
                    let note = Note::damaged(error.to_string());
                    self.steps.push_back(Step::Note(note));
                }
            }
            return;
        }
        if !page.sound && self.checked {
            // Its length may be wrong, too.
            let follows = next.is_empty() || next.starts_with(b"OggS");
            let own = page.serial == self.serial && !self.deaf;
            if follows && own && self.is_whole(&page) {
                self.bytes = next;
                let seconds = self.units(page.granule.saturating_sub(self.end.unwrap_or(0)));
                let note = Note::damaged("the checksum of an Ogg page is wrong");
                self.steps.push_back(Step::Note(note.lasting(seconds)));
                self.take_apart(page);
                return;
            }
            self.lost |= own;
            self.bytes = if follows {
                next
            } else {
                page::skip(&self.bytes)
            };
            return;
        }
        self.bytes = next;
        self.junk = None;
        if page.serial == self.serial && !self.deaf {
            self.take_apart(page);
        }
    }

    /// Whether the packets of a damaged page are as long as its time says: damage is in the sound only then.
    fn is_whole(&self, page: &Page) -> bool {
        let Some(mut durations) = self.durations.clone() else {
            return false;
        };
        let mut body = page.body.clone();
        let mut packet = self.partial.clone();
        let mut total = self.since;
        for &length in &page.lacing {
            packet.extend_from_slice(&body.split_to(usize::from(length).min(body.len())));
            if length < 255 && !packet.is_empty() {
                let Some(units) = durations.of(&packet) else {
                    return false;
                };
                total += units;
                packet.clear();
            }
        }
        let expected = self.end.unwrap_or(0).saturating_add(total);
        self.sequence == Some(page.sequence)
            && page.continued != self.partial.is_empty()
            && self.units(page.granule.saturating_sub(expected)).abs() <= TOLERANCE
    }

    /// Seconds in units of the stream.
    fn units(&self, units: i64) -> f64 {
        units as f64 / f64::from(self.rate)
    }

    fn pass_over_junk(&mut self) {
        if !self.bytes.is_empty() {
            self.junk.get_or_insert(self.bytes.clone());
            self.bytes = page::skip(&self.bytes);
            return;
        }
        self.ended = true;
        let junk = self.junk.take().unwrap_or_default();
        let note = if junk.starts_with(b"OggS") {
            Note::truncated("the file ends within an Ogg page")
        } else if self.lost || !self.partial.is_empty() {
            Note::truncated("the last Ogg pages are missing or damaged")
        } else if !trailer::is_harmless(&junk) {
            let message = format!("{} bytes at the end are not Ogg pages", junk.len());
            Note::damaged(message)
        } else {
            return;
        };
        self.steps.push_back(Step::Note(note));
    }

    fn take_apart(&mut self, mut page: Page) {
        self.lost |= self.sequence.is_some_and(|number| number != page.sequence);
        self.sequence = Some(page.sequence.wrapping_add(1));
        if !page.continued && !self.partial.is_empty() {
            self.partial.clear();
            self.lost = true;
        }
        // What goes on here may have begun in a page that is lost.
        let mut orphan = page.continued && self.partial.is_empty();
        self.lost |= orphan;
        let mut pieces = Vec::new();
        let mut total = 0;
        for &length in &page.lacing {
            if page.body.len() < usize::from(length) {
                self.partial.clear();
                break;
            }
            let piece = page.body.split_to(usize::from(length));
            if !orphan && self.partial.len() + piece.len() <= LONGEST {
                self.partial.extend_from_slice(&piece);
            }
            if length == 255 {
                continue;
            }
            let packet = std::mem::take(&mut self.partial);
            // A packet without bytes only means that time has passed; Vorbis repeats its headers.
            let header = self.vorbis && packet.first().is_some_and(|first| first & 1 == 1);
            if !std::mem::take(&mut orphan) && !packet.is_empty() && !header {
                let units = self.durations.as_mut().and_then(|d| d.of(&packet));
                total += units.unwrap_or(0);
                pieces.push(Piece {
                    seconds: units.map(|units| units as f64 / f64::from(self.rate)),
                    ..Piece::new(packet)
                });
            }
        }
        self.since = self.since.saturating_add(total);
        // Pages of headers have no time.
        let excess = if page.granule >= 0 && !self.deaf {
            self.keep_time(&page, total)
        } else {
            0
        };
        let mut excess = excess as f64 / f64::from(self.rate);
        for piece in pieces.iter_mut().rev() {
            piece.excess = excess.min(piece.seconds.unwrap_or(0.0));
            excess -= piece.excess;
        }
        self.steps.extend(pieces.into_iter().map(Step::Packet));
        if page.cut {
            self.ended = true;
            let note = Note::truncated("the file ends within an Ogg page");
            self.steps.push_back(Step::Note(note));
        }
    }

    /// Compares the time of a page with the samples before it. Returns the excess units at its end.
    fn keep_time(&mut self, page: &Page, total: i64) -> i64 {
        let rate = f64::from(self.rate);
        let seconds = |units: i64| units as f64 / rate;
        let start = page.granule.saturating_sub(self.since);
        let since = std::mem::take(&mut self.since);
        let lost = std::mem::take(&mut self.lost);
        let previous = self.end.replace(page.granule);
        let gap = start.saturating_sub(previous.unwrap_or(0));
        let Some(_) = previous else {
            if seconds(gap).abs() <= TOLERANCE {
                self.trust = Trust::First;
            }
            // Of streams that belong together positions count from one zero; a stream alone is played at once,
            // wherever it was cut from (RFC 7845, section 4.4).
            let seconds = seconds(start);
            let offset = if self.accompanied {
                late(seconds, seconds)
            } else {
                0.0
            };
            self.offset.get_or_insert(offset);
            // The headers are there, and what follows them is not.
            if lost {
                let note = Note::missing("Ogg pages are missing or damaged");
                let missing = if (0.0..PAUSE).contains(&seconds) && offset == 0.0 {
                    seconds
                } else {
                    0.0
                };
                self.steps.push_back(Step::Note(note.lasting(missing)));
                self.steps.push_back(Step::Silence(missing));
            }
            return self.trim(page, gap, since.min(total));
        };
        let trust = self.trust;
        let tolerance = TOLERANCE.min(seconds(total) / 2.0);
        if seconds(gap).abs() <= tolerance {
            self.trust = Trust::Pair;
            return if gap < 0 && trust > Trust::None {
                self.trim(page, gap, total)
            } else {
                0
            };
        }
        if gap < 0 && trust > Trust::None {
            let excess = self.trim(page, gap, total);
            if excess > 0 {
                return excess;
            }
        }
        let gap = seconds(gap);
        let go_on = match page::next(&self.bytes, page.serial) {
            Next::Page(granule) => granule < 0 || granule >= page.granule,
            Next::Nothing | Next::Unknown => true,
        };
        let believed = trust == Trust::Pair && (0.0..=PAUSE).contains(&gap) && go_on;
        if !believed {
            self.trust = Trust::None;
        }
        let note = match (believed, lost) {
            (true, true) => Some(Note::missing("Ogg pages are missing or damaged").lasting(gap)),
            (false, true) => Some(Note::missing("Ogg pages are missing or damaged")),
            (false, false) if trust == Trust::Pair && go_on && gap > PAUSE => {
                Some(Note::contradiction(format!(
                    "the time stamps jump by {gap:.2} s, which is ignored"
                )))
            }
            _ => None,
        };
        self.steps.extend(note.map(Step::Note));
        if believed {
            self.steps.push_back(Step::Silence(gap));
        }
        0
    }

    /// How many of `total` units are too many, if the stream ends with this page and `gap` before them.
    fn trim(&self, page: &Page, gap: i64, total: i64) -> i64 {
        let last = match page::next(&self.bytes, page.serial) {
            Next::Page(_) => false,
            Next::Nothing => true,
            Next::Unknown => page.last,
        };
        let excess = gap.saturating_neg();
        // A position that would remove the whole page is ignored.
        if last && (1..total).contains(&excess) {
            excess
        } else {
            0
        }
    }
}

impl Packets for Ogg {
    fn next(&mut self) -> Step {
        if let Some(step) = self.steps.pop_front() {
            return step;
        }
        if self.ended {
            return Step::End;
        }
        self.read_page();
        self.steps.pop_front().unwrap_or(Step::Other)
    }

    fn start(&self, _skipped: f64) -> f64 {
        self.offset.unwrap_or(0.0)
    }
}
