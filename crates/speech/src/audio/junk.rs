//! Data between the frames of a stream.

use bytes::{Buf, Bytes};

use super::trailer;

/// Bytes in which a frame is looked for at once.
pub(super) const SEARCHED: usize = 64 << 10;

/// The stream from where something other than frames began, if it did.
#[derive(Default)]
pub(super) struct Junk(Option<Bytes>);

impl Junk {
    /// Whether something was skipped.
    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Skips a tag or a byte, and then everything up to the next tag or the next thing that `is_known`, if that is near.
    pub(super) fn pass_over(&mut self, bytes: &mut Bytes, is_known: impl Fn(&[u8]) -> bool) {
        let length = trailer::tag(bytes).unwrap_or(1);
        self.0.get_or_insert(bytes.clone());
        bytes.advance(length.min(bytes.len()));
        let near = bytes.len().min(SEARCHED);
        let at = (0..near).find(|&at| {
            bytes
                .get(at..)
                .is_some_and(|rest| is_known(rest) || trailer::tag(rest).is_some())
        });
        bytes.advance(at.unwrap_or(near));
    }

    /// Takes what was skipped before `rest`, the end of the stream.
    pub(super) fn take(&mut self, rest: &Bytes) -> Option<Bytes> {
        let mut junk = self.0.take()?;
        junk.truncate(junk.len() - rest.len());
        Some(junk)
    }
}
