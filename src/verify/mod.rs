//! Facts, evidence, policy → verdict.

pub mod policy;
