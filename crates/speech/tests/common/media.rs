//! Recordings that ffmpeg makes and decodes.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `-f lavfi -i` makes the signal of `tests/audio/make.sh` with; then the rate and the seconds.
const SIGNAL: &str = "aevalsrc=0.5*sin(2*PI*(200*t+1400*t*t))*(0.6+0.4*sin(6*PI*t))";

/// The signal in a file with this name, coded with these options of ffmpeg.
pub(crate) fn make(rate: u32, seconds: f64, name: &str, options: &str) -> Vec<u8> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir();
    let path = folder.join(format!("speech-{}-{number}-{name}", std::process::id()));
    let status = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi"])
        .args(["-i", &format!("{SIGNAL}:s={rate}:d={seconds}")])
        .args(options.split_whitespace())
        .arg(&path)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "ffmpeg {name} {options}"
    );
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    bytes
}

/// What ffmpeg decodes a file to, at 16 kHz.
pub(crate) fn reference(bytes: &[u8]) -> Vec<f32> {
    use std::io::Write as _;

    let path = std::env::temp_dir().join(format!(
        "speech-{}-{:?}.reference",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::File::create(&path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "quiet", "-i"])
        .arg(&path)
        .args(["-ac", "1", "-ar", "16000", "-f", "f32le", "-"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    std::fs::remove_file(path).unwrap();
    let samples = output.stdout.chunks_exact(4);
    samples
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

/// How alike two recordings are, as far as both go: 1 where they are equal but for the volume.
pub(crate) fn alike(one: &[f32], other: &[f32]) -> f64 {
    let (mut product, mut own, mut others) = (0.0, 0.0, 0.0);
    for (&x, &y) in one.iter().zip(other) {
        let (x, y) = (f64::from(x), f64::from(y));
        product += x * y;
        own += x * x;
        others += y * y;
    }
    product / (own * others).sqrt()
}
