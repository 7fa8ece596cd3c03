//! Subtitles: the segments of a transcript in the formats of players and of Whisper's command.
use std::fmt::Write;

use crate::transcript::{LONGEST, Segment, Transcript};

/// [SubRip](https://en.wikipedia.org/wiki/SubRip).
pub fn srt(transcript: &Transcript) -> String {
    let mut text = String::new();
    for (i, cue) in cues(transcript).into_iter().enumerate() {
        let [start, end] = [cue.start, cue.end].map(|time| clock(time, ','));
        // Writing to a string never fails.
        let _ = write!(
            text,
            "{}\n{start} --> {end}\n{}{}\n\n",
            i + 1,
            label(cue.channel),
            cue.lines.join("\n")
        );
    }
    text
}

/// [WebVTT](https://www.w3.org/TR/webvtt1/).
pub fn vtt(transcript: &Transcript) -> String {
    let mut text = "WEBVTT\n\n".to_owned();
    for cue in cues(transcript) {
        let [start, end] = [cue.start, cue.end].map(|time| clock(time, '.'));
        let lines = escape(&cue.lines.join("\n"));
        // A voice is what WebVTT calls a speaker.
        let voice = cue
            .channel
            .map(|channel| format!("<v Channel {}>", channel + 1));
        let voice = voice.unwrap_or_default();
        let _ = write!(text, "{start} --> {end}\n{voice}{lines}\n\n");
    }
    text
}

/// Tab-separated values, a line for each segment, with start and end in milliseconds, as Whisper's command
/// writes them.
pub fn tsv(transcript: &Transcript) -> String {
    let mut text = "start\tend\ttext\n".to_owned();
    let mut last = 0;
    for segment in &transcript.segments {
        let channel = transcript.channel(segment);
        if channel.is_some() {
            last = 0;
        }
        let (start, end) = milliseconds(segment.start, segment.end, &mut last);
        let spoken: Vec<&str> = segment.text.split_whitespace().collect();
        let _ = writeln!(
            text,
            "{start}\t{end}\t{}{}",
            label(channel),
            spoken.join(" ")
        );
    }
    text
}

/// A cue, with times in milliseconds.
struct Cue {
    start: u64,
    end: u64,
    lines: Vec<String>,
    channel: Option<usize>,
}

/// The label before the text of a channel.
fn label(channel: Option<usize>) -> String {
    channel.map_or(String::new(), |channel| {
        format!("Channel {}: ", channel + 1)
    })
}

/// The segments, each no longer than it is read.
fn cues(transcript: &Transcript) -> Vec<Cue> {
    let mut last = 0;
    let cue = |segment: &Segment| {
        let channel = transcript.channel(segment);
        // Different channels may speak at once.
        if channel.is_some() {
            last = 0;
        }
        let end = segment.end.min(segment.start + LONGEST);
        let (start, end) = milliseconds(segment.start, end, &mut last);
        let lines = segment.lines.clone();
        Cue {
            start,
            end,
            lines,
            channel,
        }
    };
    transcript.segments.iter().map(cue).collect()
}

/// Start and end in milliseconds, at least one apart, and no earlier than the `last` end.
fn milliseconds(start: f64, end: f64, last: &mut u64) -> (u64, u64) {
    let round = |seconds: f64| (seconds * 1000.0).round() as u64;
    let start = round(start).max(*last);
    let end = round(end).max(start + 1);
    *last = end;
    (start, end)
}

/// `HH:MM:SS,mmm`, the hours with more digits where needed.
fn clock(milliseconds: u64, separator: char) -> String {
    let (seconds, milliseconds) = (milliseconds / 1000, milliseconds % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{separator}{milliseconds:03}")
}

/// Text of a WebVTT cue, with tags and entities escaped.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::tests::{of, transcript, word};
    use proptest::prelude::*;

    #[test]
    fn are_written_as_players_read_them() {
        let mut transcript = transcript("HELLO WORLD");
        transcript.segments[0].start = 0.0;
        assert_eq!(
            srt(&transcript),
            "1\n00:00:00,000 --> 00:00:01,500\nHELLO WORLD\n\n"
        );
        assert_eq!(
            vtt(&transcript),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHELLO WORLD\n\n"
        );
        assert_eq!(tsv(&transcript), "start\tend\ttext\n0\t1500\tHELLO WORLD\n");
    }

    #[test]
    fn silence_has_no_cues() {
        let silence = transcript("");
        assert_eq!(srt(&silence), "");
        assert_eq!(vtt(&silence), "WEBVTT\n\n");
        assert_eq!(tsv(&silence), "start\tend\ttext\n");
    }

    #[test]
    fn long_sentences_become_several_cues() {
        let words = ["PNEUMONOULTRAMICROSCOPIC"; 4].join(" ");
        let text = srt(&transcript(&words));
        assert_eq!(text.matches(" --> ").count(), 2, "{text}");
        assert!(
            text.contains("\n\n2\n00:00:02,000 --> 00:00:03,500\n"),
            "{text}"
        );
    }

    #[test]
    fn a_word_that_lasts_long_is_not_shown_so_long() {
        let mut transcript = transcript("ALAS");
        transcript.segments[0].end = 60.0;
        assert!(srt(&transcript).contains("00:00:00,000 --> 00:00:07,000\nALAS\n"));
    }

    #[test]
    fn web_vtt_escapes_what_would_be_markup() {
        let text = vtt(&transcript("A<B>&AMP; -->"));
        assert!(text.contains("\nA&lt;B&gt;&amp;AMP; --&gt;\n"), "{text}");
    }

    #[test]
    fn channels_are_told_apart() {
        let other = transcript("HELLO").delayed(0.25);
        let both = Transcript::of_channels(vec![transcript("GOOD MORNING"), other]);
        assert_eq!(both.text(), "GOOD MORNING HELLO");
        assert!(srt(&both).contains("\n00:00:00,250 --> 00:00:00,750\nChannel 2: HELLO\n"));
        assert!(vtt(&both).contains("\n00:00:00.250 --> 00:00:00.750\n<v Channel 2>HELLO\n"));
        assert!(tsv(&both).contains("\n250\t750\tChannel 2: HELLO\n"));
    }

    #[test]
    fn times_pass_the_hour() {
        assert_eq!(clock(3_723_004, ','), "01:02:03,004");
        assert_eq!(clock(360_000_000, '.'), "100:00:00.000");
    }

    proptest! {
        #[test]
        fn cues_do_not_overlap_and_last_no_longer_than_they_are_read(
            lengths in prop::collection::vec((0.0..0.7_f64, 0.0..12.0_f64), 0..40),
        ) {
            let mut time = 0.0;
            let words: Vec<_> = lengths
                .into_iter()
                .map(|(pause, length)| {
                    let start = time + pause;
                    time = start + length;
                    word(" A.", start, time)
                })
                .collect();
            let mut last = 0;
            for cue in cues(&of(words)) {
                prop_assert!(last <= cue.start && cue.start < cue.end);
                prop_assert!(cue.end - cue.start <= 7000);
                last = cue.end;
            }
        }
    }
}
