//! The edit list of an MP4 track (ISO/IEC 14496-12, 8.6.6): which part of the decoded samples is the recording.
//!
//! Encoders put about a thousand samples in front and fill the last frame up; the edit list takes both away.

/// The one edit of a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edit {
    /// Where the recording begins, in units of the track's time scale.
    pub(super) start: u64,
    /// How long it is, in seconds; none where that is not said.
    pub(super) seconds: Option<f64>,
}

/// The edit of a track; none where there is no list, or one that is more than a trim.
pub(super) fn edit(file: &[u8], track: u32) -> Option<Edit> {
    let movie = child(file, b"moov")?;
    let scale = {
        let header = child(movie, b"mvhd")?;
        let offset = if header.first() == Some(&1) { 20 } else { 12 };
        u32_at(header, offset)?
    };
    let trak = atoms(movie)
        .filter(|(kind, _)| *kind == b"trak")
        .find(|(_, trak)| {
            child(trak, b"tkhd").is_some_and(|header| {
                let offset = if header.first() == Some(&1) { 20 } else { 12 };
                u32_at(header, offset) == Some(track)
            })
        });
    let list = child(child(trak?.1, b"edts")?, b"elst")?;
    let count = u32_at(list, 4)?;
    let entries = list.get(8..)?;
    // Duration, beginning (−1 for a pause), speed.
    let (duration, start) = match (list.first()?, count) {
        (0, 1) => (
            u64::from(u32_at(entries, 0)?),
            i64::from(u32_at(entries, 4)? as i32),
        ),
        (1, 1) => (u64_at(entries, 0)?, u64_at(entries, 8)? as i64),
        _ => return None,
    };
    Some(Edit {
        start: u64::try_from(start).ok()?,
        seconds: (duration > 0 && scale > 0).then(|| duration as f64 / f64::from(scale)),
    })
}

/// Whether the file ends before its last atom does.
pub(super) fn cut(file: &[u8]) -> bool {
    let mut rest = file;
    while let Some(length) = length(rest) {
        match rest.get(length..) {
            Some(next) if length > 0 => rest = next,
            _ => return true,
        }
    }
    !rest.is_empty()
}

/// The length of an atom with its header.
fn length(atom: &[u8]) -> Option<usize> {
    match u32_at(atom, 0)? {
        0 => Some(atom.len()),
        1 => usize::try_from(u64_at(atom, 8)?).ok(),
        length => usize::try_from(length).ok(),
    }
}

/// The atoms that follow one another in `bytes`, as their kinds and contents.
fn atoms(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let kind = rest.get(4..)?.first_chunk()?;
        let header = if u32_at(rest, 0)? == 1 { 16 } else { 8 };
        let length = length(rest)?;
        let content = rest.get(header..length.min(rest.len()))?;
        rest = rest.get(length..).unwrap_or_default();
        Some((kind, content))
    })
}

fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    atoms(bytes)
        .find(|(found, _)| *found == kind)
        .map(|(_, content)| content)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u64::from_be_bytes(*bytes))
}
