//! The operator's settings, checked before the application starts: a component would refuse them with every request, or take its
//! default instead.

use std::num::NonZeroU32;

use access_settings::{Proxies, Rate, keys, secrets, users};
use anyhow::{Context, Result, ensure};
use manifest::Variables;

/// The variables that are whole numbers, of bytes, seconds or jobs, or the numbers of databases.
const WHOLE: [&str; 10] = [
    "job_concurrency",
    "job_lease_seconds",
    "job_result_seconds",
    "max_body_bytes",
    "max_upload_bytes",
    "max_waiting_jobs",
    "max_waiting_jobs_per_caller",
    "redis_database",
    "redis_results_database",
    "token_seconds",
];

/// The variables that are seconds, with a fraction or without. `guest::seconds` reads them, within the same bounds.
const SECONDS: [&str; 7] = [
    "asr_job_max_audio_seconds",
    "asr_max_audio_seconds",
    "factorize_job_time_limit",
    "factorize_time_limit",
    "function_job_time_limit",
    "function_time_limit",
    "model_job_time_limit",
];

/// The variables that are one of several words.
const WORDS: [(&str, [&str; 2]); 2] = [
    ("jobs_store", ["sqlite", "redis"]),
    ("metrics_public", ["true", "false"]),
];

/// Refuses settings that the components would refuse or overlook.
///
/// An application with neither of the variables `api_keys` and `redis_results_database` has settings of its own.
///
/// # Errors
/// A setting cannot be used. No message repeats a secret.
pub(super) fn check(variables: &Variables) -> Result<()> {
    let setting = |name| variables.of_application(name);
    if setting("api_keys").is_none() && setting("redis_results_database").is_none() {
        return Ok(());
    }
    access(setting)?;
    // What is empty has its default.
    let given = |name| setting(name).filter(|value| !value.trim().is_empty());
    for name in WHOLE {
        if let Some(value) = given(name) {
            ensure!(
                value.parse::<u32>().is_ok(),
                "{name} is '{value}', expected a whole number below 4294967296"
            );
        }
    }
    for name in SECONDS {
        if let Some(value) = given(name) {
            let seconds = value.parse().unwrap_or(f64::NAN);
            ensure!(
                (0.001..1e9).contains(&seconds),
                "{name} is '{value}', expected seconds from 0.001"
            );
        }
    }
    for (name, words) in WORDS {
        if let Some(value) = given(name) {
            let [one, other] = words;
            ensure!(
                words.contains(&value),
                "{name} is '{value}', expected '{one}' or '{other}'"
            );
        }
    }
    Ok(())
}

/// Who may call, and how often.
fn access<'a>(setting: impl Fn(&'static str) -> Option<&'a str>) -> Result<()> {
    let setting = |name| setting(name).unwrap_or_default();
    keys(setting("api_keys")).context("api_keys")?;
    let secrets = secrets(setting("jwt_secrets")).context("jwt_secrets")?;
    let users = users(setting("users")).context("users")?;
    let rate = setting("rate_limit").trim();
    if !rate.is_empty() {
        rate.parse::<Rate>().context("rate_limit")?;
    }
    let uploads = setting("max_uploads_per_caller").trim();
    if !uploads.is_empty() {
        let most = uploads.parse::<NonZeroU32>();
        most.context("max_uploads_per_caller")?;
    }
    let proxies = setting("trusted_proxies").parse::<Proxies>();
    proxies.context("trusted_proxies")?;
    ensure!(
        users.is_empty() || !secrets.is_empty(),
        "there are users, but nothing to sign their tokens with: jwt_secrets is empty"
    );
    Ok(())
}
