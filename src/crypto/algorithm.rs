//! Signature algorithms as AlgorithmIdentifiers name them.

use super::{
    Hash, KeyKind, Oid, PublicKey, VerifyError,
    key::{read_oid, tlv_oid},
    oid,
};
use crate::crypto::tlv::{Reader, Tlv, TlvError, tag};
use std::{fmt, sync::Arc};

/// How a signature is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// SM2 with SM3 and the standard identifier.
    Sm2,
    /// ECDSA over a digest.
    Ecdsa(Hash),
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// RSASSA-PSS: digest of the message, digest of the mask generation (MGF1), length of the salt in octets.
    RsaPss(Hash, Hash, usize),
    /// Pure Ed25519.
    Ed25519,
    /// Pure Ed448.
    Ed448,
    /// DSA over a digest.
    Dsa(Hash),
}

/// A signature algorithm with the AlgorithmIdentifier that named it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureAlgorithm {
    scheme: Scheme,
    identifier: Arc<[u8]>,
}

impl SignatureAlgorithm {
    /// Reads an AlgorithmIdentifier. `digest_hint` is the digest named beside it (CMS digestAlgorithm); it decides where the
    /// identifier names only the key (rsaEncryption, id-ecPublicKey, SM2 signing) and must agree where the identifier names both.
    pub fn from_der(identifier: &[u8], digest_hint: Option<Hash>, key: &PublicKey) -> Result<Self, VerifyError> {
        let outer = Tlv::parse(identifier)?.expect(tag::SEQUENCE)?;
        let mut parts = outer.children();
        let name = read_oid(&mut parts)?;
        let parameters = if parts.is_empty() { None } else { Some(parts.read()?) };
        parts.end()?;
        let scheme = scheme(&name, parameters, digest_hint, key)?;
        if let (Some(hint), Some(hash)) = (digest_hint, scheme.hash())
            && hint != hash
        {
            return Err(VerifyError::Mismatch);
        }
        Ok(Self { scheme, identifier: identifier.into() })
    }

    /// The usual AlgorithmIdentifier for a scheme: NULL parameters for PKCS#1 (RFC 4055 §5), absent for SM2, ECDSA and EdDSA.
    pub fn new(scheme: Scheme) -> Self {
        let encoded = |name: Oid, parameters: &[u8]| sequence(&[&oid_der(&name), parameters]);
        let identifier = match scheme {
            Scheme::Sm2 => encoded(oid::SM2_WITH_SM3, &[]),
            Scheme::Ecdsa(hash) => encoded(ecdsa_oid(hash), &[]),
            Scheme::RsaPkcs1(hash) => encoded(rsa_oid(hash), &NULL),
            Scheme::RsaPss(hash, mask, salt) => {
                let digest = encoded(hash.oid(), &NULL);
                let mask = encoded(oid::MGF1, &encoded(mask.oid(), &NULL));
                let salt_octets = u32::try_from(salt).unwrap_or(u32::MAX).to_be_bytes();
                let zeros = salt_octets.iter().take(3).take_while(|octet| **octet == 0).count();
                let digits = salt_octets.get(zeros..).unwrap_or_default();
                let pad: &[u8] = if digits.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
                let salt = tlv(tag::INTEGER, &[pad, digits]);
                let fields = [tlv(0xa0, &[&digest]), tlv(0xa1, &[&mask]), tlv(0xa2, &[&salt])];
                encoded(oid::RSA_PSS, &sequence(&[&fields[0], &fields[1], &fields[2]]))
            }
            Scheme::Ed25519 => encoded(oid::ED25519, &[]),
            Scheme::Ed448 => encoded(oid::ED448, &[]),
            Scheme::Dsa(Hash::Sha1) => encoded(oid::DSA_WITH_SHA1, &[]),
            Scheme::Dsa(Hash::Sha224) => encoded(oid::DSA_WITH_SHA224, &[]),
            Scheme::Dsa(_) => encoded(oid::DSA_WITH_SHA256, &[]),
        };
        Self { scheme, identifier: identifier.into() }
    }

    /// SM2 with SM3 with explicit NULL parameters, as most Chinese authorities write it.
    pub fn sm2_with_null() -> Self {
        Self { scheme: Scheme::Sm2, identifier: sequence(&[&oid_der(&oid::SM2_WITH_SM3), &NULL]).into() }
    }

    /// How the signature is computed.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// `sm2-with-sm3`, `ecdsa-with-sha256`, `rsa-pkcs1-with-sha256`, `rsa-pss-with-sha256`, `ed25519`.
    pub fn name(&self) -> String {
        match self.scheme {
            Scheme::Sm2 => "sm2-with-sm3".into(),
            Scheme::Ecdsa(hash) => format!("ecdsa-with-{hash}"),
            Scheme::RsaPkcs1(hash) => format!("rsa-pkcs1-with-{hash}"),
            Scheme::RsaPss(hash, ..) => format!("rsa-pss-with-{hash}"),
            Scheme::Ed25519 => "ed25519".into(),
            Scheme::Ed448 => "ed448".into(),
            Scheme::Dsa(hash) => format!("dsa-with-{hash}"),
        }
    }

    /// The digest, where the scheme has one of its own.
    pub fn hash(&self) -> Option<Hash> {
        self.scheme.hash()
    }

    /// The AlgorithmIdentifier as it was read, or as it is to be written.
    pub fn identifier_der(&self) -> &[u8] {
        &self.identifier
    }
}

impl fmt::Debug for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Scheme {
    /// The digest, where the scheme has one of its own.
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::Sm2 => Some(Hash::Sm3),
            Self::Ecdsa(hash) | Self::RsaPkcs1(hash) | Self::RsaPss(hash, ..) | Self::Dsa(hash) => Some(hash),
            Self::Ed25519 | Self::Ed448 => None,
        }
    }

    /// Whether a key of this kind can have made such a signature.
    pub const fn fits(self, kind: KeyKind) -> bool {
        match self {
            Self::Sm2 => matches!(kind, KeyKind::Sm2),
            Self::Ecdsa(_) => matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521),
            Self::RsaPkcs1(_) | Self::RsaPss(..) => matches!(kind, KeyKind::Rsa(_)),
            Self::Ed25519 => matches!(kind, KeyKind::Ed25519),
            Self::Ed448 => matches!(kind, KeyKind::Ed448),
            Self::Dsa(_) => matches!(kind, KeyKind::Dsa(_)),
        }
    }
}

const NULL: [u8; 2] = [tag::NULL, 0];

fn scheme(name: &Oid, parameters: Option<Tlv<'_>>, hint: Option<Hash>, key: &PublicKey) -> Result<Scheme, VerifyError> {
    let hinted = |unsupported: Hash| hint.unwrap_or(unsupported);
    let scheme = match *name {
        oid::SM2_WITH_SM3 | oid::SM2_WITH_SM3_MISTYPED | oid::SM2_SIGN | oid::SM2 => Scheme::Sm2,
        // CMS producers name only the key; which equation applies follows from the curve, never from the digest.
        oid::EC_PUBLIC_KEY if key.kind() == KeyKind::Sm2 => Scheme::Sm2,
        oid::EC_PUBLIC_KEY | oid::ECDSA_UNSPECIFIED => Scheme::Ecdsa(hinted(Hash::Sha256)),
        oid::RSA_ENCRYPTION => Scheme::RsaPkcs1(hinted(Hash::Sha1)),
        oid::RSA_PSS => return pss(parameters),
        oid::ED25519 => Scheme::Ed25519,
        oid::ED448 => Scheme::Ed448,
        oid::DSA_WITH_SHA1 => Scheme::Dsa(Hash::Sha1),
        oid::DSA_WITH_SHA224 => Scheme::Dsa(Hash::Sha224),
        oid::DSA_WITH_SHA256 => Scheme::Dsa(Hash::Sha256),
        oid::DSA => Scheme::Dsa(hinted(Hash::Sha1)),
        _ => match hashed(name) {
            Some(scheme) => scheme,
            None => return Err(VerifyError::Unsupported(format!("signature algorithm {name}"))),
        },
    };
    // RFC 3279, RFC 4055, RFC 5758: NULL or absent; anything else is no identifier of this algorithm.
    let plain = parameters.is_none_or(|parameters| parameters.raw == NULL || parameters.tag == tag::OID);
    match (plain, scheme.fits(key.kind())) {
        (false, _) => Err(VerifyError::Malformed),
        (true, false) => Err(VerifyError::Mismatch),
        (true, true) => Ok(scheme),
    }
}

fn hashed(name: &Oid) -> Option<Scheme> {
    if *name == oid::RSA_WITH_SHA1_OIW {
        return Some(Scheme::RsaPkcs1(Hash::Sha1));
    }
    Hash::ALL.into_iter().find_map(|hash| {
        if ecdsa_oid(hash) == *name && ecdsa_oid(hash) != oid::EC_PUBLIC_KEY {
            Some(Scheme::Ecdsa(hash))
        } else if rsa_oid(hash) == *name {
            Some(Scheme::RsaPkcs1(hash))
        } else {
            None
        }
    })
}

const fn ecdsa_oid(hash: Hash) -> Oid {
    match hash {
        Hash::Sha1 => oid::ECDSA_WITH_SHA1,
        Hash::Sha224 => oid::ECDSA_WITH_SHA224,
        Hash::Sha256 => oid::ECDSA_WITH_SHA256,
        Hash::Sha384 => oid::ECDSA_WITH_SHA384,
        Hash::Sha512 => oid::ECDSA_WITH_SHA512,
        Hash::Sha3_224 => oid::ECDSA_WITH_SHA3_224,
        Hash::Sha3_256 => oid::ECDSA_WITH_SHA3_256,
        Hash::Sha3_384 => oid::ECDSA_WITH_SHA3_384,
        Hash::Sha3_512 => oid::ECDSA_WITH_SHA3_512,
        // No identifier of their own: the key's, with the digest beside it.
        Hash::Md5 | Hash::Sm3 | Hash::Shake256 => oid::EC_PUBLIC_KEY,
    }
}

const fn rsa_oid(hash: Hash) -> Oid {
    match hash {
        Hash::Md5 => oid::RSA_WITH_MD5,
        Hash::Sha1 => oid::RSA_WITH_SHA1,
        Hash::Sha224 => oid::RSA_WITH_SHA224,
        Hash::Sha256 => oid::RSA_WITH_SHA256,
        Hash::Sha384 => oid::RSA_WITH_SHA384,
        Hash::Sha512 => oid::RSA_WITH_SHA512,
        Hash::Sha3_224 => oid::RSA_WITH_SHA3_224,
        Hash::Sha3_256 => oid::RSA_WITH_SHA3_256,
        Hash::Sha3_384 => oid::RSA_WITH_SHA3_384,
        Hash::Sha3_512 => oid::RSA_WITH_SHA3_512,
        Hash::Sm3 => oid::RSA_WITH_SM3,
        Hash::Shake256 => oid::RSA_ENCRYPTION,
    }
}

/// RSASSA-PSS-params, RFC 4055 §3.1: every field explicit and optional.
fn pss(parameters: Option<Tlv<'_>>) -> Result<Scheme, VerifyError> {
    let (mut hash, mut mask, mut salt) = (Hash::Sha1, Hash::Sha1, 20);
    if let Some(parameters) = parameters {
        let mut fields = parameters.expect(tag::SEQUENCE)?.children();
        if let Some(field) = fields.optional(0xa0)? {
            hash = digest_identifier(&field.inner()?)?;
        }
        if let Some(field) = fields.optional(0xa1)? {
            let mut parts = field.inner()?.expect(tag::SEQUENCE)?.children();
            let name = read_oid(&mut parts)?;
            if name != oid::MGF1 {
                return Err(VerifyError::Unsupported(format!("mask generation function {name}")));
            }
            mask = digest_identifier(&parts.read()?)?;
        }
        if let Some(field) = fields.optional(0xa2)? {
            salt = usize::try_from(field.inner()?.small_integer()?).map_err(|_| VerifyError::Malformed)?;
        }
        if let Some(field) = fields.optional(0xa3)?
            && field.inner()?.small_integer()? != 1
        {
            return Err(VerifyError::Unsupported("RSA-PSS trailer field".into()));
        }
        fields.end()?;
    }
    Ok(Scheme::RsaPss(hash, mask, salt))
}

fn digest_identifier(identifier: &Tlv<'_>) -> Result<Hash, VerifyError> {
    let mut parts: Reader<'_> = identifier.expect(tag::SEQUENCE)?.children();
    let name = tlv_oid(&parts.read()?)?;
    Hash::from_oid(&name).ok_or_else(|| VerifyError::Unsupported(format!("digest {name}")))
}

impl From<TlvError> for VerifyError {
    fn from(_: TlvError) -> Self {
        Self::Malformed
    }
}

fn oid_der(name: &Oid) -> Vec<u8> {
    tlv(tag::OID, &[name.as_bytes()])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, parts)
}

/// A short value; algorithm identifiers never reach 128 octets.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let mut value = vec![tag, u8::try_from(contents.len()).unwrap_or(u8::MAX)];
    value.extend_from_slice(&contents);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sm2_key() -> PublicKey {
        let point = hex::decode(
            "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
        )
        .unwrap();
        PublicKey::from_point(KeyKind::Sm2, &point).unwrap()
    }

    #[test]
    fn sm2_with_and_without_null() {
        let key = sm2_key();
        let written = [SignatureAlgorithm::new(Scheme::Sm2), SignatureAlgorithm::sm2_with_null()];
        assert_eq!(hex::encode(written[0].identifier_der()), "300a06082a811ccf55018375");
        assert_eq!(hex::encode(written[1].identifier_der()), "300c06082a811ccf550183750500");
        for algorithm in written {
            assert_eq!(SignatureAlgorithm::from_der(algorithm.identifier_der(), None, &key).unwrap(), algorithm);
        }
    }

    #[test]
    fn a_digest_that_disagrees_is_refused() {
        let algorithm = SignatureAlgorithm::new(Scheme::Sm2);
        let read = SignatureAlgorithm::from_der(algorithm.identifier_der(), Some(Hash::Sha256), &sm2_key());
        assert_eq!(read, Err(VerifyError::Mismatch));
    }

    #[test]
    fn an_sm2_key_never_verifies_ecdsa() {
        let algorithm = SignatureAlgorithm::new(Scheme::Ecdsa(Hash::Sha256));
        let read = SignatureAlgorithm::from_der(algorithm.identifier_der(), None, &sm2_key());
        assert_eq!(read, Err(VerifyError::Mismatch));
    }

    #[test]
    fn pss_parameters_are_read_as_written() {
        for (hash, mask, salt) in [(Hash::Sha256, Hash::Sha256, 32), (Hash::Sha512, Hash::Sha1, 0), (Hash::Sha384, Hash::Sha3_256, 200)] {
            let written = SignatureAlgorithm::new(Scheme::RsaPss(hash, mask, salt));
            let mut parts = Tlv::parse(written.identifier_der()).unwrap().children();
            let (_, parameters) = (parts.read().unwrap(), parts.read().unwrap());
            assert_eq!(pss(Some(parameters)), Ok(Scheme::RsaPss(hash, mask, salt)));
        }
        assert_eq!(pss(None), Ok(Scheme::RsaPss(Hash::Sha1, Hash::Sha1, 20)));
    }
}
