//! Signers: file, PKCS#11.
