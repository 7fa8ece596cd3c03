//! Decodes the recordings of `tests/audio/`, which are all the same signal, and compares them with it.

use std::{f64::consts::TAU, path::Path, time::Duration};

use speech::audio::{self, AudioError, Format, Recording, SAMPLE_RATE};

const LIMIT: Duration = Duration::from_secs(60);

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/audio").join(name)).unwrap()
}

fn decode(bytes: impl Into<bytes::Bytes>) -> Result<Recording, AudioError> {
    pollster::block_on(audio::decode(bytes, LIMIT, async || {}))
}

/// The signal of `tests/audio/make.sh` at `t` seconds.
fn signal(t: f64) -> f64 {
    0.5 * (TAU * (200.0 * t + 1400.0 * t * t)).sin() * (0.6 + 0.4 * (TAU * 3.0 * t).sin())
}

/// How alike samples are to the signal `lag` samples later: 1 where they are equal but for the volume.
fn correlation(samples: &[f32], seconds: f64, lag: isize) -> f64 {
    let (mut product, mut own, mut other) = (0.0, 0.0, 0.0);
    for i in 0..(seconds * f64::from(SAMPLE_RATE)) as usize {
        let Some(&sample) = i.checked_add_signed(lag).and_then(|i| samples.get(i)) else {
            continue;
        };
        let (x, y) = (f64::from(sample), signal(i as f64 / f64::from(SAMPLE_RATE)));
        product += x * y;
        own += x * x;
        other += y * y;
    }
    product / (own * other).sqrt()
}

#[test]
#[ignore]
fn survey() {
    let mut names: Vec<_> = std::fs::read_dir("tests/audio").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names {
        match decode(read(&name)) {
            Ok(recording) => {
                let seconds = recording.duration().as_secs_f64();
                let (lag, best) = (-3000..3000)
                    .map(|lag| (lag, correlation(&recording.samples, seconds, lag)))
                    .max_by(|a, b| a.1.total_cmp(&b.1))
                    .unwrap();
                println!("{name:22} {:?} {} = {seconds:.4} s, r(0) {:.5}, r({lag}) {best:.5}", recording.format, recording.samples.len(), correlation(&recording.samples, seconds, 0));
            }
            Err(error) => println!("{name:22} {error}"),
        }
    }
    let _ = Format::Wav;
}
