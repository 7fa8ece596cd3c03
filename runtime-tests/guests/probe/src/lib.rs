//! A component that executes the instructions of a test: `?do=<action>&…`, answered in JSON.
//!
//! It tries what a component might try, so that a test sees what the runtime allows.

pub mod messages;
mod storage;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::{http, time, variables};

/// Answers an HTTP request: 200 with the result of the action, or 502 with the error.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Result<Response<FullBody<Bytes>>> {
    let arguments = Arguments::parse(request.uri().query().unwrap_or_default());
    let (status, answer) = match act(&arguments, Some(request)).await {
        Ok(answer) => (200, answer),
        Err(error) => (502, json!({"error": format!("{error:#}")})),
    };
    Ok(Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(FullBody::new(answer.to_string().into()))?)
}

struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn parse(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(pairs.into_owned().collect())
    }

    fn text(&self, name: &str) -> Result<&str> {
        let value = self.0.get(name);
        value
            .map(String::as_str)
            .with_context(|| format!("the query has no {name}"))
    }

    fn number(&self, name: &str) -> Result<u64> {
        self.text(name)?
            .parse()
            .with_context(|| format!("{name} is not a number"))
    }

    fn json(&self, name: &str) -> Result<Value> {
        serde_json::from_str(self.text(name)?).with_context(|| format!("{name} is not JSON"))
    }
}

// The sandbox is what is under test: a panic is one of its inputs.
#[allow(clippy::panic)]
async fn act(arguments: &Arguments, request: Option<Request>) -> Result<Value> {
    Ok(match arguments.text("do").unwrap_or("echo") {
        "echo" => echo(request.context("there is no request")?).await?,
        "trap" => panic!("told to trap"),
        "burn" => {
            let end = Instant::now() + Duration::from_millis(arguments.number("ms")?);
            while Instant::now() < end {
                // Long without a call to the host, which would let the host run other tasks.
                (0..1_000_000).for_each(|_| std::hint::spin_loop());
            }
            json!("burnt")
        }
        "sleep" => {
            time::sleep(Duration::from_millis(arguments.number("ms")?)).await;
            json!("slept")
        }
        "variable" => variables::get(arguments.text("name")?).await?.into(),
        "environment" => env::vars()
            .map(|(name, value)| (name, value.into()))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        "read" => fs::read_to_string(arguments.text("path")?)?.into(),
        "write" => {
            fs::write(arguments.text("path")?, "written")?;
            json!("written")
        }
        "list" => list(arguments.text("path")?)?,
        "fetch" => fetch(Request::get(arguments.text("url")?).body(Bytes::new())?).await?,
        "post" => {
            let request = Request::post(arguments.text("url")?);
            let request = request.header("content-type", "application/json");
            fetch(request.body(arguments.text("json")?.to_owned().into())?).await?
        }
        "print" => {
            println!("{}", arguments.text("text")?);
            eprintln!("{}", arguments.text("text")?);
            json!("printed")
        }
        "allocate" => {
            let mib = usize::try_from(arguments.number("mib")?)?;
            // Touched, so that it is really allocated.
            let memory = vec![1_u8; mib << 20];
            json!(std::hint::black_box(memory).len())
        }
        "sql" => storage::sql(arguments).await?,
        "increment" => storage::increment(arguments.number("times")?).await?,
        "first" => storage::first(arguments.text("statement")?).await?,
        "redis" => storage::redis(arguments).await?,
        "redis-functions" => storage::redis_functions(arguments.text("url")?).await?,
        other => bail!("there is no action {other}"),
    })
}

async fn echo(request: Request) -> Result<Value> {
    let (head, body) = request.into_parts();
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let body = body.collect().await?.to_bytes();
    Ok(json!({
        "method": head.method.as_str(),
        "uri": head.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    }))
}

fn list(path: &str) -> Result<Value> {
    let entries =
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = entries.collect::<Result<_>>()?;
    names.sort();
    Ok(json!(names))
}

async fn fetch(request: Request<Bytes>) -> Result<Value> {
    let response = http::send(request.map(FullBody::new)).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(json!({"status": status, "body": String::from_utf8_lossy(&body)}))
}
