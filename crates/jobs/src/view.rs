//! Jobs as the API shows them.

use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::model::{Job, Millis, Outcome, PartsDone, Status};

/// A request that is answered later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    #[schema(example = "0b8f8f3c-6f0e-4a53-9d0c-6f1b6f1f7a11")]
    id: String,
    /// Method and path of the request.
    #[schema(example = "POST /factorize")]
    route: String,
    #[schema(schema_with = status_schema)]
    status: &'static str,
    /// Its progress, in a form that depends on the route.
    #[schema(value_type = Option<Object>)]
    progress: Option<Value>,
    /// The number of attempts. A job whose runner was lost is started again.
    attempts: u32,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// When an ended job is deleted.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Of a succeeded job: the answer of the route; a string if it is not JSON.
    #[schema(value_type = Option<Value>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// Of a failed job: the problem that the route reports.
    #[schema(schema_with = problem_schema, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
}

/// A page of jobs, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobPage {
    /// The jobs, without their results.
    pub jobs: Vec<JobView>,
    /// The value of `after` for the next page; absent on the last.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

fn status_schema() -> utoipa::openapi::schema::Schema {
    use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
    let values = ["queued", "running", "succeeded", "failed", "canceled"];
    Schema::Object(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(values))
            .build(),
    )
}

fn problem_schema() -> utoipa::openapi::Ref {
    utoipa::openapi::Ref::from_schema_name("Problem")
}

impl JobView {
    /// The id of the job.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The job; with its outcome, if that is to be shown.
    #[must_use]
    pub fn new(job: Job, outcome: Option<&Outcome>) -> Self {
        let (result, problem) = match (job.status, outcome) {
            (Status::Succeeded, Some(outcome)) => (Some(content(outcome)), None),
            (Status::Failed, Some(outcome)) => (None, Some(content(outcome))),
            _ => (None, None),
        };
        Self {
            id: job.id,
            route: job.route,
            status: job.status.as_str(),
            progress: progress(job.progress.as_deref(), job.parts),
            attempts: job.attempts,
            created_at: date_time(job.created_at),
            started_at: job.started_at.map(date_time),
            finished_at: job.finished_at.map(date_time),
            expires_at: job.expires_at.map(date_time),
            result,
            problem,
        }
    }
}

/// The progress that a job reports and, while it runs in parts, how many are done.
fn progress(own: Option<&str>, parts: Option<PartsDone>) -> Option<Value> {
    let own = own.and_then(|text| serde_json::from_str(text).ok());
    let Some(PartsDone { done, of }) = parts else {
        return own;
    };
    let mut whole = match own {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    if of > 0 {
        advance(&mut whole, f64::from(done.min(of)) / f64::from(of));
    }
    whole.insert("parts".to_owned(), json!({"done": done, "of": of}));
    Some(whole.into())
}

/// Counts on what was done when the job was cut: `x_done` of `x` grows to `x` with the share of the parts.
fn advance(progress: &mut Map<String, Value>, share: f64) {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let totals: Vec<_> = progress
        .iter()
        .filter_map(|(name, total)| {
            let done_name = format!("{name}_done");
            let (total_number, done) = (number(Some(total))?, number(progress.get(&done_name))?);
            let now = done + share * (total_number - done);
            let value = match total.is_u64() {
                true => json!(now as u64),
                false => json!((now * 10.0).round() / 10.0),
            };
            Some((done_name, value))
        })
        .collect();
    progress.extend(totals);
}

fn content(outcome: &Outcome) -> Value {
    let text = String::from_utf8_lossy(&outcome.body);
    let media_type = outcome.content_type.as_deref().unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    is_json
        .then(|| serde_json::from_str(&text).ok())
        .flatten()
        .unwrap_or_else(|| Value::String(text.into_owned()))
}

/// RFC 3339, in milliseconds.
fn date_time(at: Millis) -> String {
    // humantime ends with the year 9999.
    let at = at.min(253_402_300_799_999);
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(status: Status) -> Job {
        Job {
            id: "a".to_owned(),
            route: "POST /asr".to_owned(),
            status,
            cancel_requested: false,
            progress: Some(r#"{"seconds_done":1.5}"#.to_owned()),
            parts: None,
            attempts: 1,
            created_at: 1_700_000_000_123,
            started_at: None,
            finished_at: None,
            expires_at: Some(Millis::MAX),
            owner: String::new(),
            trace: None,
            webhook: None,
        }
    }

    fn outcome(content_type: &str, body: &str) -> Outcome {
        Outcome {
            status: 200,
            content_type: Some(content_type.to_owned()),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    fn shown(status: Status, outcome: &Outcome) -> Value {
        serde_json::to_value(JobView::new(job(status), Some(outcome))).expect("JSON")
    }

    #[test]
    fn a_job_in_parts_shows_how_many_are_done_beside_its_own_progress() {
        let parts = Some(PartsDone { done: 3, of: 40 });
        let shown = |own: Option<&str>| {
            let job = Job {
                progress: own.map(str::to_owned),
                parts,
                ..job(Status::Running)
            };
            JobView::new(job, None).progress
        };
        let parts = json!({"done": 3, "of": 40});
        assert_eq!(shown(None), Some(json!({"parts": parts})));
        let both = json!({"duration": 7200, "parts": parts});
        assert_eq!(shown(Some(r#"{"duration":7200}"#)), Some(both));

        // What the job has counted goes on with the parts.
        let own = r#"{"seconds_done":20.0,"seconds":420.0,"chunks_done":1,"chunks":42,"x_done":1}"#;
        let counted = json!({
            "seconds_done": 50.0, "seconds": 420.0, "chunks_done": 4, "chunks": 42, "x_done": 1, "parts": parts,
        });
        assert_eq!(shown(Some(own)), Some(counted));
    }

    #[test]
    fn results_are_json_where_they_are_json() {
        let long = "123456789012345678901234567890";
        let json = outcome("application/json", &format!(r#"{{"number":{long}}}"#));
        assert_eq!(
            shown(Status::Succeeded, &json)["result"]["number"].to_string(),
            long
        );
        let text = outcome("application/x-subrip; charset=utf-8", "1\n");
        assert_eq!(shown(Status::Succeeded, &text)["result"], "1\n");
        let problem = outcome("application/problem+json", r#"{"code":"corrupt-audio"}"#);
        let failed = shown(Status::Failed, &problem);
        assert_eq!(failed["problem"]["code"], "corrupt-audio");
        assert!(failed.get("result").is_none());
        assert_eq!(failed["progress"]["seconds_done"].to_string(), "1.5");
    }

    #[test]
    fn times_are_of_rfc_3339() {
        let shown = shown(Status::Queued, &outcome("", ""));
        assert_eq!(shown["created_at"], "2023-11-14T22:13:20.123Z");
        assert_eq!(shown["started_at"], Value::Null);
        assert_eq!(shown["expires_at"], "9999-12-31T23:59:59.999Z");
        assert!(shown.get("result").is_none() && shown.get("problem").is_none());
    }
}
