//! The edit list of an MP4 track (ISO/IEC 14496-12, 8.6.6), which says what part of the decoded samples is the recording
//! and when it begins.
//!
//! Encoders add about a thousand samples at the beginning and fill up the last frame; the edit list removes both. A track that
//! begins later than others has an empty edit first.

use super::atom::{child, u32_at, u64_at};

/// The part of a track that is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edit {
    /// Seconds of nothing before it.
    pub(super) pause: f64,
    /// Where the recording begins, in units of the track's time scale.
    pub(super) start: u64,
    /// Its duration in seconds, if it is stated.
    pub(super) seconds: Option<f64>,
}

/// The edit of a track: the pause before it, if any, and where it begins. `None` without an edit list.
///
/// If a list has several parts of the track, everything from the beginning of the first is played: cuts in the middle are
/// ignored.
pub(super) fn edit(movie: &[u8], trak: &[u8]) -> Option<Edit> {
    let scale = {
        let header = child(movie, b"mvhd")?;
        let offset = if header.first() == Some(&1) { 20 } else { 12 };
        u32_at(header, offset)?
    };
    let list = child(child(trak, b"edts")?, b"elst")?;
    let (version, count) = (*list.first()?, u32_at(list, 4)?);
    let length = match version {
        0 => 12,
        1 => 20,
        _ => return None,
    };
    let entries = list.get(8..)?.chunks_exact(length);
    // Duration, beginning (−1 for a pause).
    let mut edits = entries
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .filter_map(|entry| match version {
            0 => Some((
                u64::from(u32_at(entry, 0)?),
                i64::from(u32_at(entry, 4)?.cast_signed()),
            )),
            _ => Some((u64_at(entry, 0)?, u64_at(entry, 8)?.cast_signed())),
        });
    let seconds = |ticks: u64| (scale > 0).then(|| ticks as f64 / f64::from(scale));
    let mut pause = 0.0;
    loop {
        let (duration, start) = edits.next()?;
        if let Ok(start) = u64::try_from(start) {
            let last = edits.all(|(_, start)| start < 0);
            return Some(Edit {
                pause,
                start,
                seconds: seconds(duration).filter(|&seconds| seconds > 0.0 && last),
            });
        }
        pause += seconds(duration)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::atom::trak;
    use super::*;

    /// The edit of a track of a file.
    fn edit(file: &[u8], track: u32) -> Option<Edit> {
        let movie = child(file, b"moov")?;
        super::edit(movie, trak(movie, track)?)
    }

    fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let length = content.len() as u32 + 8;
        [&length.to_be_bytes(), &kind[..], content].concat()
    }

    /// A movie with a scale of 1000 and track 7, whose edit list is such.
    fn movie(list: &[u8]) -> Vec<u8> {
        let header = [&[0; 12][..], &1000u32.to_be_bytes()].concat();
        let track = [&[0; 12][..], &7u32.to_be_bytes()].concat();
        let track = [atom(b"tkhd", &track), atom(b"edts", &atom(b"elst", list))];
        let parts = [atom(b"mvhd", &header), atom(b"trak", &track.concat())];
        atom(b"moov", &parts.concat())
    }

    fn short(entries: &[(u32, i32)]) -> Vec<u8> {
        let mut list = [[0; 4], (entries.len() as u32).to_be_bytes()].concat();
        for (duration, start) in entries {
            list.extend(duration.to_be_bytes());
            list.extend(start.to_be_bytes());
            list.extend(0x1_0000u32.to_be_bytes());
        }
        list
    }

    fn read(list: &[u8]) -> Option<(f64, u64, Option<f64>)> {
        edit(&movie(list), 7).map(|edit| (edit.pause, edit.start, edit.seconds))
    }

    #[test]
    fn reads_trims_and_pauses() {
        assert_eq!(read(&short(&[(2000, 1024)])), Some((0.0, 1024, Some(2.0))));
        assert_eq!(read(&short(&[(0, 1024)])), Some((0.0, 1024, None)));
        let late = [(1440, -1), (2000, 0)];
        assert_eq!(read(&short(&late)), Some((1.44, 0, Some(2.0))));
        let twice = [(1000, -1), (500, -1), (0, 512)];
        assert_eq!(read(&short(&twice)), Some((1.5, 512, None)));
        // A pause behind changes nothing; a second part is played to its end.
        let behind = [(2000, 0), (500, -1)];
        assert_eq!(read(&short(&behind)), Some((0.0, 0, Some(2.0))));
        let cut = [(2000, 100), (500, 90_000)];
        assert_eq!(read(&short(&cut)), Some((0.0, 100, None)));
        // 64 bits.
        let long = [
            &[1, 0, 0, 0, 0, 0, 0, 2][..],
            &(1u64 << 40).to_be_bytes(),
            &(-1i64).to_be_bytes(),
            &[0; 4],
            &3000u64.to_be_bytes(),
            &(1u64 << 33).to_be_bytes(),
            &[0; 4],
        ]
        .concat();
        let pause = (1u64 << 40) as f64 / 1000.0;
        assert_eq!(read(&long), Some((pause, 1 << 33, Some(3.0))));
    }

    #[test]
    fn lists_that_make_no_sense_are_none() {
        assert_eq!(edit(&movie(&short(&[(2000, 0)])), 8), None);
        for list in [
            &short(&[])[..],
            &short(&[(2000, -1)]),
            b"",
            b"\0\0\0\0",
            // An entry that is cut, and a version to come.
            &short(&[(2000, 0)])[..16],
            &[&[2, 0, 0, 0, 0, 0, 0, 1][..], &[0; 20]].concat(),
        ] {
            assert_eq!(read(list), None, "{list:?}");
        }
        // More entries than there are.
        let mut many = short(&[(1440, -1), (2000, 0)]);
        many[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(read(&many), Some((1.44, 0, Some(2.0))));
        // No time scale.
        let mut timeless = movie(&short(&[(1440, -1), (2000, 0)]));
        timeless[28..32].fill(0);
        assert_eq!(edit(&timeless, 7), None);
    }
}
