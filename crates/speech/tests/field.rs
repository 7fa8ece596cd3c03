//! Files as they come from recorders, phones and editors, whose headers do not say what is in them.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use common::{
    decode, kinds, likeness,
    media::{alike, make, reference},
    position, seconds, signal, try_to_decode,
};
use speech::audio::{AudioError, WarningKind};

#[test]
fn pcm_of_quicktime_is_read_in_its_width_sign_and_order() {
    for codec in [
        "pcm_s8",
        "pcm_u8",
        "pcm_s16be",
        "pcm_s16le",
        "pcm_s24be",
        "pcm_s24le",
        "pcm_s32be",
        "pcm_s32le",
        "pcm_f32be",
        "pcm_f32le",
        "pcm_f64be",
        "pcm_f64le",
        "pcm_alaw",
        "pcm_mulaw",
    ] {
        for (rate, channels) in [(16_000, 1), (44_100, 2), (96_000, 1)] {
            let options = format!("-c:a {codec} -ac {channels}");
            let bytes = make(rate, 0.5, "a.mov", &options);
            let found = decode(bytes.clone());
            assert!((seconds(&found) - 0.5).abs() < 1e-4, "{options}");
            let same = alike(found.samples(), &reference(&bytes));
            assert!(same > 0.999, "{options} at {rate} Hz: {same}");
            assert!(found.warnings.is_empty());
        }
    }
}

#[test]
fn pcm_of_matroska_is_read_in_its_width() {
    for codec in [
        "pcm_u8",
        "pcm_s16le",
        "pcm_s16be",
        "pcm_s24le",
        "pcm_s32le",
        "pcm_f32le",
        "pcm_f64le",
        "pcm_alaw",
        "pcm_mulaw",
    ] {
        let bytes = make(16_000, 0.5, "a.mkv", &format!("-c:a {codec} -ac 2"));
        let found = decode(bytes.clone());
        assert_eq!(seconds(&found), 0.5, "{codec}");
        let same = alike(found.samples(), &reference(&bytes));
        assert!(same > 0.999, "{codec}: {same}");
        assert!(found.warnings.is_empty());
    }
    // What is not decoded is named.
    let error = try_to_decode(make(16_000, 0.5, "a.mkv", "-c:a adpcm_ms")).unwrap_err();
    assert!(error.to_string().starts_with("Microsoft ADPCM"), "{error}");
}

#[test]
fn mp4_needs_no_brand_and_no_right_lengths() {
    let bytes = make(48_000, 0.5, "a.m4a", "-c:a aac");
    let whole = decode(bytes.clone());
    let mut plain = bytes.clone();
    plain[4..8].copy_from_slice(b"free");
    assert_eq!(decode(plain), whole);
    // The length of the samples is wrong, so the index is not where it should be.
    let samples = position(&bytes, b"mdat");
    for length in [1u32, 9, u32::MAX] {
        let mut wrong = bytes.clone();
        wrong[samples - 4..samples].copy_from_slice(&length.to_be_bytes());
        assert_eq!(decode(wrong).samples(), whole.samples(), "{length}");
    }
    // Nothing follows a tag.
    let error = try_to_decode([&b"ID3\x04\0\0\0\0\x07\x68"[..], &[1; 500]].concat()).unwrap_err();
    assert!(matches!(error, AudioError::Corrupt { .. }), "{error}");
}

#[test]
fn the_rate_of_aac_is_that_of_its_decoder() {
    for rate in [96_000, 88_200, 64_000, 48_000, 22_050, 8_000] {
        for file in ["a.m4a", "a.mov", "a.3gp", "a.mkv", "a.aac"] {
            let bytes = make(rate, 0.5, file, "-c:a aac");
            let found = decode(bytes);
            let start = found.offset.as_secs_f64();
            let end = start + seconds(&found);
            assert!(
                (-0.001..0.17).contains(&(end - 0.5)),
                "{file} at {rate} Hz: {end}"
            );
            let same = likeness(&found.samples()[..7000], |t| signal(t + start.min(0.0)));
            assert!(same > 0.9 || start > 0.0, "{file} at {rate} Hz: {same}");
        }
    }
    // A sample entry that says 0, and one that says something else.
    for says in [[0; 4], [0x1F, 0x40, 0, 0]] {
        let mut bytes = make(16_000, 0.5, "a.m4a", "-c:a aac");
        let whole = decode(bytes.clone());
        let entry = position(&bytes, b"mp4a");
        bytes[entry + 28..entry + 32].copy_from_slice(&says);
        assert_eq!(decode(bytes), whole);
    }
}

#[test]
fn tracks_that_are_late_and_fragments_are_in_their_place() {
    let late = make(
        48_000,
        1.0,
        "a.mp4",
        "-c:a aac -af adelay=0 -output_ts_offset 1.44",
    );
    let found = decode(late);
    assert!(
        (found.offset.as_secs_f64() - 1.44).abs() < 0.03,
        "{:?}",
        found.offset
    );
    for flags in [
        "+frag_keyframe+empty_moov+default_base_moof",
        "+frag_keyframe+empty_moov",
        "+frag_keyframe+empty_moov+omit_tfhd_offset",
        "+dash",
        "+frag_keyframe",
    ] {
        let options = format!("-c:a aac -movflags {flags} -frag_duration 100000");
        let bytes = make(48_000, 1.0, "a.mp4", &options);
        let found = decode(bytes.clone());
        let end = found.end().as_secs_f64();
        assert!((1.0..1.05).contains(&end), "{flags}: {end}");
        let reference = reference(&bytes);
        // Without an edit list ffmpeg plays what the encoder puts in front; we leave the first 1024 out and say so.
        let skipped = reference.len().saturating_sub(found.samples().len());
        let same = (0..=skipped.max(1))
            .map(|from| alike(&reference[from..], found.samples()))
            .fold(0.0, f64::max);
        // Their samples may lie a third of one apart.
        assert!(same > 0.95, "{flags}: {same}");
        assert!(found.warnings.is_empty(), "{flags}: {:?}", found.warnings);
    }
    // A fragment that is lost.
    let options =
        "-c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 100000";
    let bytes = make(48_000, 1.0, "a.mp4", options);
    let whole = decode(bytes.clone());
    let starts: Vec<_> = (0..bytes.len() - 4)
        .filter(|&at| &bytes[at..at + 4] == b"moof")
        .map(|at| at - 4)
        .collect();
    let lost = [&bytes[..starts[4]], &bytes[starts[6]..]].concat();
    let found = decode(lost);
    assert!((seconds(&found) - seconds(&whole)).abs() < 0.001);
    assert_eq!(kinds(&found), [WarningKind::Missing]);
    assert!((found.warnings[0].seconds.unwrap() - 0.2).abs() < 0.05);
    let last = 13_000..15_500;
    assert!(alike(&found.samples()[last.clone()], &whole.samples()[last]) > 0.99);
}

#[test]
fn flac_is_heard_whatever_its_header_says() {
    let bytes = make(
        16_000,
        1.0,
        "a.flac",
        "-c:a flac -frame_size 1024 -sample_fmt s16",
    );
    let whole = decode(bytes.clone());
    assert!(alike(whole.samples(), &reference(&bytes)) > 0.99999);
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 8] = [
        ("minimum block 0", |b| b[8..10].fill(0)),
        ("maximum block 16", |b| b[10..12].copy_from_slice(&[0, 16])),
        ("sizes of frames", |b| {
            b[12..18].copy_from_slice(&[0, 9, 0, 0, 1, 0]);
        }),
        ("total unknown", |b| b[22..26].fill(0)),
        ("total too small", |b| {
            b[22..26].copy_from_slice(&[0, 0, 1, 0]);
        }),
        ("rate 0", |b| b[18..20].fill(0)),
        ("a tag before and behind", |b| {
            let tag = [&b"ID3\x03\0\0\0\0\0\x64"[..], &[7; 100]].concat();
            b.splice(..0, tag);
            b.extend(b"TAG");
            b.extend([0; 125]);
        }),
        ("an APE tag before", |b| {
            let tag = [
                &b"APETAGEX\xD0\x07\0\0\x40\0\0\0\x01\0\0\0\0\0\0\xA0"[..],
                &[0; 8],
                &[b'x'; 64],
            ];
            b.splice(..0, tag.concat());
        }),
    ];
    for (name, change) in changes {
        let mut changed = bytes.clone();
        change(&mut changed);
        let found = decode(changed);
        assert_eq!(found.samples(), whole.samples(), "{name}");
        assert!(found.warnings.is_empty(), "{name}: {:?}", found.warnings);
    }
    let mut more = bytes.clone();
    more[22..26].copy_from_slice(&32_000u32.to_be_bytes());
    let found = decode(more);
    assert_eq!(found.samples(), whole.samples());
    assert_eq!(kinds(&found), [WarningKind::Truncated]);
    assert!((found.warnings[0].seconds.unwrap() - 1.0).abs() < 1e-6);
    // Files put together, of which the second has another rate and number of channels.
    let second = make(44_100, 1.0, "a.flac", "-c:a flac -ac 2");
    let found = decode([bytes, second].concat());
    assert!((seconds(&found) - 2.0).abs() < 0.001);
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert!(alike(&found.samples()[16_000..], whole.samples()) > 0.99);
}

#[test]
fn mp3_is_heard_whatever_its_tag_says() {
    let bytes = make(44_100, 1.0, "a.mp3", "-b:a 64k -id3v2_version 0");
    let whole = decode(bytes.clone());
    assert!((seconds(&whole) - 1.0).abs() < 0.001);
    assert!(alike(whole.samples(), &reference(&bytes)) > 0.999);
    let info = bytes
        .windows(4)
        .position(|w| w == b"Info" || w == b"Xing")
        .unwrap();
    let count = u32::from_be_bytes(bytes[info + 8..info + 12].try_into().unwrap());
    for (says, told) in [
        (count + 1, false),
        (count - 1, false),
        (1, false),
        (0, false),
        (count * 2, true),
        (u32::MAX, true),
    ] {
        let mut changed = bytes.clone();
        changed[info + 8..info + 12].copy_from_slice(&says.to_be_bytes());
        let found = decode(changed);
        // The end is padded, and is cut off only where the count is right.
        assert!(
            (0.0..0.06).contains(&(seconds(&found) - 1.0)),
            "{says}: {}",
            seconds(&found)
        );
        assert!(alike(found.samples(), whole.samples()) > 0.9999, "{says}");
        assert_eq!(
            !found.warnings.is_empty(),
            told,
            "{says}: {:?}",
            found.warnings
        );
    }
}

#[test]
fn tags_of_every_kind_are_no_sound() {
    let bytes = make(44_100, 1.0, "a.mp3", "-b:a 64k -id3v2_version 0");
    let whole = decode(bytes.clone());
    // A picture, in which there are sync codes.
    let picture = |count: usize| -> Vec<u8> {
        (0..count)
            .map(|i| {
                if i % 97 == 0 {
                    0xFF
                } else {
                    (i * 31 % 251) as u8
                }
            })
            .collect()
    };
    let size = |count: usize| {
        [
            count >> 21,
            count >> 14 & 127,
            count >> 7 & 127,
            count & 127,
        ]
        .map(|byte| byte as u8)
    };
    let mut tags = Vec::new();
    for version in [2, 3, 4] {
        for count in [1000, 100_000] {
            tags.push([&b"ID3"[..], &[version, 0, 0], &size(count), &picture(count)].concat());
        }
    }
    // With a footer; with a size of eight bits a byte; with a size that is too small, and too large.
    tags.push(
        [
            &b"ID3\x04\0\x10"[..],
            &size(1000),
            &picture(1000),
            b"3DI\x04\0\x10",
            &size(1000),
        ]
        .concat(),
    );
    tags.push([&b"ID3\x03\0\0\0\0\xFF\xC0"[..], &picture(0xFFC0)].concat());
    tags.push([&b"ID3\x03\0\0"[..], &size(500), &picture(1000)].concat());
    tags.push([&b"ID3\x03\0\0"[..], &size(1 << 27), &picture(1000)].concat());
    // Two, and padding.
    tags.push([&tags[0][..], &tags[2], &[0; 2000]].concat());
    for tag in tags {
        let found = decode([&tag, &bytes[..]].concat());
        assert_eq!(found, whole, "{:?} and {} bytes", &tag[..10], tag.len());
    }
}

#[test]
fn frames_that_change_their_rate_or_channels_are_heard() {
    let part = |rate: u32, name: &str, options: &str| make(rate, 1.0, name, options);
    let mp3 = "-b:a 64k -write_xing 0 -id3v2_version 0";
    let stereo = "-b:a 64k -write_xing 0 -id3v2_version 0 -ac 2";
    for parts in [
        [
            part(44_100, "a.mp3", mp3),
            part(22_050, "a.mp3", mp3),
            part(44_100, "a.mp3", stereo),
        ],
        [
            part(48_000, "a.aac", "-c:a aac"),
            part(16_000, "a.aac", "-c:a aac"),
            part(48_000, "a.aac", "-c:a aac -ac 2"),
        ],
    ] {
        let alone: Vec<_> = parts
            .iter()
            .map(|part| seconds(&decode(part.clone())))
            .collect();
        let found = decode(parts.concat());
        let sum: f64 = alone.iter().sum();
        // What an encoder puts in front of the later ones is played.
        assert!(
            (0.0..0.3).contains(&(seconds(&found) - sum)),
            "{} of {sum}",
            seconds(&found)
        );
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        // Each part is the signal at its own speed.
        let start = (alone[0] * 16_000.0) as usize;
        let same = (0..4000)
            .map(|delay| {
                likeness(
                    &found.samples()[start + delay..start + delay + 3000],
                    signal,
                )
            })
            .fold(0.0, f64::max);
        assert!(same > 0.9, "{same}");
    }
}
