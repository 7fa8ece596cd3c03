//! What the tables of cases leave to other tests.

use super::{FUNCTIONS, MODELS};

/// What no request of a table can bring about, and the test that does: a method, or a method and a path,
/// or the tag of functions, or `*` for what no operation documents; a problem, or `success`; a file of `tests/` and a function in it.
pub(super) const ELSEWHERE: &[(&str, &str, &str)] = &[
    // The client breaks off.
    (
        "POST",
        "invalid-request-body",
        "app/uploads.rs: a_body_that_ends_early_is_no_body",
    ),
    (
        "POST",
        "invalid_request_body",
        "app/speech.rs: an_upload_that_ends_early_is_no_upload",
    ),
    // There must be a limit.
    (
        "GET",
        "too-many-requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "POST",
        "too-many-requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "DELETE",
        "too-many-requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "GET",
        "too_many_requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    (
        "POST",
        "too_many_requests",
        "app/limits.rs: each_caller_has_a_bucket",
    ),
    // There must be users.
    (
        "POST /token",
        "success",
        "app/tokens.rs: a_password_gets_a_token_and_the_token_gets_an_answer",
    ),
    // There must be keys.
    (
        "GET",
        "missing-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "invalid-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "route-not-allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "missing-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "invalid-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "route-not-allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "DELETE",
        "missing-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "DELETE",
        "invalid-credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "DELETE",
        "route-not-allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "missing_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "invalid_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "GET",
        "route_not_allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "missing_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "invalid_credentials",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    (
        "POST",
        "route_not_allowed",
        "app/access.rs: each_operation_is_open_or_protected_as_declared",
    ),
    // Takes as long as the limit is.
    (
        "POST",
        "time-limit-exceeded",
        "app/settings.rs: factorize_time_limit",
    ),
    (
        "GET /factorize/{n}",
        "time-limit-exceeded",
        "app/settings.rs: factorize_time_limit",
    ),
    // There must be a job.
    (
        "GET /jobs/{id}",
        "success",
        "jobs/life.rs: a_result_is_what_the_route_answers_at_once",
    ),
    (
        "DELETE /jobs/{id}",
        "success",
        "jobs/life.rs: what_is_forgotten_is_gone",
    ),
    (
        "GET /jobs/{id}/result",
        "success",
        "jobs/life.rs: a_result_is_what_the_route_answers_at_once",
    ),
    (
        "GET /jobs/{id}/events",
        "success",
        "jobs/events.rs: the_events_of_a_job_end_with_its_result",
    ),
    (
        "GET /jobs/{id}/result",
        "job-not-ended",
        "jobs/control.rs: a_job_that_waits_is_canceled_at_once",
    ),
    (
        "GET /jobs/{id}/result",
        "job-canceled",
        "jobs/control.rs: a_job_that_waits_is_canceled_at_once",
    ),
    // Two requests.
    (
        "POST",
        "idempotency-key-reused",
        "jobs/idempotency.rs: the_same_request_is_the_same_job",
    ),
    (
        "POST",
        "idempotency_key_reused",
        "jobs/idempotency.rs: a_key_of_openai_s_routes_may_not_be_reused",
    ),
    // A store that is full or away, and workers that are lost.
    (
        "POST",
        "too-many-jobs",
        "jobs/load.rs: the_one_too_many_is_refused",
    ),
    (
        "POST",
        "too_many_jobs",
        "jobs/load.rs: the_one_too_many_is_refused",
    ),
    (
        "POST",
        "store-unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "POST",
        "store_unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "GET",
        "store-unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "DELETE",
        "store-unavailable",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "GET /readyz",
        "not-ready",
        "jobs/store.rs: the_application_starts_and_serves_without_its_redis",
    ),
    (
        "POST",
        "worker-lost",
        "jobs/faults.rs: a_task_that_loses_three_workers_answers_with_that",
    ),
    // A job that another version has kept.
    (
        "POST",
        "job-outdated",
        "jobs/restart.rs: jobs_of_an_earlier_version_end",
    ),
    // A component that traps, which is a bug.
    (
        "*",
        "internal-error",
        "host/faults.rs: a_trap_ends_its_request_and_nothing_else",
    ),
    // What all functions share.
    (
        FUNCTIONS,
        "invalid-input",
        "host/functions.rs: how_a_call_ended_is_told_to_the_client_or_to_the_log",
    ),
    (
        FUNCTIONS,
        "time-limit-exceeded",
        "host/functions.rs: a_call_that_takes_too_long_is_ended",
    ),
    (
        FUNCTIONS,
        "invalid-parameter",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "invalid-body",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "invalid-json",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "content-too-large",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "unsupported-media-type",
        "host/functions.rs: what_the_contract_does_not_allow_never_reaches_the_function",
    ),
    (
        FUNCTIONS,
        "webhook-not-allowed",
        "host/functions.rs: a_call_may_be_deferred",
    ),
    // What all models of the user share.
    (
        MODELS,
        "invalid-parameter",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "invalid-body",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "invalid-json",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "content-too-large",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "unsupported-media-type",
        "host/models.rs: rows_that_do_not_fit_are_refused",
    ),
    (
        MODELS,
        "invalid-csv",
        "host/models.rs: a_table_has_a_column_for_each_element",
    ),
    (
        MODELS,
        "invalid-tensor",
        "host/models.rs: tensors_come_by_the_inference_protocol",
    ),
    (
        MODELS,
        "webhook-not-allowed",
        "host/models.rs: rows_may_be_deferred_and_are_checked_first",
    ),
    // The bundled model does not translate.
    (
        "POST /v1/audio/translations",
        "success",
        "app/languages.rs: a_client_s_wishes_reach_the_recogniser",
    ),
    (
        "POST /v1/audio/translations",
        "empty_file",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "not_audio",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "unsupported_codec",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "corrupt_audio",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "audio_too_long",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
    (
        "POST /v1/audio/translations",
        "webhook_not_allowed",
        "app/languages.rs: recordings_to_translate_are_refused_as_those_to_transcribe",
    ),
];
