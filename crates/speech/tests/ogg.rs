//! Ogg as it comes: without an end, with times that are wrong, with pages that are missing.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

mod common;

use common::{
    decode, kinds,
    media::{alike, make, reference},
    ogg::{Page, file, numbered, pages},
    seconds, try_to_decode,
};
use speech::audio::WarningKind;

const SECONDS: f64 = 2.0;

/// Two seconds in pages of 20 ms or as short as they get.
fn opus() -> Vec<Page> {
    pages(&make(
        48_000,
        SECONDS,
        "a.ogg",
        "-c:a libopus -b:a 64k -page_duration 20000",
    ))
}

fn vorbis() -> Vec<Page> {
    pages(&make(
        44_100,
        SECONDS,
        "a.ogg",
        "-c:a libvorbis -page_duration 20000",
    ))
}

fn flac() -> Vec<Page> {
    pages(&make(
        16_000,
        SECONDS,
        "a.ogg",
        "-c:a flac -frame_size 1024 -page_duration 20000",
    ))
}

#[test]
fn an_end_flag_is_not_needed_and_may_be_anywhere() {
    for whole in [opus(), vorbis(), flac()] {
        let expected = decode(file(&whole));
        assert!(expected.warnings.is_empty());
        assert!((seconds(&expected) - SECONDS).abs() < 0.001);
        let mut none = whole.clone();
        *none.last_mut().unwrap().flags() &= !4;
        assert_eq!(decode(file(&none)), expected);
        // ffmpeg does not take the excess off the last page then, but is as long otherwise.
        assert!(alike(&reference(&file(&none)), expected.samples()) > 0.99);
        let mut early = whole.clone();
        let middle = early.len() / 2;
        *early[middle].flags() |= 4;
        assert_eq!(decode(file(&early)), expected);
        assert_eq!(reference(&file(&early)).len(), expected.samples().len());
    }
}

#[test]
fn positions_that_are_wrong_change_nothing() {
    type Change = fn(usize, usize, i64) -> i64;
    let changes: [(&str, Change); 7] = [
        ("high", |_, _, at| at + 48_000 * 3600),
        (
            "restart",
            |i, n, at| if i < n / 2 { at } else { at - 40_000 },
        ),
        ("all 0", |_, _, _| 0),
        (
            "all but the last 0",
            |i, n, at| if i + 1 < n { 0 } else { at },
        ),
        ("a third", |_, _, at| at / 3),
        ("twice", |_, _, at| at * 2),
        (
            "one is wrong",
            |i, n, at| if i == n / 2 { at + 200_000 } else { at },
        ),
    ];
    for whole in [opus(), vorbis(), flac()] {
        let expected = decode(file(&whole));
        for (name, change) in changes {
            let mut changed = whole.clone();
            let count = changed.len();
            for (i, page) in changed.iter_mut().enumerate() {
                if page.granule() > 0 {
                    page.set_granule(change(i, count, page.granule()));
                }
            }
            let found = decode(file(&changed));
            // The end may not be known then.
            let longer = seconds(&found) - SECONDS;
            assert!((-0.001..0.07).contains(&longer), "{name}: {longer}");
            assert!(
                alike(found.samples(), expected.samples()) > 0.9999,
                "{name}"
            );
            assert!(found.offset.is_zero());
            assert!(found.warnings.is_empty(), "{name}: {:?}", found.warnings);
        }
    }
}

#[test]
fn a_jump_that_is_too_long_is_no_silence() {
    for whole in [opus(), vorbis(), flac()] {
        let expected = decode(file(&whole));
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        for page in &mut changed[middle..] {
            page.set_granule(page.granule() + 30 * 48_000);
        }
        let found = decode(file(&changed));
        assert_eq!(found.samples(), expected.samples());
        assert_eq!(kinds(&found), [WarningKind::Contradiction]);
        assert!((found.warnings[0].at - 1.0).abs() < 0.2);
        assert_eq!(reference(&file(&changed)).len(), expected.samples().len());
    }
}

/// Without the pages of the middle, from 0.9 to 1.1 s.
fn without_the_middle(whole: &[Page], rate: f64) -> (Vec<Page>, f64) {
    let middle = |page: &&Page| (0.9..1.1).contains(&(page.granule() as f64 / rate));
    let lost = whole.iter().filter(middle).count();
    let rest = whole.iter().filter(|page| !middle(page)).cloned();
    (rest.collect(), lost as f64)
}

#[test]
fn what_was_not_sent_is_silence_and_what_is_lost_is_told() {
    for (whole, rate) in [(opus(), 48_000.0), (vorbis(), 44_100.0), (flac(), 16_000.0)] {
        let expected = decode(file(&whole));
        let (rest, lost) = without_the_middle(&whole, rate);
        assert!(lost > 1.0);
        // Renumbered, nothing is missing: ffmpeg's time stamps leave the same gap, which a player waits for.
        for (bytes, told) in [(numbered(rest.clone()), false), (file(&rest), true)] {
            let found = decode(bytes);
            assert!(
                (seconds(&found) - SECONDS).abs() < 0.01,
                "{}",
                seconds(&found)
            );
            // Before and after it, the sound is where it was.
            let (before, after) = (13_500, 18_600);
            for range in [0..before, after..31_000] {
                let likeness = alike(&found.samples()[range.clone()], &expected.samples()[range]);
                assert!(likeness > 0.98, "{likeness}");
            }
            let loudest = found.samples()[15_700..16_300]
                .iter()
                .fold(0f32, |a, b| a.max(b.abs()));
            assert!(loudest < 0.01, "{loudest}");
            assert_eq!(kinds(&found), [WarningKind::Missing].repeat(told.into()));
            for warning in &found.warnings {
                assert!((warning.at - 0.9).abs() < 0.06, "{warning}");
                assert!((warning.seconds.unwrap() - 0.2).abs() < 0.1, "{warning}");
            }
        }
    }
}

#[test]
fn streams_follow_one_another_whatever_they_are() {
    let low = make(22_050, 1.0, "a.ogg", "-c:a libvorbis -ac 2");
    let high = make(48_000, 1.0, "b.ogg", "-c:a libopus");
    let exact = make(44_100, 1.0, "c.ogg", "-c:a flac");
    for order in [
        [&low, &high, &exact],
        [&exact, &low, &low],
        [&high, &exact, &high],
    ] {
        let found = decode(order.map(Vec::as_slice).concat());
        assert!((seconds(&found) - 3.0).abs() < 0.002, "{}", seconds(&found));
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        for (part, own) in found.samples().chunks(16_000).zip(order) {
            // Apart from the ends.
            let own = decode(own.clone());
            let likeness = alike(&part[200..15_000], &own.samples()[200..15_000]);
            assert!(likeness > 0.99, "{likeness}");
        }
    }
}

#[test]
fn a_damaged_page_is_told() {
    for whole in [opus(), vorbis(), flac()] {
        let expected = decode(file(&whole));
        let middle = whole.len() / 2;
        let start: usize = whole[..middle].iter().map(|page| page.bytes().len()).sum();
        let mut bytes = file(&whole);
        // In its sound, and in the table of its packets.
        for at in [start + whole[middle].bytes().len() - 3, start + 26] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            let found = decode(damaged);
            assert!(
                (seconds(&found) - SECONDS).abs() < 0.01,
                "{}",
                seconds(&found)
            );
            let likeness = alike(found.samples(), expected.samples());
            assert!(likeness > 0.9, "{likeness}");
            assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
            assert!((found.warnings[0].at - 1.0).abs() < 0.1);
        }
        // Something between pages is passed over: nothing is missing.
        let junk: Vec<u8> = (0..999u32).map(|i| (i * 7 % 251) as u8).collect();
        bytes.splice(start..start, junk);
        assert_eq!(decode(bytes), expected);
        // A program that writes no checksums.
        let mut unsealed: Vec<u8> = Vec::new();
        for page in pages(&file(&whole)) {
            let mut page = page.bytes().to_vec();
            page[22..26].fill(0);
            unsealed.extend(page);
        }
        let found = decode(unsealed);
        assert_eq!(found.samples(), expected.samples());
        assert_eq!(kinds(&found), [WarningKind::Contradiction]);
    }
}

#[test]
fn what_was_cut_out_of_the_middle_needs_its_headers() {
    let whole = opus();
    let found = try_to_decode(file(&whole[20..]));
    assert!(found.is_err());
    // Behind pages of something else there may be a whole stream.
    let both = [file(&whole[20..]), file(&whole)].concat();
    assert_eq!(decode(both).samples(), decode(file(&whole)).samples());
}
