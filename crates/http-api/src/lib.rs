//! What every route shares: JSON in and out, problem+json, limits, CORS, request ids.
