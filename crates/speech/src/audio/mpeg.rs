//! Frame headers of MPEG audio (ISO/IEC 11172-3 and 13818-3) and of AAC in ADTS (ISO/IEC 13818-7).
//!
//! Streams of frames have no magic number. They are recognised by headers that follow one another at the right distances.

/// A stream of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// AAC.
    Adts,
    /// MPEG audio of layer 1, 2 or 3.
    Layer(u8),
}

use super::trailer;

/// How far into a file its first frame is searched for.
const SEARCHED: usize = 64 * 1024;
/// Successive frames that cannot be a coincidence, even after other data.
const CERTAIN: usize = 5;

/// The first frame and the kind of stream it begins. After a tag, it may be anywhere.
pub(super) fn find(bytes: &[u8], tagged: bool) -> Option<(usize, Stream)> {
    let end = bytes
        .len()
        .min(if tagged { 64 * SEARCHED } else { SEARCHED });
    // Encoders and tag removers leave leading zeros.
    let zeros = bytes
        .iter()
        .take(end)
        .take_while(|&&byte| byte == 0)
        .count();
    (zeros..end).find_map(|offset| {
        let stream = header(bytes.get(offset..)?)?.0;
        let wanted = if offset == zeros { 2 } else { CERTAIN };
        (follow(bytes.get(offset..)?, stream, wanted)).then_some((offset, stream))
    })
}

/// Whether `wanted` frames of `stream` follow one another, or fewer exactly until the end.
pub(super) fn follow(bytes: &[u8], stream: Stream, wanted: usize) -> bool {
    let mut rest = bytes;
    for _ in 0..wanted {
        match header(rest) {
            Some((same, length)) if same == stream => match rest.get(length..) {
                Some(next) => rest = next,
                // A single frame, cut short, could be anything.
                None => return rest.len() < bytes.len(),
            },
            Some(_) => return false,
            None => {
                let ends = rest.is_empty() || trailer::tag(rest).is_some();
                return rest.len() < bytes.len() && ends;
            }
        }
    }
    true
}

/// How many frames there are, if nothing but a tag or padding follows those at the beginning.
pub(super) fn count(bytes: &[u8]) -> Option<u64> {
    let mut rest = bytes;
    let mut frames = 0;
    while let Some((_, length)) = header(rest)
        && let Some(next) = rest.get(length..)
    {
        rest = next;
        frames += 1;
    }
    trailer::is_harmless(rest).then_some(frames)
}

/// Kind and length in bytes of the frame that begins here.
pub(super) fn header(bytes: &[u8]) -> Option<(Stream, usize)> {
    let &[first, second, third, fourth, fifth, sixth, ..] = bytes else {
        return None;
    };
    if first != 0xFF || second & 0xE0 != 0xE0 {
        return None;
    }
    let (version, layer) = (second >> 3 & 3, 4 - (second >> 1 & 3));
    if second & 0xF6 == 0xF0 {
        let length =
            usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
        let rate = third >> 2 & 15;
        return (rate < 13 && length > 7).then_some((Stream::Adts, length));
    }
    if version == 1 || layer == 4 {
        return None;
    }
    let mpeg1 = version == 3;
    let rate = *[44100, 48000, 32000].get(usize::from(third >> 2 & 3))?
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    // Bit rates in kbit/s by index (table 3-B.2.1.2).
    const RATES: [[usize; 14]; 5] = [
        [
            32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
        ],
        [
            32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
        ],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let table = match (mpeg1, layer) {
        (true, _) => usize::from(layer) - 1,
        (false, 1) => 3,
        (false, _) => 4,
    };
    let bits = 1000
        * *RATES
            .get(table)?
            .get(usize::from(third >> 4).checked_sub(1)?)?;
    let padding = usize::from(third >> 1 & 1);
    let length = match layer {
        1 => (12 * bits / rate + padding) * 4,
        3 if !mpeg1 => 72 * bits / rate + padding,
        _ => 144 * bits / rate + padding,
    };
    Some((Stream::Layer(layer), length))
}
