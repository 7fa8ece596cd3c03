//! Tests of the running application.
