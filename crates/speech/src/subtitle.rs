//! Subtitles.
