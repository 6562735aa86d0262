//! The only file system.
