//! Words, segments and their times.
