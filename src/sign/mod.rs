//! Signing: prepare → Prepared (single use) → finish.
