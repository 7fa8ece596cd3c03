//! The duration of a packet, without decoding it.

use super::flac;

/// The durations of the packets of a stream, in samples per channel; those of Opus at 48 kHz.
#[derive(Debug, Clone)]
pub(super) enum Durations {
    Opus,
    Vorbis(Vorbis),
    Flac,
    /// All are equally long.
    Fixed(u32),
    /// A sample of every channel has so many bytes.
    Pcm(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Vorbis {
    /// Samples of short and of long blocks.
    blocks: [i64; 2],
    /// Of each mode, whether its blocks are long.
    modes: Vec<bool>,
    previous: Option<i64>,
}

impl Durations {
    /// The duration of a packet; `None` if it is unknown. Packets must be given in order.
    pub(super) fn of(&mut self, packet: &[u8]) -> Option<i64> {
        match self {
            Self::Opus => opus(packet),
            Self::Flac => Some(i64::from(flac::header(packet)?.samples)),
            Self::Vorbis(vorbis) => vorbis.of(packet),
            Self::Fixed(samples) => Some(i64::from(*samples)),
            Self::Pcm(bytes) => i64::try_from(packet.len() / (*bytes).max(1)).ok(),
        }
    }
}

/// In samples at 48 kHz (RFC 6716, section 3.1).
fn opus(packet: &[u8]) -> Option<i64> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..12 => [480, 960, 1920, 2880].get(usize::from(config & 3))?,
        12..16 => [480, 960].get(usize::from(config & 1))?,
        _ => [120, 240, 480, 960].get(usize::from(config & 3))?,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => i64::from(packet.get(1)? & 63),
    };
    Some(frame * frames).filter(|&samples| samples <= 5760)
}

impl Vorbis {
    /// From the identification and the setup header (Vorbis I specification, sections 4.2.2 and 4.2.4).
    pub(super) fn new(identification: &[u8], setup: &[u8]) -> Option<Self> {
        let sizes = *identification.get(28)?;
        Some(Self {
            blocks: [1 << (sizes & 15), 1 << (sizes >> 4)],
            modes: modes(setup)?,
            previous: None,
        })
    }

    fn of(&mut self, packet: &[u8]) -> Option<i64> {
        let first = *packet.first()?;
        let bits = self.modes.len().saturating_sub(1).checked_ilog2();
        let bits = bits.map_or(0, |bits| bits + 1);
        let mode = usize::from(first >> 1) & ((1 << bits) - 1);
        let block = self.blocks[usize::from(*self.modes.get(mode)?)];
        let previous = self.previous.replace(block);
        Some(previous.map_or(0, |previous| (previous + block) / 4))
    }
}

/// The setup header ends with the modes. Parsing everything before them would take long, so they are read from the end: a
/// framing bit, and for each mode a byte for its mapping, 32 zero bits and the length of its blocks. Before them is their
/// number minus one, in six bits. The longest list that this number confirms is the right one.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    let bit = |at: usize| setup.get(at / 8).map(|byte| byte >> (at % 8) & 1);
    let number = |at: usize, count: usize| {
        (0..count).try_fold(0u32, |value, i| Some(value | u32::from(bit(at + i)?) << i))
    };
    // The framing bit is the last that is set.
    let mut at = (0..setup.len() * 8).rev().find(|&at| bit(at) == Some(1))?;
    let mut modes = Vec::new();
    let mut found = None;
    // Mapping, transform, window, length.
    while modes.len() < 64 && at >= 41 + 6 {
        at -= 41;
        if number(at + 1, 32) != Some(0) {
            break;
        }
        modes.insert(0, bit(at) == Some(1));
        if number(at - 6, 6) == Some(modes.len() as u32 - 1) {
            found = Some(modes.len());
        }
    }
    let count = found?;
    let first = modes.len() - count;
    Some(modes.split_off(first))
}
