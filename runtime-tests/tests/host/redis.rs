//! Redis: connections, and the trigger.

use std::thread;

use runtime_tests::{Redis, Runtime, Server};
use serde_json::{Value, json};

use crate::{encode, launch, tell};

fn start(redis: &Redis) -> Server {
    launch("storage")
        .variable("redis_url", &redis.url())
        .start()
}

/// Executes commands with their arguments on one connection.
fn execute(server: &Server, url: &str, commands: &Value) -> Result<Value, String> {
    let (url, commands) = (encode(url), encode(commands));
    tell(
        server,
        "/open/",
        &format!("redis&url={url}&commands={commands}"),
    )
}

#[test]
fn each_function_does_as_its_command() {
    let redis = Redis::start();
    let app = start(&redis);
    let query = format!("redis-functions&url={}", encode(redis.url()));
    let answers = tell(&app, "/open/", &query).unwrap();
    let error = &answers["incr_text"];
    assert!(
        error.as_str().unwrap().contains("not an integer"),
        "{error}"
    );
    let expected = json!({
        "get": "value",
        "get_absent": null,
        "incr": [1, 2],
        "incr_text": error,
        "sadd": 2,
        "smembers": ["a", "b"],
        "srem": 1,
        "del": 1,
    });
    assert_eq!(answers, expected);
    assert_eq!(redis.command(&["GET", "number"]), "2");
}

#[test]
fn replies_are_flattened() {
    let redis = Redis::start();
    let app = start(&redis);
    let script = "return {1, {'two', {3, false}}, {}, redis.status_reply('four')}";
    let commands = json!([
        ["SET", "key", 7],
        ["GET", "key"],
        ["GET", "absent"],
        ["INCRBY", "key", 5],
        ["RPUSH", "list", "a", "b"],
        ["LRANGE", "list", 0, -1],
        ["EVAL", script, 0],
        ["KEYS", "nothing*"],
    ]);
    let replies = execute(&app, &redis.url(), &commands).unwrap();
    let expected = json!([
        [{"status": "OK"}],
        ["7"],
        [null],
        [12],
        [2],
        ["a", "b"],
        [1, "two", 3, null, {"status": "four"}],
        [],
    ]);
    assert_eq!(replies, expected);
}

#[test]
fn a_connection_has_the_database_of_its_address() {
    let redis = Redis::start();
    let app = start(&redis);
    let url = format!("{}/3", redis.url());
    execute(&app, &url, &json!([["SET", "key", "three"]])).unwrap();
    assert_eq!(redis.command(&["-n", "3", "GET", "key"]), "three");
    assert_eq!(redis.command(&["EXISTS", "key"]), "0");
}

#[test]
fn what_the_server_refuses_is_an_error() {
    let redis = Redis::start();
    let app = start(&redis);
    for (commands, says) in [
        (json!([["NONSENSE"]]), "unknown command"),
        (json!([["SET", "key"]]), "wrong number of arguments"),
        (json!([["SADD", "set", 1], ["GET", "set"]]), "WRONGTYPE"),
        (
            json!([["EVAL", "return redis.error_reply('MINE told')", 0]]),
            "told",
        ),
    ] {
        let error = execute(&app, &redis.url(), &commands).unwrap_err();
        assert!(error.contains(says), "{commands}: {error}");
    }
    // The connection is none the worse.
    assert!(execute(&app, &redis.url(), &json!([["PING"]])).is_ok());
}

#[test]
fn only_allowed_servers_are_reached() {
    let (redis, other) = (Redis::start(), Redis::start());
    let app = start(&redis);
    let commands = json!([["PING"]]);
    for url in [
        other.url(),
        format!("redis://localhost:{}", redis.port()),
        format!(
            "redis://127.0.0.1:{}@127.0.0.1:{}",
            redis.port(),
            other.port()
        ),
        "redis://127.0.0.1".to_owned(),
        "unix:///tmp/redis.sock".to_owned(),
        "127.0.0.1".to_owned(),
        String::new(),
    ] {
        let error = execute(&app, &url, &commands).unwrap_err();
        assert!(error.contains("InvalidAddress"), "{url}: {error}");
    }
    let query = format!(
        "redis&url={}&commands={}",
        encode(redis.url()),
        encode(&commands)
    );
    let error = tell(&app, "/closed/", &query).unwrap_err();
    assert!(error.contains("InvalidAddress"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let mut redis = Redis::start();
    let app = start(&redis);
    redis.stop();
    assert!(execute(&app, &redis.url(), &json!([["PING"]])).is_err());
    redis.restart();
    assert!(execute(&app, &redis.url(), &json!([["PING"]])).is_ok());
}

#[test]
fn a_server_that_goes_takes_its_connections_with_it() {
    let mut redis = Redis::start();
    let app = start(&redis);
    thread::scope(|scope| {
        let commands = encode(json!([["PING"], ["PING"]]));
        let query = format!(
            "redis&pause=1000&url={}&commands={commands}",
            encode(redis.url())
        );
        let app = &app;
        let telling = scope.spawn(move || tell(app, "/open/", &query));
        let _ = app.line(|line| line.contains("paused"));
        redis.restart();
        let outcome = telling.join().unwrap();
        assert!(outcome.is_err(), "{outcome:?}");
    });
    assert!(execute(&app, &redis.url(), &json!([["PING"]])).is_ok());
}

fn publish(redis: &Redis, channel: &str, message: &str) -> u64 {
    redis
        .command(&["PUBLISH", channel, message])
        .parse()
        .unwrap()
}

fn subscribe(redis: &Redis) -> Server {
    launch("subscriber")
        .variable("redis_url", &redis.url())
        .subscribe(3)
}

#[test]
fn components_receive_the_messages_of_their_channels() {
    let redis = Redis::start();
    let app = subscribe(&redis);
    assert_eq!(publish(&redis, "told", "do=print&text=hello"), 1);
    let _ = app.line(|line| line == "hello");
    let _ = app.line(|line| line == r#"received: "printed""#);
    // One subscription for each address, even to one server.
    assert_eq!(publish(&redis, "both", "do=print&text=twice"), 2);
    let _ = app.line(|line| line == "twice");
    assert_eq!(publish(&redis, "{{ channel }}", ""), 0);
    // Nothing of HTTP is served.
    assert!(!app.output().contains("http://"), "{}", app.output());
}

#[test]
fn a_message_reaches_databases() {
    let redis = Redis::start();
    let app = subscribe(&redis);
    let commands = encode(json!([["RPUSH", "list", "handled"]]));
    let message = format!("do=redis&url={}&commands={commands}", encode(redis.url()));
    publish(&redis, "told", &message);
    let _ = app.line(|line| line == "received: [[1]]");
    assert_eq!(redis.command(&["LRANGE", "list", "0", "-1"]), "handled");
    publish(
        &redis,
        "told",
        &format!("do=sql&statements={}", encode(json!([["SELECT 7"]]))),
    );
    let _ = app.line(|line| line.starts_with("received: ") && line.contains("[[7]]"));
}

#[test]
fn messages_are_handled_one_after_the_other() {
    let redis = Redis::start();
    let app = subscribe(&redis);
    publish(&redis, "told", "do=sleep&ms=300");
    for number in 0..10 {
        publish(&redis, "told", &format!("do=print&text={number}"));
    }
    let _ = app.line(|line| line == "9");
    let output = app.output();
    let place = |wanted: &dyn Fn(&str) -> bool| output.lines().position(wanted).unwrap();
    let slept = place(&|line| line.contains("slept"));
    let printed = (0..10).map(|number| place(&|line| line == number.to_string()));
    let order: Vec<_> = [slept].into_iter().chain(printed).collect();
    assert!(order.is_sorted(), "{output}");
}

#[test]
fn a_message_that_fails_is_told_and_the_next_one_handled() {
    let redis = Redis::start();
    let app = subscribe(&redis);
    publish(&redis, "told", "do=trap");
    publish(&redis, "told", "do=nonsense");
    publish(&redis, "told", "do=print&text=alive");
    let _ = app.line(|line| line == "alive");
    if Runtime::is_embedded() {
        let errors = app.output();
        let told = errors.matches("error: component 'one': a message was not handled");
        assert_eq!(told.count(), 2, "{errors}");
        assert!(errors.contains("there is no action nonsense"), "{errors}");
    }
}

#[test]
fn it_ends_with_an_error_when_the_server_goes() {
    let mut redis = Redis::start();
    let mut app = subscribe(&redis);
    redis.kill();
    let status = app.wait();
    assert!(!status.success(), "{status}");
    if Runtime::is_embedded() {
        let place = format!("lost the connection to redis://127.0.0.1:{}", redis.port());
        let _ = app.line(|line| line.contains(&place));
    }
}

#[test]
fn an_application_with_both_kinds_of_trigger_needs_both() {
    let mut redis = Redis::start();
    let mut app = launch("both").variable("redis_url", &redis.url()).start();
    // Each of the two starts by itself.
    let _ = app.line(|line| line.starts_with("Subscribed to ") || line.starts_with('\t'));
    publish(&redis, "told", "do=print&text=hello");
    let _ = app.line(|line| line == "hello");
    assert_eq!(tell(&app, "/", "sleep&ms=1"), Ok(json!("slept")));
    redis.kill();
    assert!(!app.wait().success());
}

#[test]
fn it_does_not_start_without_a_server() {
    let mut redis = Redis::start();
    redis.stop();
    let (status, output) = launch("subscriber")
        .variable("redis_url", &redis.url())
        .fail();
    assert!(!status.success());
    if Runtime::is_embedded() {
        let place = format!("redis://127.0.0.1:{}", redis.port());
        assert!(
            output.contains(&place) && output.contains("refused"),
            "{output}"
        );
    }
}

#[test]
fn a_stop_lets_the_message_at_work_finish() {
    let redis = Redis::start();
    let mut app = subscribe(&redis);
    let commands = encode(json!([["SET", "begun", 1], ["SET", "done", 1]]));
    let message = format!(
        "do=redis&pause=500&url={}&commands={commands}",
        encode(redis.url())
    );
    publish(&redis, "told", &message);
    let _ = app.line(|line| line == "paused");
    app.terminate();
    let status = app.wait();
    if Runtime::is_embedded() {
        assert!(status.success(), "{status}");
        assert_eq!(redis.command(&["GET", "done"]), "1");
    }
}

#[test]
fn a_secret_in_an_address_is_not_printed() {
    let redis = Redis::start();
    let url = format!("redis://:s3cret@127.0.0.1:{}", redis.port());
    let (status, output) = launch("subscriber").variable("redis_url", &url).fail();
    assert!(!status.success());
    if Runtime::is_embedded() {
        assert!(!output.contains("s3cret"), "{output}");
    }
}
