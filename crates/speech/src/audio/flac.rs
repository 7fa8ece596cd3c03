//! Native FLAC (RFC 9639), cut into frames.
//!
//! Symphonia is not used: it refuses files whose STREAMINFO has wrong frame sizes, and skips damaged frames silently.

mod header;

use bytes::{Buf, Bytes};
use symphonia::core::{
    checksum::Crc16Ansi,
    codecs::audio::{AudioCodecParameters, well_known::CODEC_ID_FLAC},
    io::Monitor,
};

use header::{Header, Info};
pub(super) use header::{header, lenient, rate};

use super::{
    AudioError,
    junk::{Junk, SEARCHED},
    packets::{Opened, PAUSE, Packets, Piece, Step},
    trailer,
    warning::Note,
};

/// How a file begins.
const MARKER: &[u8] = b"fLaC";
/// Seconds by which the number of samples in the header may be wrong.
const TOLERANCE: f64 = 0.02;

/// Frames of a FLAC file.
pub(super) struct Flac {
    bytes: Bytes,
    info: Info,
    /// The parameters of the decoder.
    decoded: Info,
    junk: Junk,
    /// Samples of a frame, for frames that are numbered.
    block: u64,
    /// Where the next frame should begin, in samples.
    expected: Option<u64>,
    /// Samples of all frames since the header.
    samples: u64,
    /// The next step, if it is already known.
    pending: Option<Step>,
    /// How many bytes may still be read again.
    budget: usize,
    ended: bool,
}

/// What was found after the header of a frame.
enum End {
    /// The frame has this many bytes.
    Whole(usize),
    /// It is damaged; another begins this many bytes after it.
    Damaged(usize),
    /// The file ends within it.
    Cut,
}

impl Flac {
    pub(super) fn open(bytes: Bytes) -> Result<Opened, AudioError> {
        let mut flac = Self {
            budget: bytes.len().saturating_mul(8),
            bytes,
            info: Info {
                rate: 0,
                channels: 0,
                bits: 0,
                total: 0,
            },
            decoded: Info {
                rate: 0,
                channels: 0,
                bits: 0,
                total: 0,
            },
            junk: Junk::default(),
            block: 0,
            expected: None,
            samples: 0,
            pending: None,
            ended: false,
        };
        flac.read_metadata();
        // If the header is unusable, the first frame has the parameters.
        if let Some(first) = flac.find_frame() {
            flac.info = flac.info.with(&first);
        }
        if flac.info.channels == 0 {
            return Err(AudioError::Corrupt {
                at: 0.0,
                message: "there is no STREAMINFO".into(),
            });
        }
        flac.decoded = flac.info;
        let parameters = parameters(flac.info);
        Ok((Box::new(flac), parameters))
    }

    /// Reads the blocks of metadata that begin here.
    fn read_metadata(&mut self) {
        self.bytes.advance(MARKER.len());
        (self.samples, self.expected, self.info.total) = (0, None, 0);
        while let Some(&[kind, l0, l1, l2]) = self.bytes.first_chunk() {
            // A length is wrong, or the last block is not marked.
            if header(&self.bytes).is_some() || kind & 0x7F > 6 {
                return;
            }
            let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
            let Some(block) = self.bytes.get(4..4 + length) else {
                return;
            };
            if kind & 0x7F == 0
                && let Some(info) = Info::read(block)
            {
                self.info = info;
            }
            self.bytes.advance(4 + length);
            if kind & 0x80 != 0 {
                return;
            }
        }
    }

    /// The header of the first frame that is near.
    fn find_frame(&self) -> Option<Header> {
        let near = self.bytes.len().min(SEARCHED);
        (0..near).find_map(|at| header(self.bytes.get(at..)?))
    }

    fn pass_over_junk(&mut self) -> Step {
        self.junk.pass_over(&mut self.bytes, |rest| {
            rest.starts_with(MARKER) || header(rest).is_some()
        });
        Step::Other
    }

    /// What is wrong with the bytes since the last frame, if anything.
    fn judge_junk(&mut self) -> Option<Step> {
        let junk = self.junk.take(&self.bytes)?;
        let harmless = trailer::is_harmless(&junk);
        (!harmless).then(|| {
            let message = format!("{} bytes are not FLAC frames", junk.len());
            Step::Note(Note::damaged(message))
        })
    }

    fn end(&mut self) -> Step {
        self.ended = true;
        if let Some(step) = self.judge_junk() {
            self.pending = Some(step);
        }
        let rate = f64::from(self.info.rate.max(1));
        let missing = self.info.total.saturating_sub(self.samples) as f64 / rate;
        if missing > TOLERANCE {
            let note = Note::truncated("the file ends before the length in its header");
            return Step::Note(note.lasting(missing));
        }
        Step::Other
    }

    fn frame(&mut self, header: Header) -> Step {
        let rate = f64::from(self.info.rate.max(1));
        let seconds = |samples: u64| samples as f64 / rate;
        let duration = seconds(u64::from(header.samples));
        let length = match self.find_end(&header) {
            End::Whole(length) => length,
            End::Damaged(length) => {
                // The number of the next frame shows that it is missing.
                self.bytes.advance(length);
                if self.expected.is_some() {
                    return Step::Other;
                }
                let note = Note::damaged("a FLAC frame is damaged");
                return Step::Note(note.lasting(duration));
            }
            End::Cut => {
                self.bytes.clear();
                return Step::Note(Note::truncated("the file ends within a FLAC frame"));
            }
        };
        if let Some(step) = self.judge_junk() {
            return step;
        }
        let info = self.info.with(&header);
        if (info.rate, info.channels) != (self.decoded.rate, self.decoded.channels) {
            self.info = info;
            self.decoded = info;
            return Step::Restart(Box::new(parameters(info)));
        }
        let position = self.position(&header);
        let gap = self
            .expected
            .map_or(0, |expected| position.saturating_sub(expected));
        if gap > 0 {
            self.expected = Some(position);
            self.samples = self.samples.saturating_add(gap);
            let note = Note::missing("FLAC frames are missing or damaged");
            let gap = seconds(gap);
            if gap > PAUSE {
                return Step::Note(note);
            }
            self.pending = Some(Step::Silence(gap));
            return Step::Note(note.lasting(gap));
        }
        self.expected = Some(position.saturating_add(u64::from(header.samples)));
        self.samples = self.samples.saturating_add(u64::from(header.samples));
        Step::Packet(Piece {
            seconds: Some(duration),
            ..Piece::new(self.bytes.split_to(length))
        })
    }

    /// Where a frame begins, in samples.
    fn position(&mut self, header: &Header) -> u64 {
        if header.variable {
            return header.number;
        }
        // The last frame may be shorter.
        self.block = self.block.max(u64::from(header.samples));
        header.number.saturating_mul(self.block)
    }

    /// Finds the end of a frame: its checksum is right there, and something known follows.
    fn find_end(&mut self, header: &Header) -> End {
        let bits = u64::from(header.bits.unwrap_or(32)) + 1;
        let verbatim = u64::from(header.samples) * u64::from(header.channels) * bits / 8;
        // Each channel has a header, too.
        let longest = header.length + verbatim as usize + 64 * usize::from(header.channels);
        let mut sum = Crc16Ansi::new(0);
        let (mut next, mut tail, mut chance) = (None, None, None);
        let mut zeros = 0;
        for (at, &byte) in self.bytes.iter().enumerate().take(longest) {
            if at > header.length {
                let rest = self.bytes.get(at..).unwrap_or_default();
                let following = if byte == 0xFF {
                    self::header(rest)
                } else {
                    None
                };
                if sum.crc() == 0 {
                    if following.is_some()
                        || rest.starts_with(MARKER)
                        || trailer::tag(rest).is_some()
                    {
                        return End::Whole(at);
                    }
                    // A sum may be 0 by chance; the last one is right. After it, it stays 0 in zeros; one byte before
                    // it, it is 0 where that byte is.
                    zeros += 1;
                    if zeros <= 2 {
                        chance = Some(at);
                        if trailer::is_harmless(rest) {
                            tail = Some(at);
                        }
                    }
                } else {
                    zeros = 0;
                }
                if let Some(following) = following
                    && next.is_none()
                    && following.channels == header.channels
                    && following.number > header.number
                {
                    next = Some(at);
                }
            }
            sum.process_byte(byte);
        }
        if self.bytes.len() <= longest && sum.crc() == 0 {
            return End::Whole(self.bytes.len());
        }
        if let Some(at) = tail {
            return End::Whole(at);
        }
        let looked = self.bytes.len().min(longest);
        match next {
            // The same bytes must not be read again and again.
            Some(at) if self.budget >= looked => {
                self.budget -= looked;
                End::Damaged(at)
            }
            // What follows is not a known tag.
            None if self.bytes.len() <= longest => chance.map_or(End::Cut, End::Whole),
            _ => End::Damaged(looked),
        }
    }
}

impl Packets for Flac {
    fn next(&mut self) -> Step {
        if let Some(step) = self.pending.take() {
            return step;
        }
        if self.bytes.is_empty() {
            return if self.ended { Step::End } else { self.end() };
        }
        if self.bytes.starts_with(MARKER) {
            self.read_metadata();
            return Step::Other;
        }
        match header(&self.bytes) {
            Some(header) => self.frame(header),
            None => self.pass_over_junk(),
        }
    }
}

/// Whether the checksum of a frame is right.
pub(super) fn is_sound(frame: &[u8]) -> bool {
    let mut sum = Crc16Ansi::new(0);
    sum.process_buf_bytes(frame);
    sum.crc() == 0
}

fn parameters(info: Info) -> AudioCodecParameters {
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(CODEC_ID_FLAC)
        .with_sample_rate(info.rate)
        .with_extra_data(info.block().into());
    parameters
}
