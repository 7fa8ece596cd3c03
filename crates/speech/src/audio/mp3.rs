//! MP3 frames (ISO/IEC 11172-3 and 13818-3), and the tag of the encoder in the first one.

use bytes::Bytes;
use symphonia::core::{
    audio::layouts,
    codecs::audio::{AudioCodecParameters, well_known::CODEC_ID_MP3},
};

use super::{
    AudioError,
    frames::{Found, Frames},
    mpeg::{self, Stream},
    packets::{Extent, Opened, Packets, Piece, Step, missing},
    warning::Note,
};

/// Samples that a decoder adds at the beginning, and those that the most common encoder adds.
const DECODER_DELAY: u64 = 529;
const ENCODER_DELAY: u64 = 576;

/// Frames of an MP3 file.
pub(super) struct Mp3 {
    frames: Frames,
    header: Header,
    tag: Option<Tag>,
    /// Frames so far, with those that are missing.
    count: u64,
    pending: Option<Step>,
    ended: bool,
}

/// The parameters of a frame that a decoder needs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Header {
    rate: u32,
    mono: bool,
    /// Samples of each channel.
    samples: u32,
}

/// The encoder's description of the file in the first frame, which has no sound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Tag {
    /// Frames after this one.
    frames: Option<u32>,
    /// Samples that the encoder added at the beginning and the end.
    padding: Option<(u64, u64)>,
}

impl Mp3 {
    pub(super) fn open(bytes: Bytes) -> Result<Opened, AudioError> {
        let header = Header::read(&bytes).ok_or_else(|| AudioError::Corrupt {
            at: 0.0,
            message: "there is no frame".into(),
        })?;
        let mp3 = Self {
            tag: Tag::read(&bytes),
            frames: Frames::new(bytes, Stream::Layer(3)),
            header,
            count: 0,
            pending: None,
            ended: false,
        };
        Ok((Box::new(mp3), header.parameters()))
    }

    fn frame(&mut self, frame: Bytes) -> Step {
        if Tag::read(&frame).is_some() {
            return Step::Other;
        }
        self.count += 1;
        let header = Header::read(&frame).unwrap_or(self.header);
        let packet = Step::Packet(Piece {
            seconds: Some(header.seconds(1)),
            ..Piece::new(frame)
        });
        if header == self.header {
            return packet;
        }
        self.header = header;
        self.pending = Some(packet);
        Step::Restart(Box::new(header.parameters()))
    }

    fn end(&mut self) -> Step {
        if std::mem::replace(&mut self.ended, true) {
            return Step::End;
        }
        let promised = self.tag.and_then(|tag| tag.frames).unwrap_or(0);
        let missing = u64::from(promised).saturating_sub(self.count);
        // Some encoders count the frame of the tag.
        if missing > 1 {
            let note = Note::truncated("the file has fewer frames than its header says");
            return Step::Note(note.lasting(self.header.seconds(missing)));
        }
        Step::End
    }
}

impl Packets for Mp3 {
    fn next(&mut self) -> Step {
        if let Some(step) = self.pending.take() {
            return step;
        }
        match self.frames.next() {
            Found::Frame(frame) => self.frame(frame),
            Found::Other => Step::Other,
            Found::Fault(note, frames) => {
                self.count += frames;
                let seconds = self.header.seconds(frames);
                missing(note, seconds, &mut self.pending)
            }
            Found::End => self.end(),
        }
    }

    fn extent(&self, _rate: u32) -> Extent {
        let Some(Tag { frames, padding }) = self.tag else {
            return Extent {
                delay: Some(ENCODER_DELAY + DECODER_DELAY),
                most: None,
            };
        };
        let (before, behind) = padding.unwrap_or((ENCODER_DELAY, 0));
        let delay = before + DECODER_DELAY;
        // The padding is trimmed only if the count is right: concatenated files have more frames.
        let present = mpeg::count(self.frames.rest()).map(|count| count.saturating_sub(1));
        let most = present
            .filter(|&present| padding.is_some() && frames.map(u64::from) == Some(present))
            .map(|present| {
                let whole = present * u64::from(self.header.samples);
                whole
                    .saturating_sub(delay)
                    .saturating_sub(behind.saturating_sub(DECODER_DELAY))
            });
        Extent {
            delay: Some(delay),
            most,
        }
    }
}

impl Header {
    /// Of a frame that is one of layer 3.
    fn read(frame: &[u8]) -> Option<Self> {
        let &[_, second, third, fourth, ..] = frame else {
            return None;
        };
        let version = second >> 3 & 3;
        let rate = *[44_100, 48_000, 32_000].get(usize::from(third >> 2 & 3))?;
        let (halved, samples) = match version {
            3 => (0, 1152),
            2 => (1, 576),
            _ => (2, 576),
        };
        Some(Self {
            rate: rate >> halved,
            mono: fourth >> 6 == 3,
            samples,
        })
    }

    fn seconds(self, frames: u64) -> f64 {
        frames as f64 * f64::from(self.samples) / f64::from(self.rate)
    }

    fn parameters(self) -> AudioCodecParameters {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_MP3)
            .with_sample_rate(self.rate)
            .with_channels(if self.mono {
                layouts::CHANNEL_LAYOUT_MONO
            } else {
                layouts::CHANNEL_LAYOUT_STEREO
            });
        parameters
    }
}

impl Tag {
    /// The tag of a frame that has one (<http://gabriel.mp3-tech.org/mp3infotag.html>).
    fn read(frame: &[u8]) -> Option<Self> {
        let header = Header::read(frame)?;
        let u32_at = |at: usize| {
            let bytes = frame.get(at..)?.first_chunk()?;
            Some(u32::from_be_bytes(*bytes))
        };
        if frame.get(36..40) == Some(b"VBRI") {
            return Some(Self {
                frames: u32_at(50),
                padding: None,
            });
        }
        let side = match (header.samples, header.mono) {
            (1152, false) => 32,
            (1152, true) | (_, false) => 17,
            (_, true) => 9,
        };
        let at = 4 + side;
        if !matches!(frame.get(at..at + 4)?, b"Xing" | b"Info") {
            return None;
        }
        let flags = u32_at(at + 4)?;
        let mut next = at + 8;
        let frames = (flags & 1 != 0).then(|| u32_at(next)).flatten();
        for (flag, length) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
            next += if flags & flag == 0 { 0 } else { length };
        }
        let encoder = frame.get(next..next + 4);
        let known = matches!(encoder, Some(b"LAME" | b"Lavf" | b"Lavc" | b"L3.9"));
        let padding = u32_at(next + 20)
            .filter(|_| known)
            .map(|field| (u64::from(field >> 12 & 0xFFF), u64::from(field & 0xFFF)));
        Some(Self { frames, padding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tags_of_encoders() {
        let frame = |flags: u8, encoder: &[u8]| {
            let mut frame = vec![0xFF, 0xFB, 0x90, 0xC4];
            frame.resize(4 + 17, 0);
            frame.extend(b"Info\0\0\0");
            frame.push(flags);
            frame.extend(encoder);
            frame.resize(417, 0);
            frame
        };
        let lame = |fields: usize| {
            let mut rest = vec![0, 0, 0, 42];
            rest.resize(fields, 7);
            rest.extend(b"LAME3.100");
            rest.resize(fields + 21, 0);
            rest.extend([0x24, 0x05, 0x23]);
            rest
        };
        let tag = Tag::read(&frame(0x0F, &lame(112))).expect("a tag");
        assert_eq!(tag.frames, Some(42));
        assert_eq!(tag.padding, Some((0x240, 0x523)));
        let tag = Tag::read(&frame(0x01, &[0, 0, 0, 42])).expect("a tag");
        assert_eq!((tag.frames, tag.padding), (Some(42), None));
        let tag = Tag::read(&frame(0, &[])).expect("a tag");
        assert_eq!(tag.frames, None);
        let mut frame = frame(0, &[]);
        frame[21] = b'x';
        assert_eq!(Tag::read(&frame), None);
    }
}
