//! Recordings of every container that are cut, damaged, or followed by something else.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use std::sync::LazyLock;

use common::{
    decode,
    media::{alike, make, reference},
    seconds, try_to_decode,
};
use speech::audio::WarningKind;

const SECONDS: f64 = 2.0;

/// Name, samples per second, options; small pieces, so that little is lost with one.
const FILES: [(&str, u32, &str); 22] = [
    ("a.wav", 16_000, "-c:a pcm_s16le"),
    ("rf64.wav", 16_000, "-c:a pcm_s24le -rf64 always"),
    ("a.flac", 16_000, "-frame_size 1024"),
    ("a.mp3", 44_100, "-b:a 64k"),
    ("variable.mp3", 22_050, "-q:a 4"),
    (
        "untagged.mp3",
        48_000,
        "-b:a 64k -write_xing 0 -id3v2_version 0",
    ),
    ("a.aac", 48_000, "-c:a aac"),
    ("opus.ogg", 48_000, "-c:a libopus -page_duration 20000"),
    (
        "vorbis.ogg",
        44_100,
        "-c:a libvorbis -q:a 9 -page_duration 20000",
    ),
    (
        "flac.ogg",
        16_000,
        "-c:a flac -frame_size 1024 -page_duration 20000",
    ),
    ("a.m4a", 48_000, "-c:a aac -movflags +faststart"),
    ("a.mov", 16_000, "-c:a pcm_s16be -movflags +faststart"),
    ("opus.mp4", 48_000, "-c:a libopus -movflags +faststart"),
    (
        "flac.mp4",
        16_000,
        "-c:a flac -frame_size 1024 -movflags +faststart -strict -2",
    ),
    (
        "fragments.mp4",
        48_000,
        "-c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 200000",
    ),
    (
        "old-fragments.mp4",
        48_000,
        "-c:a aac -movflags +frag_keyframe+empty_moov -frag_duration 200000",
    ),
    ("opus.webm", 48_000, "-c:a libopus -cluster_time_limit 200"),
    (
        "live.webm",
        48_000,
        "-c:a libopus -live 1 -cluster_time_limit 200",
    ),
    (
        "vorbis.webm",
        44_100,
        "-c:a libvorbis -q:a 9 -cluster_time_limit 200",
    ),
    ("aac.mkv", 48_000, "-c:a aac -cluster_time_limit 200"),
    ("pcm.mkv", 16_000, "-c:a pcm_s16le -cluster_time_limit 200"),
    (
        "flac.mkv",
        16_000,
        "-c:a flac -frame_size 1024 -cluster_time_limit 200",
    ),
];

fn files() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    static ALL: LazyLock<Vec<(&'static str, Vec<u8>)>> = LazyLock::new(|| {
        FILES
            .into_iter()
            .map(|(name, rate, options)| (name, make(rate, SECONDS, name, options)))
            .collect()
    });
    ALL.iter().cloned()
}

/// How alike two recordings are if one may be moved by up to 60 ms: a frame or two.
fn near(one: &[f32], other: &[f32]) -> f64 {
    (-1000i32..=1000)
        .map(|shift| {
            let (from, behind) = (shift.max(0) as usize, (-shift).max(0) as usize);
            alike(&one[from..from + 5000], &other[behind..behind + 5000])
        })
        .fold(0.0, f64::max)
}

/// No sound of any codec.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| byte()).collect()
}

#[test]
fn what_follows_the_sound_hurts_no_format() {
    let tag = [&b"TAG"[..], &[b'x'; 125]].concat();
    let ape = [
        &b"APETAGEX\xD0\x07\0\0\x20\0\0\0\0\0\0\0\0\0\0\x80"[..],
        &[0; 8],
    ]
    .concat();
    let lyrics = [&b"LYRICSBEGIN"[..], &noise(500), b"000511LYRICS200", &tag].concat();
    let id3 = [&b"ID3\x04\0\0\0\0\x07\x68"[..], &noise(1000)].concat();
    for (name, bytes) in files() {
        let whole = decode(bytes.clone());
        assert_eq!(whole.warnings, [], "{name}");
        for more in [
            &b"\r\n"[..],
            b"\n",
            &[0; 5000],
            &[0xFF; 5000],
            &tag,
            &ape,
            &lyrics,
            &id3,
        ] {
            // Where a frame is told by its beginning alone, the excess of the last is played.
            let found = decode([&bytes, more].concat());
            assert_eq!(found.warnings, [], "{name} {:?}", more.get(..8));
            assert_eq!(
                found.samples(),
                whole.samples(),
                "{name} {:?}",
                more.get(..8)
            );
        }
        // More of it is told, but no reason to refuse the rest.
        let found = decode([&bytes[..], &noise(3000)].concat());
        assert!((seconds(&found) - seconds(&whole)).abs() < 0.03, "{name}");
        assert!(alike(found.samples(), whole.samples()) > 0.999, "{name}");
    }
}

#[test]
fn what_is_cut_off_is_heard_to_where_it_is_cut() {
    for (name, bytes) in files() {
        let whole = decode(bytes.clone());
        for tenths in [5, 7, 9] {
            let mut cut = bytes.clone();
            cut.truncate(bytes.len() * tenths / 10);
            let found = decode(cut.clone());
            let end = seconds(&found);
            assert!((0.1..SECONDS).contains(&end), "{name}, {tenths}: {end}");
            let likeness = alike(found.samples(), whole.samples());
            assert!(likeness > 0.99, "{name}, {tenths}: {likeness}");
            let [warning] = found.warnings.as_slice() else {
                unreachable!("{name}, {tenths}: {:?}", found.warnings);
            };
            assert_eq!(warning.kind, WarningKind::Truncated, "{name}, {tenths}");
            let at = warning.at - found.offset.as_secs_f64();
            assert!(
                (at - end).abs() < 0.03,
                "{name}, {tenths}: {warning} of {end}"
            );
            // How much is missing is known from a count; a page or a cluster has none.
            if let Some(missing) = warning.seconds.filter(|_| !name.contains("fragments")) {
                let all = end + missing;
                assert!((all - SECONDS).abs() < 0.05, "{name}, {tenths}: {warning}");
            }
            // ffmpeg hears as much, but for what it finds in a piece that is cut.
            let heard = reference(&cut).len() as f64 / 16_000.0;
            assert!(
                (-0.1..0.15).contains(&(heard - end)),
                "{name}, {tenths}: {heard}, not {end}"
            );
        }
    }
}

#[test]
fn an_index_that_is_missing_is_named() {
    let bytes = make(48_000, 1.0, "a.m4a", "-c:a aac");
    let error = try_to_decode(bytes[..bytes.len() / 2].to_vec()).unwrap_err();
    assert!(error.to_string().contains("'moov' is missing"), "{error}");
}

#[test]
fn what_is_damaged_is_told_where_it_is_and_the_rest_is_in_its_place() {
    for (name, bytes) in files() {
        // Samples of PCM have no checksums; what is in their place is heard by ffmpeg, too.
        if matches!(name, "a.wav" | "rf64.wav" | "a.mov") {
            continue;
        }
        let whole = decode(bytes.clone());
        let middle = bytes.len() / 2;
        let damage = noise(bytes.len() / 100);
        let mut damaged = bytes.clone();
        damaged[middle..middle + damage.len()].copy_from_slice(&damage);
        let found = decode(damaged);
        let length = seconds(&found);
        assert!((length - seconds(&whole)).abs() < 0.08, "{name}: {length}");
        // What is before the damage is the same, and what is behind it at the same time.
        let end = 22_000;
        let start = found
            .warnings
            .first()
            .map_or(0.7, |warning| warning.at - 0.03);
        let start = (start * 16_000.0) as usize;
        let before = alike(&found.samples()[..start], &whole.samples()[..start]);
        assert!(before > 0.99, "{name}: {before} before");
        let behind = near(&found.samples()[end..], &whole.samples()[end..]);
        assert!(behind > 0.9, "{name}: {behind} behind");
        // A flaw in a frame of MP3 or in a packet of Opus may be heard and not noticed.
        let told = found
            .warnings
            .iter()
            .all(|warning| (0.1..1.4).contains(&warning.at));
        assert!(told, "{name}: {:?}", found.warnings);
        let noticed = !found.warnings.is_empty();
        assert!(noticed || matches!(name, "pcm.mkv" | "opus.mp4"), "{name}");
    }
}

#[test]
fn a_piece_that_is_lost_is_told_and_what_follows_is_in_its_place() {
    for (name, bytes) in files() {
        let of_frames = ["mp3", "aac"].iter().any(|end| name.ends_with(end));
        let in_order = ["ogg", "flac", "webm", "mkv"]
            .iter()
            .any(|end| name.ends_with(end));
        if !of_frames && !in_order {
            continue;
        }
        let whole = decode(bytes.clone());
        let middle = bytes.len() / 2;
        let mut lost = bytes.clone();
        lost.drain(middle..middle + bytes.len() / 40);
        let found = decode(lost);
        assert!(!found.warnings.is_empty(), "{name}");
        let length = seconds(&found);
        let most = if of_frames { 0.1 } else { 0.02 };
        assert!((length - seconds(&whole)).abs() < most, "{name}: {length}");
        if in_order {
            let behind = near(&found.samples()[22_000..], &whole.samples()[22_000..]);
            assert!(behind > 0.9, "{name}: {behind}");
        }
    }
}

#[test]
fn junk_of_which_nothing_can_be_decoded_is_refused() {
    for (name, bytes) in files() {
        let mut broken = bytes.clone();
        let from = bytes.len() / 3;
        let junk = noise(bytes.len() - from);
        broken[from..].copy_from_slice(&junk);
        // Where a third is left, it is heard, and the rest is told.
        if let Ok(found) = try_to_decode(broken)
            && !matches!(
                name,
                "a.wav" | "rf64.wav" | "a.mov" | "pcm.mkv" | "opus.mp4"
            )
        {
            assert!(!found.warnings.is_empty(), "{name}");
            assert!(seconds(&found) < 1.2, "{name}: {:?}", found.warnings);
        }
    }
}

#[test]
fn what_lies_between_frames_is_passed_over() {
    for (name, bytes) in files() {
        if !["mp3", "aac"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let whole = decode(bytes.clone());
        // Behind a frame: it begins with what the one at the beginning of the sound begins with.
        let start = &bytes[bytes.len() / 2..];
        let sync = [
            0xFF,
            bytes[bytes.iter().position(|&byte| byte == 0xFF).unwrap() + 1],
        ];
        let frames = (0..start.len() - 2).filter(|&at| start[at..at + 2] == sync);
        let at = bytes.len() / 2 + frames.into_iter().next().unwrap();
        for (junk, told) in [
            (vec![0; 700], false),
            ([&b"TAG"[..], &[b'x'; 125]].concat(), false),
            (
                [&b"ID3\x03\0\0\0\0\x07\x68"[..], &noise(1000)].concat(),
                false,
            ),
            (noise(300), true),
        ] {
            let mut changed = bytes.clone();
            changed.splice(at..at, junk.clone());
            let found = decode(changed);
            let longer = seconds(&found) - seconds(&whole);
            // Of what is told it is not known that no frame is missing.
            assert!((-0.03..0.2).contains(&longer), "{name}: {longer}");
            assert_eq!(
                !found.warnings.is_empty(),
                told,
                "{name}: {:?}",
                found.warnings
            );
            if !told {
                assert!(alike(found.samples(), whole.samples()) > 0.999, "{name}");
            }
        }
    }
}

#[test]
fn samples_without_end_end() {
    // Of a fragment, four thousand million samples of the same size; of a table, as many in a chunk.
    let options = "-c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof";
    let mut bytes = make(16_000, 1.0, "a.mp4", options);
    let at = |bytes: &[u8], kind: &[u8]| {
        let found = bytes.windows(4).position(|found| found == kind);
        found.unwrap() + 4
    };
    let (header, run) = (at(&bytes, b"tfhd"), at(&bytes, b"trun"));
    // The size of all is in the header of the fragment, and the run has an offset and no more.
    bytes[header..header + 4].copy_from_slice(&[0, 2, 0, 0x38]);
    bytes[run..run + 8].copy_from_slice(&[0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(try_to_decode(bytes).is_ok_and(|found| !found.warnings.is_empty()));
    for options in ["-c:a aac", "-c:a pcm_s16be"] {
        let mut bytes = make(16_000, 1.0, "a.mov", options);
        let (sizes, chunks) = (at(&bytes, b"stsz"), at(&bytes, b"stsc"));
        bytes[sizes + 4..sizes + 12].copy_from_slice(&[0, 0, 0, 9, 0xFF, 0xFF, 0xFF, 0xFF]);
        bytes[chunks + 12..chunks + 16].fill(0xFF);
        let _ = try_to_decode(bytes);
    }
}
