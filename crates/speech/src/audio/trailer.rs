//! Data after the sound of a file: tags, padding, line breaks from careless uploads.

/// Fewer bytes than any sound has.
const FEW: usize = 256;

/// Whether the rest of a file after the last sound needs no warning.
pub(super) fn is_harmless(rest: &[u8]) -> bool {
    let rest = skip(rest);
    rest.len() < FEW || is_padding(rest)
}

/// Whether bytes between two pieces of sound are nothing but tags and padding.
pub(super) fn is_padding(bytes: &[u8]) -> bool {
    let rest = skip(bytes);
    let first = rest.first().copied().unwrap_or(0);
    rest.iter().all(|&byte| byte == first)
        || rest
            .iter()
            .all(|byte| *byte == 0 || byte.is_ascii_whitespace())
}

/// The bytes after leading tags and padding.
pub(super) fn skip(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        let padding = rest.iter().take_while(|&&byte| byte == 0).count();
        rest = rest.get(padding..).unwrap_or_default();
        match tag(rest) {
            Some(length) => rest = rest.get(length..).unwrap_or_default(),
            None => return rest,
        }
    }
}

/// The length of a tag, if the bytes begin with one.
pub(super) fn tag(bytes: &[u8]) -> Option<usize> {
    if let Some(rest) = bytes.strip_prefix(b"TAG") {
        // The extended tag is put before the other.
        return Some(if rest.starts_with(b"+") { 227 } else { 128 });
    }
    if let Some(length) = id3(bytes) {
        return Some(length);
    }
    // APEv2, whose size counts the items and the footer (https://wiki.hydrogenaudio.org/index.php?title=APE_Tags_Header);
    // bit 29 of the flags tells a header from a footer.
    if let Some(&[_, _, _, _, s0, s1, s2, s3, _, _, _, _, _, _, _, flags]) = bytes
        .strip_prefix(b"APETAGEX")
        .and_then(|rest| rest.first_chunk())
    {
        let size = u32::from_le_bytes([s0, s1, s2, s3]) as usize;
        let header = flags & 0x20 != 0;
        return Some(if header { size.saturating_add(32) } else { 32 });
    }
    if bytes.starts_with(b"LYRICSBEGIN") {
        let end = |mark: &[u8]| {
            let found = bytes.windows(mark.len()).take(1 << 16);
            found
                .enumerate()
                .find(|(_, window)| *window == mark)
                .map(|(at, _)| at + mark.len())
        };
        return end(b"LYRICS200").or_else(|| end(b"LYRICSEND"));
    }
    None
}

/// The length of an ID3v2 tag, of any version (<https://id3.org/id3v2.4.0-structure>, section 3.1).
fn id3(bytes: &[u8]) -> Option<usize> {
    let &[version, _, flags, ref size @ ..] = bytes.strip_prefix(b"ID3")?.first_chunk::<7>()?;
    if version == 0xFF {
        return None;
    }
    // Seven bits of each byte count. Writers that use all eight are met.
    let bits = if size.iter().all(|&byte| byte < 0x80) {
        7
    } else {
        8
    };
    let size = size
        .iter()
        .fold(0, |size, &byte| size << bits | usize::from(byte));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    Some(size.saturating_add(10 + footer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_padding_are_harmless_and_sound_is_not() {
        let sound: Vec<u8> = (0..2000u32).map(|i| (i * 37 % 251) as u8).collect();
        let ape = |flags: u8| {
            let mut tag = b"APETAGEX\xD0\x07\0\0\xD0\x07\0\0\x01\0\0\0\0\0\0".to_vec();
            tag.push(flags);
            tag.extend([0; 8]);
            tag
        };
        for tag in [
            &b"\r\n"[..],
            &[0; 5000],
            &[0xFF; 5000],
            &[&b"TAG"[..], &[b'x'; 125]].concat(),
            &[&b"ID3\x04\0\0\0\0\x0f\x50"[..], &sound].concat(),
            &[&b"ID3\x02\0\0\0\0\x07\xD0"[..], &sound].concat(),
            &[&ape(0xA0), &sound[..]].concat(),
            &[&b"LYRICSBEGIN"[..], &sound, b"001234LYRICS200"].concat(),
        ] {
            assert!(is_harmless(tag), "{:?}", tag.get(..20));
            let both = [tag, &sound].concat();
            assert_eq!(is_harmless(&both), tag == b"", "{:?}", tag.get(..20));
        }
        assert!(is_harmless(b""));
        assert!(!is_harmless(&sound));
        // A footer has its items before it.
        assert_eq!(tag(&ape(0x80)), Some(32));
    }
}
