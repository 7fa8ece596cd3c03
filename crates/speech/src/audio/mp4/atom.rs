//! The atoms that MP4 and QuickTime files are made of (ISO/IEC 14496-12, 4.2).

#[cfg(test)]
pub(super) fn trak(movie: &[u8], track: u32) -> Option<&[u8]> {
    atoms(movie)
        .filter(|(kind, _)| *kind == b"trak")
        .map(|(_, trak)| trak)
        .find(|trak| {
            child(trak, b"tkhd").is_some_and(|header| {
                let offset = if header.first() == Some(&1) { 20 } else { 12 };
                u32_at(header, offset) == Some(track)
            })
        })
}

/// The length of an atom with its header.
pub(super) fn length(atom: &[u8]) -> Option<usize> {
    match u32_at(atom, 0)? {
        0 => Some(atom.len()),
        1 => usize::try_from(u64_at(atom, 8)?).ok(),
        length => usize::try_from(length).ok(),
    }
}

/// The atoms that follow one another in `bytes`, as their kinds and contents.
pub(super) fn atoms(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
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

/// The content of the last atom of a kind that is whole, wherever it is.
pub(super) fn find<'a>(file: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let windows = file.windows(4).enumerate().skip(4);
    windows
        .filter(|(_, window)| *window == kind)
        .filter_map(|(at, _)| {
            let atom = file.get(at - 4..)?;
            atom.get(8..length(atom).filter(|&length| length > 8)?)
        })
        .next_back()
}

pub(super) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    atoms(bytes)
        .find(|(found, _)| *found == kind)
        .map(|(_, content)| content)
}

pub(super) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u16::from_be_bytes(*bytes))
}

pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes
        .get(offset..)?
        .first_chunk()
        .map(|bytes| u64::from_be_bytes(*bytes))
}
