//! The only outbound HTTP.
