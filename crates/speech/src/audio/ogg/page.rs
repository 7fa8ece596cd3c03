//! Pages of Ogg (RFC 3533, section 6).

use bytes::{Buf, Bytes};
use symphonia::core::{checksum::Crc32, io::Monitor};

/// How a page begins.
const CAPTURE: &[u8] = b"OggS";
/// How far one search for the beginning of a page goes: the length of the longest page.
const LONGEST: usize = 27 + 255 + 255 * 255;
/// Pages that are searched for the next of a stream.
const AHEAD: usize = 64;

/// A page without its header.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) continued: bool,
    pub(super) first: bool,
    pub(super) last: bool,
    /// Where its last packet ends, in the codec's units; −1 if none ends in it.
    pub(super) granule: i64,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    /// Lengths of the pieces of packets; one of 255 goes on.
    pub(super) lacing: Bytes,
    pub(super) body: Bytes,
    /// Whether its checksum is right.
    pub(super) sound: bool,
    /// Whether the file ends within it.
    pub(super) cut: bool,
}

/// The page that begins here, and the bytes after it; `None` if no page begins.
pub(super) fn read(bytes: &Bytes) -> Option<(Page, Bytes)> {
    let rest = bytes.strip_prefix(CAPTURE)?;
    let [version, flags, fields @ ..] = rest.get(..23)? else {
        return None;
    };
    if *version != 0 {
        return None;
    }
    let mut fields = fields;
    let granule = fields.get_i64_le();
    let serial = fields.get_u32_le();
    let sequence = fields.get_u32_le();
    let expected = fields.get_u32_le();
    let segments = usize::from(fields.get_u8());
    let lacing = bytes.get(27..27 + segments)?;
    let length: usize = lacing.iter().copied().map(usize::from).sum();
    let end = 27 + segments + length;
    let cut = end > bytes.len();
    // A page that seems to be cut is a damaged one if another follows.
    if cut && find(bytes.get(4..).unwrap_or_default()).is_some() {
        return None;
    }
    let end = end.min(bytes.len());
    let page = Page {
        continued: flags & 1 != 0,
        first: flags & 2 != 0,
        last: flags & 4 != 0,
        granule: if cut { -1 } else { granule },
        serial,
        sequence,
        lacing: bytes.slice(27..27 + segments),
        body: bytes.slice(27 + segments..end),
        sound: cut || sum(bytes.get(..end)?) == expected,
        cut,
    };
    Some((page, bytes.slice(end..)))
}

fn sum(page: &[u8]) -> u32 {
    let mut sum = Crc32::new(0);
    sum.process_buf_bytes(page.get(..22).unwrap_or_default());
    sum.process_buf_bytes(&[0; 4]);
    sum.process_buf_bytes(page.get(26..).unwrap_or_default());
    sum.crc()
}

/// Where the next page may begin, within the search range.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(CAPTURE.len())
        .take(LONGEST)
        .position(|window| window == CAPTURE)
}

/// The bytes from the next page on, or after the search range.
pub(super) fn skip(bytes: &Bytes) -> Bytes {
    let from = 1.min(bytes.len());
    let rest = bytes.slice(from..);
    let junk = find(&rest).unwrap_or(LONGEST.min(rest.len()));
    rest.slice(junk..)
}

/// The next page of a stream.
pub(super) enum Next {
    /// A page that ends there, if a packet ends in it.
    Page(i64),
    Nothing,
    /// It is beyond the search range.
    Unknown,
}

/// What follows of the stream `serial` in `bytes`.
pub(super) fn next(bytes: &[u8], serial: u32) -> Next {
    let mut rest = bytes;
    for _ in 0..AHEAD {
        if !rest.starts_with(CAPTURE) {
            match find(rest) {
                Some(junk) => rest = rest.get(junk..).unwrap_or_default(),
                None if rest.len() > LONGEST => return Next::Unknown,
                None => return Next::Nothing,
            }
        }
        let Some((header, body)) = rest.split_at_checked(27) else {
            return Next::Nothing;
        };
        let (mut fields, segments) = (&header[5..26], usize::from(header[26]));
        let first = fields.get_u8() & 2 != 0;
        let granule = fields.get_i64_le();
        if first {
            return Next::Nothing;
        }
        if fields.get_u32_le() == serial {
            return Next::Page(granule);
        }
        let lacing = body.get(..segments).unwrap_or_default();
        let length: usize = lacing.iter().copied().map(usize::from).sum();
        rest = body.get(segments + length..).unwrap_or_default();
    }
    Next::Unknown
}
