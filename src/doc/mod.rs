//! Parsed signed documents: original bytes, never re-encoded.

pub mod source;
