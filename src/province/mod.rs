//! The provincial platform: one file for a connector.
