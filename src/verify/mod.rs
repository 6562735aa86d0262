//! Facts, evidence, policy → verdict.
