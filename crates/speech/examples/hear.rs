use std::time::Duration;
fn main() {
    for name in std::env::args().skip(1) {
        let bytes = std::fs::read(&name).unwrap();
        let t = std::time::Instant::now();
        let r = pollster::block_on(speech::audio::decode(bytes, Duration::from_secs(600), speech::audio::Channels::Mixed, async |_| {}));
        match r {
            Ok(r) => {
                println!("{name}: {:.4} s, offset {:.3}, {} ms", r.duration().as_secs_f64(), r.offset.as_secs_f64(), t.elapsed().as_millis());
                for w in &r.warnings { println!("    {} {w}", w.kind.code()); }
                if let Ok(to) = std::env::var("TO") {
                    let data: Vec<u8> = r.samples().iter().flat_map(|s| s.to_le_bytes()).collect();
                    std::fs::write(format!("{to}/{}.f32", std::path::Path::new(&name).file_name().unwrap().to_str().unwrap()), data).unwrap();
                }
            }
            Err(e) => println!("{name}: ERROR {e}"),
        }
    }
}
