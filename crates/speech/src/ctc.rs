//! Decoding of connectionist temporal classification (CTC) outputs.
