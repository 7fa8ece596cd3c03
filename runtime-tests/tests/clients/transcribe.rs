//! `make transcribe`.

use std::process::{Command, Output};

use runtime_tests::{app, root};
use tempfile::TempDir;

use crate::text;

/// A folder with `recordings` and one other file.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new(recordings: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let below = folder.path().join("in/below");
        std::fs::create_dir_all(&below).unwrap();
        for name in recordings {
            std::fs::copy(root().join("examples").join(name), below.join(name)).unwrap();
        }
        std::fs::write(below.join("notes.txt"), "no recording").unwrap();
        Self { folder }
    }

    fn transcribe(&self, url: &str) -> Output {
        let folder = self.folder.path();
        Command::new(root().join("scripts/transcribe"))
            .arg(folder.join("in"))
            .arg(folder.join("out.csv"))
            .args(["--url", url, "--retries", "1"])
            .output()
            .unwrap()
    }

    /// The lines of the CSV file, sorted.
    fn rows(&self) -> Vec<String> {
        let csv = std::fs::read_to_string(self.folder.path().join("out.csv")).unwrap();
        let mut rows: Vec<String> = csv.lines().map(str::to_owned).collect();
        rows.sort();
        rows
    }
}

#[test]
fn a_folder_is_transcribed_and_what_is_done_is_not_done_again() {
    let app = app();
    let folder = Folder::new(&["silence.wav", "light.opus"]);
    let below = folder.folder.path().join("in/below");
    let output = folder.transcribe(&app.url(""));
    assert!(output.status.success(), "{}", text(&output));
    let rows = folder.rows();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[0].starts_with("below/light.opus,2."), "{rows:?}");
    assert_eq!(
        rows[1..],
        ["below/silence.wav,1.0,", "file,duration,generated_text"]
    );

    // A row that was cut off is written again, what is whole stays, what is new is added.
    let csv = folder.folder.path().join("out.csv");
    std::fs::write(
        &csv,
        "file,duration,generated_text\nbelow/silence.wav,9.9,KEPT\nbelow/li",
    )
    .unwrap();
    std::fs::copy(below.join("silence.wav"), below.join("more.wav")).unwrap();
    let output = folder.transcribe(&app.url(""));
    assert!(output.status.success(), "{}", text(&output));
    let again = folder.rows();
    assert_eq!(again.len(), 4, "{again:?}");
    assert_eq!(again[0], rows[0]);
    assert_eq!(
        again[1..3],
        ["below/more.wav,1.0,", "below/silence.wav,9.9,KEPT"]
    );
}

#[test]
fn a_file_that_is_refused_is_reported_and_the_others_are_done() {
    let folder = Folder::new(&["silence.wav"]);
    std::fs::write(
        folder.folder.path().join("in/words.wav"),
        "These are words.",
    )
    .unwrap();
    let output = folder.transcribe(&app().url(""));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("words.wav: the file is not audio"),
        "{}",
        text(&output)
    );
    assert_eq!(
        folder.rows(),
        ["below/silence.wav,1.0,", "file,duration,generated_text"]
    );
}

#[test]
fn a_server_that_is_not_there_is_given_up_after_some_tries() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let folder = Folder::new(&["silence.wav"]);
    let output = folder.transcribe(&format!("http://{free}"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("gave up"), "{}", text(&output));
    assert_eq!(folder.rows(), ["file,duration,generated_text"]);
}

/// Answers 503 once, then 200.
#[test]
fn a_full_server_is_asked_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 40\r\nconnection: close\r\n\r\n{\"transcription\":\"YES\",\"duration\":\"1.0\"}",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 100_000];
            let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            while std::io::Read::read(&mut stream, &mut request).is_ok_and(|read| read > 0) {}
        }
    });
    let folder = Folder::new(&["silence.wav"]);
    let output = folder.transcribe(&url);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(
        folder.rows(),
        ["below/silence.wav,1.0,YES", "file,duration,generated_text"]
    );
    server.join().unwrap();
}
