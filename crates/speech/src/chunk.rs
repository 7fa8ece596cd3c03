//! Cuts a recording into pieces that a model takes at once.
