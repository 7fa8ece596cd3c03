//! Subtitles: the segments of a transcript in the formats of players and of Whisper's command.
use std::fmt::Write;

use crate::{
    Word,
    transcript::{Segment, Transcript},
};

/// Characters of a line of SubRip and WebVTT, unless a single word is longer.
const LINE: usize = 42;
/// Lines that are shown at once.
const LINES: usize = 2;

/// [SubRip](https://en.wikipedia.org/wiki/SubRip).
pub fn srt(transcript: &Transcript) -> String {
    let mut text = String::new();
    for (i, cue) in cues(transcript).into_iter().enumerate() {
        let [start, end] = [cue.start, cue.end].map(|time| clock(time, ','));
        // Writing to a string never fails.
        let _ = write!(
            text,
            "{}\n{start} --> {end}\n{}\n\n",
            i + 1,
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
        let _ = write!(text, "{start} --> {end}\n{lines}\n\n");
    }
    text
}

/// Tab-separated values, a line for each segment, with start and end in milliseconds, as Whisper's command
/// writes them.
pub fn tsv(transcript: &Transcript) -> String {
    let mut text = "start\tend\ttext\n".to_owned();
    let mut last = 0;
    for Segment {
        start,
        end,
        text: spoken,
        ..
    } in &transcript.segments
    {
        let (start, end) = milliseconds(*start, *end, &mut last);
        let spoken: Vec<&str> = spoken.split_whitespace().collect();
        let _ = writeln!(text, "{start}\t{end}\t{}", spoken.join(" "));
    }
    text
}

/// What is shown at once, times in milliseconds.
struct Cue {
    start: u64,
    end: u64,
    lines: Vec<String>,
}

/// The segments, those whose words do not fit cut into several cues.
fn cues(transcript: &Transcript) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut last = 0;
    for segment in &transcript.segments {
        let mut words = transcript
            .words
            .get(segment.words.clone())
            .unwrap_or_default();
        while let [first, ..] = words {
            let (lines, count) = wrap(words);
            let (shown, rest) = words.split_at(count);
            let (start, end) =
                milliseconds(first.start, shown.last().unwrap_or(first).end, &mut last);
            cues.push(Cue { start, end, lines });
            words = rest;
        }
    }
    cues
}

/// The lines that the first words fill, and how many words these are: at least one of each.
fn wrap(words: &[Word]) -> (Vec<String>, usize) {
    let mut lines: Vec<String> = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let full = lines.len() == LINES;
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.text.chars().count() <= LINE => {
                line.push_str(&word.text);
            }
            _ if full => return (lines, i),
            _ => lines.push(word.text.trim_start().to_owned()),
        }
    }
    (lines, words.len())
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

/// Text of a WebVTT cue: tags and entities of the caller's model are shown as they are.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::tests::transcript;
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
    fn long_segments_become_several_cues() {
        let words = ["PNEUMONOULTRAMICROSCOPIC"; 4].join(" ");
        let text = srt(&transcript(&words));
        assert_eq!(text.matches(" --> ").count(), 2, "{text}");
        assert!(
            text.contains("\n\n2\n00:00:02,000 --> 00:00:03,500\n"),
            "{text}"
        );
    }

    #[test]
    fn web_vtt_escapes_what_would_be_markup() {
        let text = vtt(&transcript("A<B>&AMP; -->"));
        assert!(text.contains("\nA&lt;B&gt;&amp;AMP; --&gt;\n"), "{text}");
    }

    #[test]
    fn times_pass_the_hour() {
        assert_eq!(clock(3_723_004, ','), "01:02:03,004");
        assert_eq!(clock(360_000_000, '.'), "100:00:00.000");
    }

    proptest! {
        #[test]
        fn cues_hold_every_word_in_short_lines_and_do_not_overlap(
            words in prop::collection::vec("[A-Z']{1,60}", 0..60),
            shift in 0.0..0.001_f64,
        ) {
            let mut transcript = transcript(&words.join(" "));
            for word in &mut transcript.words {
                // Words that touch, at times that are rounded.
                word.start += shift;
                word.end = word.start + 1.0;
            }
            let mut last = 0;
            let mut shown = Vec::new();
            for cue in cues(&transcript) {
                prop_assert!(last <= cue.start && cue.start < cue.end);
                last = cue.end;
                prop_assert!((1..=LINES).contains(&cue.lines.len()));
                for line in &cue.lines {
                    prop_assert!(line.len() <= LINE || !line.contains(' '), "{line}");
                    shown.extend(line.split(' ').map(str::to_owned));
                }
            }
            prop_assert_eq!(shown, words);
        }
    }
}
