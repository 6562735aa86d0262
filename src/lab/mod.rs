//! The stand-in province.
