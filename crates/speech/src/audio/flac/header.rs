//! Headers of FLAC (RFC 9639): of the stream, and of its frames.

use symphonia::core::{checksum::Crc8Ccitt, io::Monitor};

/// The header of a frame (section 9.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Header {
    /// Samples of each channel.
    pub(in super::super) samples: u32,
    /// Whether `number` counts samples; else it counts frames.
    pub(super) variable: bool,
    pub(super) number: u64,
    pub(super) channels: u8,
    /// Samples per second, and bits of each, where they are said here.
    pub(super) rate: Option<u32>,
    pub(super) bits: Option<u8>,
    /// Bytes of the header.
    pub(super) length: usize,
}

/// The header of the frame that begins here, if its checksum is right.
pub(in super::super) fn header(bytes: &[u8]) -> Option<Header> {
    let &[0xFF, second, third, fourth, ..] = bytes else {
        return None;
    };
    if second & 0xFE != 0xF8 || fourth & 1 != 0 {
        return None;
    }
    let (number, mut length) = number(bytes)?;
    let mut more = |count: usize| {
        let value = bytes.get(length..length + count)?;
        length += count;
        Some(
            value
                .iter()
                .fold(0, |value, &byte| value << 8 | u32::from(byte)),
        )
    };
    let samples = match third >> 4 {
        0 => return None,
        1 => 192,
        size @ 2..=5 => 144 << size,
        6 => more(1)? + 1,
        7 => more(2)? + 1,
        size => 1 << size,
    };
    let rate = match third & 15 {
        0 => None,
        12 => Some(more(1)? * 1000),
        13 => Some(more(2)?),
        14 => Some(more(2)? * 10),
        index => Some(
            *[
                88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
                96_000,
            ]
            .get(usize::from(index) - 1)?,
        ),
    };
    let channels = match fourth >> 4 {
        channels @ 0..=7 => channels + 1,
        8..=10 => 2,
        _ => return None,
    };
    let bits = match fourth >> 1 & 7 {
        0 => None,
        3 => return None,
        index => Some([8, 12, 0, 16, 20, 24, 32][usize::from(index) - 1]),
    };
    let mut sum = Crc8Ccitt::new(0);
    sum.process_buf_bytes(bytes.get(..length)?);
    (*bytes.get(length)? == sum.crc()).then_some(Header {
        samples,
        variable: second & 1 == 1,
        number,
        channels,
        rate,
        bits,
        length: length + 1,
    })
}

/// The coded number at the fifth byte, and where it ends.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.get(4)?;
    let more = match first.leading_ones() {
        0 => return Some((u64::from(first), 5)),
        1 | 8 => return None,
        ones => ones as usize - 1,
    };
    let start = u64::from(first) & (0x3F >> more);
    let rest = bytes.get(5..5 + more)?;
    let number = rest.iter().try_fold(start, |number, &byte| {
        (byte >> 6 == 0b10).then_some(number << 6 | u64::from(byte & 0x3F))
    })?;
    Some((number, 5 + more))
}

/// What STREAMINFO says (section 8.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Info {
    pub(super) rate: u32,
    pub(super) channels: u8,
    pub(super) bits: u8,
    /// Samples of the whole; 0 if that is not known.
    pub(super) total: u64,
}

impl Info {
    pub(super) fn read(block: &[u8]) -> Option<Self> {
        let fields: &[u8; 8] = block.get(10..)?.first_chunk()?;
        let fields = u64::from_be_bytes(*fields);
        Some(Self {
            rate: (fields >> 44) as u32,
            channels: (fields >> 41 & 7) as u8 + 1,
            bits: (fields >> 36 & 31) as u8 + 1,
            total: fields & 0xF_FFFF_FFFF,
        })
    }

    /// Completed from the header of a frame.
    pub(super) fn with(self, header: &Header) -> Self {
        Self {
            rate: header.rate.filter(|&rate| rate > 0).unwrap_or(self.rate),
            channels: header.channels,
            bits: header.bits.unwrap_or(self.bits),
            ..self
        }
    }

    /// A STREAMINFO block whose sizes no decoder refuses.
    pub(super) fn block(self) -> Vec<u8> {
        let fields = u64::from(self.rate) << 44
            | u64::from(self.channels.saturating_sub(1) & 7) << 41
            | u64::from(self.bits.saturating_sub(1) & 31) << 36;
        [
            &[0, 16, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0][..],
            &fields.to_be_bytes(),
            &[0; 16],
        ]
        .concat()
    }
}

/// STREAMINFO without the sizes, which may be wrong.
pub(in super::super) fn lenient(block: &[u8]) -> Vec<u8> {
    Info::read(block).map_or_else(|| block.to_vec(), Info::block)
}

/// Samples per second, by STREAMINFO.
pub(in super::super) fn rate(block: &[u8]) -> Option<u32> {
    Info::read(block).map(|info| info.rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_streaminfo() {
        let of = |bytes: &[u8]| number(&[&[0; 4], bytes].concat());
        assert_eq!(of(&[0x24]), Some((0x24, 5)));
        assert_eq!(of(&[0xC2, 0xA2]), Some((0xA2, 6)));
        assert_eq!(of(&[0xE2, 0x82, 0xAC]), Some((0x20AC, 7)));
        assert_eq!(of(&[0xF0, 0x90, 0x8D, 0x88]), Some((0x10348, 8)));
        assert_eq!(
            of(&[0xFE, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF]),
            Some((0xF_FFFF_FFFF, 11))
        );
        for wrong in [&[0x80][..], &[0xFF], &[0xC2], &[0xC2, 0x22]] {
            assert_eq!(of(wrong), None);
        }
        let info = Info {
            rate: 44_100,
            channels: 2,
            bits: 24,
            total: 0,
        };
        assert_eq!(Info::read(&info.block()), Some(info));
        assert_eq!(info.block().len(), 34);
    }
}
