//! Algorithms: digests, signatures, one registry of object identifiers.
