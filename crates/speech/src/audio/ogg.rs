//! Ogg pages (RFC 3533), and the headers of Vorbis, Opus and FLAC in them.
//!
//! Read here and not by symphonia, whose reader asserts what a Vorbis header may belie, and passes over pages
//! with a wrong check sum in silence.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use symphonia::core::{
    checksum::Crc32,
    codecs::audio::{
        AudioCodecParameters,
        well_known::{CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_VORBIS},
    },
    io::Monitor,
};

use super::{fault::Fault, reader::late};

/// Seconds by which a page's time may disagree with the samples before it.
const TOLERANCE: f64 = 0.02;
/// The longest packet in bytes; a header with a picture is the longest that is met.
const LONGEST: usize = 16 << 20;

/// The audio stream of an Ogg file.
pub(super) struct Ogg {
    bytes: Bytes,
    serial: u32,
    /// Of the page that is being taken apart.
    packets: VecDeque<Vec<u8>>,
    /// The beginning of a packet that goes on in the next page.
    partial: Vec<u8>,
    /// Where the page ends, in the codec's units, if a packet ends in it.
    granule: Option<i64>,
    last: bool,
    /// Units per second, and how many of them have been decoded.
    rate: u32,
    decoded: i64,
    /// Position of the first of them.
    start: Option<i64>,
    /// Whether there are pictures or other sound beside it.
    accompanied: bool,
    /// When the first stream begins, in seconds.
    offset: Option<f64>,
}

/// A page without its header.
struct Page {
    continued: bool,
    first: bool,
    last: bool,
    granule: i64,
    serial: u32,
    /// Lengths of the pieces of packets; one of 255 goes on.
    lacing: Bytes,
    body: Bytes,
}

impl Ogg {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            serial: 0,
            packets: VecDeque::new(),
            partial: Vec::new(),
            granule: None,
            last: false,
            rate: 0,
            decoded: 0,
            start: None,
            accompanied: false,
            offset: None,
        }
    }

    /// Reads the headers of the streams that begin here, and chooses the one to decode.
    pub(super) fn select(&mut self) -> Result<AudioCodecParameters, Fault> {
        let mut chosen: Option<AudioCodecParameters> = None;
        let mut other = None;
        self.accompanied = false;
        while let Some((page, next)) = self.page()? {
            if !page.first {
                break;
            }
            self.bytes = next;
            // A skeleton only describes the others.
            let described = page.body.starts_with(b"fishead\0");
            match Self::identify(&page.body) {
                Ok(Some(parameters)) if chosen.is_none() => {
                    self.serial = page.serial;
                    chosen = Some(parameters);
                }
                Ok(_) => self.accompanied |= !described,
                Err(fault) => {
                    self.accompanied = true;
                    other = Some(fault);
                }
            }
        }
        let Some(mut parameters) = chosen else {
            return Err(other.unwrap_or(Fault::NoTrack));
        };
        self.packets.clear();
        self.partial.clear();
        (self.decoded, self.start, self.last) = (0, None, false);
        self.rate = parameters.sample_rate.unwrap_or(0);
        match parameters.codec {
            CODEC_ID_OPUS => {
                self.rate = 48_000;
                self.header(b"OpusTags")?;
            }
            CODEC_ID_VORBIS => {
                self.header(b"\x03vorbis")?;
                let setup = self.header(b"\x05vorbis")?;
                if let Some(data) = parameters.extra_data.take() {
                    parameters.extra_data = Some([&*data, &setup].concat().into());
                }
            }
            // Blocks of metadata; what begins with a sync code is a frame.
            _ => {
                while self
                    .front()?
                    .is_some_and(|packet| packet.first() != Some(&0xFF))
                {
                    self.packets.pop_front();
                }
            }
        }
        Ok(parameters)
    }

    /// What the first packet of a stream says; none if it is no audio.
    fn identify(packet: &[u8]) -> Result<Option<AudioCodecParameters>, Fault> {
        const OTHER: [(&[u8], &str); 4] = [
            (b"Speex   ", "Speex"),
            (b"fLaC", "FLAC in Ogg of the old kind"),
            (b"PCM     ", "PCM in Ogg"),
            (b"CELT    ", "CELT"),
        ];
        let mut parameters = AudioCodecParameters::new();
        if let Some(rest) = packet.strip_prefix(b"\x01vorbis") {
            let rate = rest.get(5..).and_then(|rest| rest.first_chunk());
            parameters
                .for_codec(CODEC_ID_VORBIS)
                .with_sample_rate(rate.map_or(0, |rate| u32::from_le_bytes(*rate)))
                .with_extra_data(packet.into());
        } else if packet.starts_with(b"OpusHead") {
            parameters
                .for_codec(CODEC_ID_OPUS)
                .with_extra_data(packet.into());
        } else if let Some(rest) = packet.strip_prefix(b"\x7FFLAC") {
            // Version, number of headers, "fLaC", a block's header, STREAMINFO; a rate of 20 bits in it.
            let info = rest
                .get(12..46)
                .ok_or_else(|| corrupt("the FLAC header is too short"))?;
            let rate = info.get(10..13).unwrap_or_default();
            let rate = rate
                .iter()
                .fold(0, |rate, &byte| rate << 8 | u32::from(byte))
                >> 4;
            parameters
                .for_codec(CODEC_ID_FLAC)
                .with_sample_rate(rate)
                .with_extra_data(info.into());
        } else if let Some((_, codec)) = OTHER.iter().find(|(magic, _)| packet.starts_with(magic)) {
            return Err(Fault::Codec((*codec).into()));
        } else {
            return Ok(None);
        }
        Ok(Some(parameters))
    }

    /// The next packet, which must begin so.
    fn header(&mut self, magic: &[u8]) -> Result<Vec<u8>, Fault> {
        self.front()?;
        self.packets
            .pop_front()
            .filter(|packet| packet.starts_with(magic))
            .ok_or_else(|| corrupt("a header is missing"))
    }

    /// The next packet, read from as many pages as it takes; none where the stream ends.
    fn front(&mut self) -> Result<Option<&Vec<u8>>, Fault> {
        while self.packets.is_empty() && !self.last {
            if !self.read_page()? {
                break;
            }
        }
        Ok(self.packets.front())
    }

    /// Reads one page; false at the end of the file. There may be no packet in it, or one of another stream.
    pub(super) fn read_page(&mut self) -> Result<bool, Fault> {
        let Some((page, next)) = self.page()? else {
            return if self.last {
                Ok(false)
            } else {
                Err(corrupt("the file ends too early"))
            };
        };
        if page.first {
            return Err(Fault::Restart);
        }
        self.bytes = next;
        if page.serial == self.serial && !self.last {
            self.take_apart(page)?;
        }
        Ok(true)
    }

    fn take_apart(&mut self, mut page: Page) -> Result<(), Fault> {
        if page.continued == self.partial.is_empty() {
            return Err(corrupt("pages are missing"));
        }
        self.granule = (page.granule >= 0).then_some(page.granule);
        self.last = page.last;
        for &length in &page.lacing {
            let piece = page.body.split_to(usize::from(length).min(page.body.len()));
            if self.partial.len() + piece.len() > LONGEST {
                return Err(corrupt("a packet is too long"));
            }
            self.partial.extend_from_slice(&piece);
            // A packet without bytes only says that time has passed.
            if length < 255 && !self.partial.is_empty() {
                self.packets.push_back(std::mem::take(&mut self.partial));
            }
        }
        Ok(())
    }

    /// The next packet of the page that was read.
    pub(super) fn next_packet(&mut self) -> Option<Vec<u8>> {
        self.packets.pop_front()
    }

    /// When the sound begins, in seconds.
    pub(super) fn start(&self) -> f64 {
        self.offset.unwrap_or(0.0)
    }

    /// To be told how many frames, at `rate` Hz, came out of a packet; says how many of them are too many.
    pub(super) fn arrived(&mut self, frames: usize, rate: u32) -> Result<usize, Fault> {
        let unit = i64::from((self.rate / rate).max(1));
        self.decoded += frames as i64 * unit;
        let Some(granule) = self.granule else {
            return Ok(0);
        };
        if self.last {
            let end = self.start.unwrap_or(0).saturating_add(self.decoded);
            let excess = end.saturating_sub(granule).clamp(0, frames as i64 * unit);
            return Ok((excess / unit) as usize);
        }
        // The page's time is that of the end of its last packet.
        if self.packets.is_empty() {
            let start = granule.saturating_sub(self.decoded);
            let known = *self.start.get_or_insert(start);
            // Of streams that belong together positions count from one zero; a stream alone is played at once,
            // wherever it was cut from (RFC 7845, section 4.4).
            let seconds = known as f64 / f64::from(self.rate.max(1));
            let offset = if self.accompanied {
                late(seconds, seconds)
            } else {
                0.0
            };
            self.offset.get_or_insert(offset);
            let gap = start.abs_diff(known) as f64 / f64::from(self.rate.max(1));
            if gap > TOLERANCE {
                return Err(Fault::Corrupt(format!("{gap:.2} s of audio are missing")));
            }
        }
        Ok(0)
    }

    /// The page that begins here, and the bytes after it; none at the end of the file.
    fn page(&self) -> Result<Option<(Page, Bytes)>, Fault> {
        let bytes = &self.bytes;
        // After the last page, anything may follow.
        if bytes.is_empty() || self.last && !bytes.starts_with(b"OggS") {
            return Ok(None);
        }
        let cut = || corrupt("the file ends within a page");
        let &[b'O', b'g', b'g', b'S', version, flags, ref fields @ ..] = &**bytes else {
            return Err(if bytes.len() < 6 {
                cut()
            } else {
                corrupt("there is no page")
            });
        };
        if version != 0 {
            return Err(corrupt("the version of a page is unknown"));
        }
        let mut fields = fields.get(..21).ok_or_else(cut)?;
        let granule = fields.get_i64_le();
        let serial = fields.get_u32_le();
        let _sequence = fields.get_u32_le();
        let expected = fields.get_u32_le();
        let segments = usize::from(fields.get_u8());
        let lacing = bytes.get(27..27 + segments).ok_or_else(cut)?;
        let length: usize = lacing.iter().copied().map(usize::from).sum();
        let end = 27 + segments + length;
        let (head, tail) = bytes
            .get(..end)
            .ok_or_else(cut)?
            .split_at_checked(22)
            .ok_or_else(cut)?;
        let mut sum = Crc32::new(0);
        sum.process_buf_bytes(head);
        sum.process_buf_bytes(&[0; 4]);
        sum.process_buf_bytes(tail.get(4..).unwrap_or_default());
        if sum.crc() != expected {
            return Err(corrupt("the check sum of a page is wrong"));
        }
        let page = Page {
            continued: flags & 1 != 0,
            first: flags & 2 != 0,
            last: flags & 4 != 0,
            granule,
            serial,
            lacing: bytes.slice(27..27 + segments),
            body: bytes.slice(27 + segments..end),
        };
        Ok(Some((page, bytes.slice(end..))))
    }
}

fn corrupt(message: &str) -> Fault {
    Fault::Corrupt(message.into())
}
