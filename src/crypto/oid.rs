//! The registry of algorithm identifiers. Sources: GB/T 33560 and GM/T 0006 (arc 1.2.156.10197), RFC 3279, RFC 4055, RFC 5758,
//! RFC 8017, RFC 8410, NIST CSOR.
#![allow(missing_docs)]

use super::Oid;

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => { $($(#[$doc])* pub const $name: Oid = Oid::new_unwrap($text);)* };
}

oids! {
    // Digests
    MD5 = "1.2.840.113549.2.5";
    SHA1 = "1.3.14.3.2.26";
    SHA224 = "2.16.840.1.101.3.4.2.4";
    SHA256 = "2.16.840.1.101.3.4.2.1";
    SHA384 = "2.16.840.1.101.3.4.2.2";
    SHA512 = "2.16.840.1.101.3.4.2.3";
    SHA3_224 = "2.16.840.1.101.3.4.2.7";
    SHA3_256 = "2.16.840.1.101.3.4.2.8";
    SHA3_384 = "2.16.840.1.101.3.4.2.9";
    SHA3_512 = "2.16.840.1.101.3.4.2.10";
    SHAKE256 = "2.16.840.1.101.3.4.2.12";
    /// With the output length as parameter.
    SHAKE256_LEN = "2.16.840.1.101.3.4.2.18";
    SM3 = "1.2.156.10197.1.401";
    SM3_UNKEYED = "1.2.156.10197.1.401.1";
    /// HMAC-SM3 by the standard; several products write it where plain SM3 is meant.
    SM3_KEYED = "1.2.156.10197.1.401.2";

    // Keys
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    RSA_PSS = "1.2.840.113549.1.1.10";
    DSA = "1.2.840.10040.4.1";
    ED25519 = "1.3.101.112";
    ED448 = "1.3.101.113";
    P256 = "1.2.840.10045.3.1.7";
    P384 = "1.3.132.0.34";
    P521 = "1.3.132.0.35";
    SM2 = "1.2.156.10197.1.301";
    SM2_SIGN = "1.2.156.10197.1.301.1";

    // Signatures
    SM2_WITH_SM3 = "1.2.156.10197.1.501";
    /// A typing error of a widespread library (the arc without `.1`); read as SM2 with SM3.
    SM2_WITH_SM3_MISTYPED = "1.2.156.10197.501";
    RSA_WITH_SM3 = "1.2.156.10197.1.504";
    /// The arc above all ECDSA signatures; some programs write it and leave the digest to the field beside it.
    ECDSA_UNSPECIFIED = "1.2.840.10045.4";
    ECDSA_WITH_SHA1 = "1.2.840.10045.4.1";
    ECDSA_WITH_SHA224 = "1.2.840.10045.4.3.1";
    ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
    ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3";
    ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4";
    ECDSA_WITH_SHA3_224 = "2.16.840.1.101.3.4.3.9";
    ECDSA_WITH_SHA3_256 = "2.16.840.1.101.3.4.3.10";
    ECDSA_WITH_SHA3_384 = "2.16.840.1.101.3.4.3.11";
    ECDSA_WITH_SHA3_512 = "2.16.840.1.101.3.4.3.12";
    RSA_WITH_MD5 = "1.2.840.113549.1.1.4";
    RSA_WITH_SHA1 = "1.2.840.113549.1.1.5";
    RSA_WITH_SHA1_OIW = "1.3.14.3.2.29";
    RSA_WITH_SHA224 = "1.2.840.113549.1.1.14";
    RSA_WITH_SHA256 = "1.2.840.113549.1.1.11";
    RSA_WITH_SHA384 = "1.2.840.113549.1.1.12";
    RSA_WITH_SHA512 = "1.2.840.113549.1.1.13";
    RSA_WITH_SHA3_224 = "2.16.840.1.101.3.4.3.13";
    RSA_WITH_SHA3_256 = "2.16.840.1.101.3.4.3.14";
    RSA_WITH_SHA3_384 = "2.16.840.1.101.3.4.3.15";
    RSA_WITH_SHA3_512 = "2.16.840.1.101.3.4.3.16";
    DSA_WITH_SHA1 = "1.2.840.10040.4.3";
    DSA_WITH_SHA224 = "2.16.840.1.101.3.4.3.1";
    DSA_WITH_SHA256 = "2.16.840.1.101.3.4.3.2";
    MGF1 = "1.2.840.113549.1.1.8";
}

/// Whether the identifier is known, and is one of keys or signatures: where a digest must be named it names none.
pub fn is_key_or_signature(oid: &Oid) -> bool {
    const ARCS: [&str; 3] = ["1.2.840.113549.1.1.", "1.2.840.10045.", "2.16.840.1.101.3.4.3."];
    const OTHERS: [Oid; 10] =
        [ECDSA_UNSPECIFIED, DSA, DSA_WITH_SHA1, ED25519, ED448, SM2, SM2_SIGN, SM2_WITH_SM3, RSA_WITH_SM3, RSA_WITH_SHA1_OIW];
    let text = oid.to_string();
    OTHERS.contains(oid) || ARCS.iter().any(|arc| text.starts_with(arc))
}
