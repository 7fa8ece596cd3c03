//! The elements of Matroska that contain the clusters.

use bytes::Bytes;

use super::super::trailer;

const EBML: &[u8] = b"\x1A\x45\xDF\xA3";
const SEGMENT: &[u8] = b"\x18\x53\x80\x67";
const CLUSTER: &[u8] = b"\x1F\x43\xB6\x75";

/// The bytes before the first cluster, with the total length set to unknown, and the end of the file by its header.
pub(super) fn head(file: &Bytes) -> Option<(Bytes, Option<u64>)> {
    let (size, length) = size(file.strip_prefix(EBML)?)?;
    let segment = 4 + length + usize::try_from(size?).ok()?;
    let rest = file.get(segment..)?.strip_prefix(SEGMENT)?;
    let (size, length) = self::size(rest)?;
    let start = segment + 4 + length;
    let end = size.map(|size| (start as u64).saturating_add(size));
    let clusters = start + children(file.get(start..)?);
    let mut head = file.get(..clusters)?.to_vec();
    // All ones after the marker mean that the size is not known (RFC 8794, section 6.2).
    for (i, byte) in head.get_mut(segment + 4..start)?.iter_mut().enumerate() {
        *byte = if i == 0 {
            u8::try_from((1u32 << (9 - length)) - 1).ok()?
        } else {
            0xFF
        };
    }
    Some((head.into(), end))
}

/// Where the first cluster begins in the content of a segment.
fn children(content: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = content.get(at..)
        && let Some(&first) = rest.first()
    {
        if rest.starts_with(CLUSTER) {
            return at;
        }
        let id = first.leading_zeros() as usize + 1;
        let next = rest
            .get(id..)
            .and_then(size)
            .and_then(|(size, length)| Some(id + length + usize::try_from(size?).ok()?));
        match next {
            Some(next) if id <= 4 && next <= rest.len() => at += next,
            _ => break,
        }
    }
    let rest = content.get(at..).unwrap_or_default();
    cluster(rest).map_or(content.len(), |cluster| at + cluster)
}

/// Where the next cluster begins: it is followed by its time, perhaps after a checksum or padding.
pub(super) fn cluster(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(CLUSTER.len())
        .enumerate()
        .filter(|(_, window)| *window == CLUSTER)
        .map(|(at, _)| at)
        .find(|at| {
            bytes.get(at + CLUSTER.len()..).is_some_and(|rest| {
                size(rest)
                    .and_then(|(_, length)| rest.get(length))
                    .is_some_and(|child| matches!(child, 0xE7 | 0xBF | 0xEC | 0xA7 | 0xAB))
            })
        })
}

/// Whether nothing that could be read follows the last packet: silent elements, padding, or a piece that is cut. `next` is
/// where the next cluster begins.
pub(super) fn is_last(rest: &[u8], next: Option<usize>) -> bool {
    let behind = after(rest);
    match next {
        None => trailer::is_harmless(behind) || is_cut(behind),
        // A cluster without a complete block.
        Some(at) => {
            let last = rest.get(at + CLUSTER.len()..).unwrap_or_default();
            let content = size(last).and_then(|(_, length)| last.get(length..));
            let blocks = content.map_or(&[][..], after);
            at + behind.len() == rest.len() && (blocks.is_empty() || is_cut(blocks))
        }
    }
}

/// Whether a cluster or block begins here that is longer than the rest of the file.
pub(super) fn is_cut(rest: &[u8]) -> bool {
    let content = match rest {
        [0xA3 | 0xA0, rest @ ..] => rest,
        _ => match rest.strip_prefix(CLUSTER) {
            Some(rest) => rest,
            None => return false,
        },
    };
    match size(content) {
        None => true,
        Some((size, length)) => {
            size.is_some_and(|size| size > content.len().saturating_sub(length) as u64)
        }
    }
}

/// What follows the elements without sound that begin here: those of a segment, and the rest of a group of blocks.
pub(super) fn after(bytes: &[u8]) -> &[u8] {
    const SILENT: [&[u8]; 15] = [
        b"\x1C\x53\xBB\x6B",
        b"\x12\x54\xC3\x67",
        b"\x11\x4D\x9B\x74",
        b"\x15\x49\xA9\x66",
        b"\x16\x54\xAE\x6B",
        b"\x10\x43\xA7\x70",
        b"\x19\x41\xA4\x69",
        b"\x75\xA2",
        b"\x9B",
        b"\xFB",
        b"\xEC",
        b"\xBF",
        b"\xE7",
        b"\xA7",
        b"\xAB",
    ];
    let mut rest = bytes;
    while let Some(content) = SILENT.iter().find_map(|id| rest.strip_prefix(*id))
        && let Some((Some(size), length)) = size(content)
        && let Ok(size) = usize::try_from(size)
        && let Some(next) = content.get(length.saturating_add(size)..)
    {
        rest = next;
    }
    rest
}

/// The content of the first element of a kind among those that follow one another here.
pub(super) fn child<'a>(bytes: &'a [u8], id: &[u8]) -> Option<&'a [u8]> {
    elements(bytes)
        .find(|(found, _)| *found == id)
        .map(|(_, content)| content)
}

/// The elements that follow one another, as their identifiers and contents.
pub(super) fn elements(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = rest.first()?.leading_zeros() as usize + 1;
        let (id, content) = rest.split_at_checked(length)?;
        let (size, length) = size(content)?;
        let content = content.get(length..)?;
        let end = size.and_then(|size| usize::try_from(size).ok());
        let end = end.unwrap_or(usize::MAX).min(content.len());
        let (content, next) = content.split_at(end);
        rest = next;
        Some((id, content))
    })
}

/// The tracks of a file, as the contents of their entries.
pub(super) fn tracks(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let tracks = child(head, SEGMENT).and_then(|segment| child(segment, b"\x16\x54\xAE\x6B"));
    elements(tracks.unwrap_or_default())
        .filter(|(id, _)| *id == b"\xAE")
        .map(|(_, entry)| entry)
}

/// The size of an element, which may be unknown, and how many bytes it takes.
fn size(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    // The zeros in front of the first one tell how many bytes follow; if all others are ones it is unknown.
    let length = bytes.first()?.leading_zeros() as usize + 1;
    let size = bytes.get(..length.min(8))?;
    if length > 8 {
        return None;
    }
    let value = size
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte));
    let mask = (1 << (7 * length)) - 1;
    Some(((value & mask != mask).then_some(value & mask), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_ends_with_the_first_cluster_and_has_no_length() {
        let file = |size: &[u8]| -> Bytes {
            [
                b"\x1A\x45\xDF\xA3\x42\x00".as_slice(),
                &[0; 512],
                SEGMENT,
                size,
                b"\x16\x54\xAE\x6B\x83abc",
                CLUSTER,
                b"\x85\xE7\x81\x00ab",
            ]
            .concat()
            .into()
        };
        for (size, unknown, end) in [
            (&b"\xFF"[..], &b"\xFF"[..], None),
            (
                b"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                b"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                None,
            ),
            (b"\x90", b"\xFF", Some(523 + 16)),
            (b"\x40\x10", b"\x7F\xFF", Some(524 + 16)),
        ] {
            let file = file(size);
            let (head, found) = head(&file).expect("a head");
            assert_eq!(found, end);
            assert_eq!(head.len(), 522 + size.len() + 8);
            assert_eq!(head.get(522..522 + size.len()), Some(unknown));
        }
        assert!(head(&Bytes::from_static(b"\x1A\x45\xDF\xA3\x01")).is_none());
        assert!(head(&file(b"\x00")).is_none());
    }

    #[test]
    fn knows_a_block_that_is_cut() {
        assert!(is_cut(b"\xA3\x85ab"));
        assert!(is_cut(b"\xA3\x40"));
        assert!(!is_cut(b"\xA3\x82ab"));
        assert!(!is_cut(b"\r\n"));
        assert!(!is_cut(b""));
    }
}
