//! What the language makes likely.
