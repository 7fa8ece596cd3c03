//! The frame of a Matroska file (RFC 8794 and RFC 9559).

/// Whether the file was written as a stream, as browsers record it: such a one may end anywhere.
pub(super) fn live(file: &[u8]) -> bool {
    element(file, 0x1A45_DFA3)
        .and_then(|(size, content)| content.get(usize::try_from(size?).ok()?..))
        .and_then(|rest| element(rest, 0x1853_8067))
        .is_some_and(|(size, _)| size.is_none())
}

/// Size and content of an element, if the bytes begin with one of that kind. The size may be unknown.
fn element(bytes: &[u8], id: u32) -> Option<(Option<u64>, &[u8])> {
    let rest = bytes.strip_prefix(&id.to_be_bytes())?;
    // The zeros in front of the first one tell how many bytes follow; if all others are ones it is unknown.
    let first = *rest.first()?;
    let length = first.leading_zeros() as usize + 1;
    let (size, content) = rest.split_at_checked(length.min(8))?;
    let value = size
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte));
    let mask = (1 << (7 * size.len())) - 1;
    Some(((value & mask != mask).then_some(value & mask), content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_segment_without_a_size() {
        let file = |size: &[u8]| {
            [
                b"\x1A\x45\xDF\xA3\x42\x00".as_slice(),
                &[0; 512],
                b"\x18\x53\x80\x67",
                size,
            ]
            .concat()
        };
        assert!(live(&file(b"\xFF")));
        assert!(live(&file(b"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF")));
        assert!(!live(&file(b"\x01\x00\x00\x00\x00\x00\xFF\xFF")));
        assert!(!live(&file(b"\x01\xFF")));
        assert!(!live(&file(b"\xFE")));
        assert!(!live(&file(b"")));
        assert!(!live(b"\x1A\x45\xDF\xA3\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
        assert!(!live(b"\x1A\x45\xDF\xA3\xFF\x18\x53\x80\x67\xFF"));
    }
}
