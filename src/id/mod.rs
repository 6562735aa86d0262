//! Identity numbers, parties, mandates, masking.
