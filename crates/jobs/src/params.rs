//! The parameters for deferring a request, for the OpenAPI document.

use utoipa::IntoParams;

/// Header fields of a request that may be deferred.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // Describes the parameters in the OpenAPI document.
pub struct DeferralHeaders {
    /// With `respond-async` (RFC 7240) the answer is a job, whose result comes later; bad input is refused at once.
    #[param(rename = "Prefer", nullable = false, example = "respond-async")]
    prefer: Option<String>,
    /// With `Prefer: respond-async`: the same key and request give the same job, as long as it exists.
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        min_length = 1,
        max_length = 255
    )]
    idempotency_key: Option<String>,
}

/// Parameters of a request that may be deferred.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Describes the parameters in the OpenAPI document.
pub struct DeferralQuery {
    /// With `Prefer: respond-async`: the URL to which the job is sent by POST when it has ended.
    #[param(nullable = false, example = "https://hooks.example/jobs")]
    webhook: Option<String>,
}
