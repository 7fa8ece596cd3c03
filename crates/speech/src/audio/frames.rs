//! Splits streams of frames with headers, MP3 and ADTS, into frames and other data.

use bytes::Bytes;

use super::{
    junk::Junk,
    mpeg::{self, Stream},
    trailer,
    warning::Note,
};

/// Cuts a stream into its frames.
pub(super) struct Frames {
    bytes: Bytes,
    stream: Stream,
    junk: Junk,
    /// Frames so far, and their bytes.
    count: usize,
    length: usize,
    ended: bool,
}

/// What was found.
pub(super) enum Found {
    Frame(Bytes),
    /// Nothing, so far.
    Other,
    /// Something is wrong, and about this many frames are missing.
    Fault(Note, u64),
    End,
}

impl Frames {
    pub(super) fn new(bytes: Bytes, stream: Stream) -> Self {
        Self {
            bytes,
            stream,
            junk: Junk::default(),
            count: 0,
            length: 0,
            ended: false,
        }
    }

    /// The rest of the stream.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn next(&mut self) -> Found {
        if self.ended {
            return Found::End;
        }
        if self.bytes.is_empty() {
            self.ended = true;
            return self.judge_end();
        }
        let length = match mpeg::header(&self.bytes) {
            Some((stream, length)) if stream == self.stream => length,
            _ => return self.pass_over_junk(),
        };
        if length > self.bytes.len() {
            // After something else it is likely to be that, too.
            if self.junk.is_some() {
                return self.pass_over_junk();
            }
            self.bytes.clear();
            self.ended = true;
            return Found::Fault(Note::truncated("the file ends within a frame"), 0);
        }
        if self.junk.is_some() {
            if !mpeg::follow(&self.bytes, self.stream, 2) {
                return self.pass_over_junk();
            }
            if let Some(fault) = self.judge_junk() {
                return fault;
            }
        }
        self.count += 1;
        self.length += length;
        Found::Frame(self.bytes.split_to(length))
    }

    fn pass_over_junk(&mut self) -> Found {
        let stream = self.stream;
        self.junk.pass_over(&mut self.bytes, |rest| {
            mpeg::header(rest).is_some_and(|(found, _)| found == stream)
        });
        Found::Other
    }

    /// The warning about data between two frames.
    fn judge_junk(&mut self) -> Option<Found> {
        let junk = self.junk.take(&self.bytes)?;
        if trailer::is_padding(&junk) {
            return None;
        }
        let length = trailer::skip(&junk).len();
        let message = format!("{length} bytes are not frames");
        let average = self.length / self.count.max(1);
        let frames = (length + average / 2) / average.max(1);
        Some(Found::Fault(Note::damaged(message), frames as u64))
    }

    fn judge_end(&mut self) -> Found {
        match self.junk.take(&self.bytes) {
            Some(junk) if mpeg::header(&junk).is_none() && trailer::is_harmless(&junk) => {
                Found::End
            }
            Some(junk) => {
                let message = format!("{} bytes at the end are not frames", junk.len());
                Found::Fault(Note::damaged(message), 0)
            }
            None => Found::End,
        }
    }
}
