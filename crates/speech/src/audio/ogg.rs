//! Which codecs an Ogg file has, by the pages that begin its streams (RFC 3533).

use super::AudioError;

/// Refuses a file without a stream that can be decoded.
pub(super) fn check(bytes: &[u8]) -> Result<(), AudioError> {
    let mut unsupported = None;
    let mut rest = bytes;
    // The pages that begin streams come before all others.
    while let Some((packet, next)) = first_page(rest) {
        const DECODED: [&[u8]; 3] = [b"\x01vorbis", b"OpusHead", b"\x7FFLAC"];
        const AUDIO: [(&[u8], &str); 4] = [
            (b"Speex   ", "Speex"),
            (b"fLaC", "FLAC in Ogg of the old kind"),
            (b"PCM     ", "PCM in Ogg"),
            (b"CELT    ", "CELT"),
        ];
        if DECODED.iter().any(|magic| packet.starts_with(magic)) {
            return Ok(());
        }
        if let Some((_, name)) = AUDIO.iter().find(|(magic, _)| packet.starts_with(magic)) {
            unsupported = Some(AudioError::UnsupportedCodec {
                codec: (*name).into(),
            });
        }
        rest = next;
    }
    Err(unsupported.unwrap_or(AudioError::NoAudioTrack { container: "Ogg" }))
}

/// The content of a page that begins a stream, and what follows it.
fn first_page(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = bytes.strip_prefix(b"OggS\0")?;
    if header.first()? & 2 == 0 {
        return None;
    }
    let segments = usize::from(*bytes.get(26)?);
    let (table, content) = bytes.get(27..)?.split_at_checked(segments)?;
    let length = table.iter().copied().map(usize::from).sum();
    content.split_at_checked(length)
}
