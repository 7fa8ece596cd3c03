//! Any bytes as an uploaded recording: no panic, no memory or time out of proportion, never beyond the limit.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use speech::audio::Channels;

const LIMIT: Duration = Duration::from_secs(3);

fuzz_target!(|bytes: &[u8]| {
    decode(bytes.to_vec());
    if bytes.starts_with(b"OggS") {
        let mut bytes = bytes.to_vec();
        repair(&mut bytes);
        decode(bytes);
    }
});

fn decode(bytes: Vec<u8>) {
    let decoded = speech::audio::decode(bytes, LIMIT, Channels::Mixed, async |_| {});
    if let Ok(recording) = pollster::block_on(decoded) {
        assert!(recording.duration() <= LIMIT);
        assert!(recording.samples().iter().all(|sample| sample.abs() <= 1.0));
        // A few, each in its place.
        assert!(recording.warnings.len() < 30);
        assert!(
            recording
                .warnings
                .iter()
                .all(|warning| warning.at.is_finite() && warning.at >= 0.0)
        );
    }
}

/// Makes the checksums of Ogg pages right (RFC 3533), which no mutation would; else nothing behind them is tested.
fn repair(bytes: &mut [u8]) {
    let mut rest = bytes;
    while rest.starts_with(b"OggS") && rest.len() >= 27 {
        let segments = usize::from(rest[26]);
        let lengths = rest
            .iter()
            .skip(27)
            .take(segments)
            .map(|&length| usize::from(length));
        let length = 27 + segments + lengths.sum::<usize>();
        let Some((page, next)) = rest.split_at_mut_checked(length) else {
            return;
        };
        page[22..26].fill(0);
        let sum = page.iter().fold(0u32, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| {
                sum << 1 ^ (sum >> 31) * 0x04C1_1DB7
            })
        });
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        rest = next;
    }
}
