use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn flags_of_spin_are_explained() {
    for (flag, instead) in SPIN_ONLY {
        let error = Cli::try_parse_from(["routelets", "up", flag]).unwrap_err();
        let text = explain(error).to_string();
        assert!(text.contains(flag) && text.contains(instead), "{text}");
    }
}

#[test]
fn switches_are_off_by_default() {
    let Command::Up(up) = Cli::try_parse_from(["routelets", "up"]).unwrap().command else {
        panic!("not up");
    };
    assert!(!up.build && !up.disable_cache && !up.quiet);
    let arguments = ["routelets", "up", "--build", "--disable-cache", "-q"];
    let Command::Up(up) = Cli::try_parse_from(arguments).unwrap().command else {
        panic!("not up");
    };
    assert!(up.build && up.disable_cache && up.quiet);
}

#[test]
fn durations_as_spin_writes_them() {
    for (text, expected) in [
        ("1", Duration::from_secs(1)),
        ("15s", Duration::from_secs(15)),
        ("250ms", Duration::from_millis(250)),
        ("3us", Duration::from_micros(3)),
        ("3μs", Duration::from_micros(3)),
        ("9ns", Duration::from_nanos(9)),
    ] {
        assert_eq!(duration(text), Ok(expected), "{text}");
    }
    for text in ["", "s", "-1s", "1.5s", "1m", "1 s", "18446744073709551616s"] {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn ranges_have_room() {
    assert_eq!(count_range("7"), Ok(Range { low: 7, high: 7 }));
    assert_eq!(count_range("1..8"), Ok(Range { low: 1, high: 8 }));
    let seconds = Duration::from_secs;
    assert_eq!(
        duration_range("1..8s"),
        Ok(Range {
            low: seconds(1),
            high: seconds(8)
        })
    );
    for text in ["0", "0..2", "3..3", "3..2", "1..", "..2", "x"] {
        assert!(count_range(text).is_err(), "{text}");
    }
}

#[test]
fn listen_prefers_ipv4() {
    assert_eq!(
        listen_address("localhost:80").map(|address| address.is_ipv4()),
        Ok(true)
    );
    assert_eq!(listen_address("[::1]:80"), Ok("[::1]:80".parse().unwrap()));
    assert!(listen_address("127.0.0.1").is_err());
}
