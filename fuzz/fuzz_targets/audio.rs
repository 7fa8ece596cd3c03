//! Any bytes as an uploaded recording: no panic, no memory or time out of proportion, never beyond the limit.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

const LIMIT: Duration = Duration::from_secs(20);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(recording) = pollster::block_on(speech::audio::decode(bytes.to_vec(), LIMIT, async || {})) {
        assert!(recording.duration() <= LIMIT);
        assert!(recording.samples.iter().all(|sample| sample.abs() <= 1.0));
    }
});
