//! Integer factorisation.
