//! Public keys as they stand in certificates (SubjectPublicKeyInfo).

use super::{Oid, dsa, oid};
use crate::crypto::tlv::{Reader, Tlv, TlvError, tag};
use std::{fmt, sync::Arc};

/// What kind of key, and how large where that varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum KeyKind {
    Sm2,
    P256,
    P384,
    P521,
    /// RSA with the modulus size in bits.
    Rsa(usize),
    Ed25519,
    Ed448,
    /// DSA with the prime's size in bits.
    Dsa(usize),
}

impl KeyKind {
    /// Size in bits as strength policies count it: the curve's field, the modulus.
    pub const fn bits(self) -> usize {
        match self {
            Self::Sm2 | Self::P256 | Self::Ed25519 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
            Self::Ed448 => 448,
            Self::Rsa(bits) | Self::Dsa(bits) => bits,
        }
    }
}

/// `sm2`, `p-256`, `rsa-2048`, …
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sm2 => f.write_str("sm2"),
            Self::P256 => f.write_str("p-256"),
            Self::P384 => f.write_str("p-384"),
            Self::P521 => f.write_str("p-521"),
            Self::Rsa(bits) => write!(f, "rsa-{bits}"),
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Ed448 => f.write_str("ed448"),
            Self::Dsa(bits) => write!(f, "dsa-{bits}"),
        }
    }
}

/// Why bytes are no usable public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a SubjectPublicKeyInfo.
    #[error("public key malformed: {0}")]
    Malformed(#[from] TlvError),
    /// The key's numbers are out of range or the point is not on its curve.
    #[error("public key invalid: {0}")]
    Invalid(&'static str),
    /// An algorithm or curve not known here, by its object identifier.
    #[error("public key algorithm {0} not supported")]
    Unsupported(String),
}

/// The parsed numbers of a key.
#[derive(Clone)]
pub(super) enum Material {
    Sm2(Box<Sm2Key>),
    /// Uncompressed point, checked to lie on the curve.
    Ec(Vec<u8>),
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Ed25519([u8; 32]),
    Ed448(Box<ed448_goldilocks::VerifyingKey>),
    /// The public number, and the parameters unless they are the issuer's (RFC 3279 §2.3.2).
    Dsa {
        y: Vec<u8>,
        parameters: Option<dsa::Parameters>,
    },
}

/// An SM2 key with what every verification needs of it.
#[derive(Clone)]
pub(super) struct Sm2Key {
    pub key: sm2::dsa::VerifyingKey,
    /// 04‖X‖Y.
    pub point: [u8; 65],
    /// Z, with the standard identifier.
    pub z: [u8; 32],
}

/// A public key. Cheap to clone; compares by its encoding.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    kind: KeyKind,
    spki: Vec<u8>,
    bits: std::ops::Range<usize>,
    material: Material,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and checks the key: the point lies on its curve, RSA numbers are in range.
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        let outer = Tlv::parse(spki)?.expect(tag::SEQUENCE)?;
        let mut fields = outer.children();
        let algorithm = fields.expect(tag::SEQUENCE)?;
        let (unused, key) = fields.expect(tag::BIT_STRING)?.bits()?;
        fields.end()?;
        if outer.indefinite {
            return Err(KeyError::Invalid("indefinite length"));
        }
        if unused != 0 {
            return Err(KeyError::Invalid("unused bits in the key"));
        }
        let mut parts = algorithm.children();
        let algorithm_oid = read_oid(&mut parts)?;
        let (kind, material) = match algorithm_oid {
            oid::EC_PUBLIC_KEY => {
                // Only named curves (RFC 5480 §2.1.1): explicit parameters would let a certificate choose its own curve.
                let parameters = parts.read()?;
                if parameters.tag != tag::OID {
                    return Err(KeyError::Unsupported("explicit curve parameters".into()));
                }
                parts.end()?;
                curve_key(tlv_oid(&parameters)?, key)?
            }
            // Some certificates name the curve as the algorithm itself.
            oid::SM2 | oid::SM2_SIGN => curve_key(oid::SM2, key)?,
            oid::RSA_ENCRYPTION | oid::RSA_PSS => rsa_key(key)?,
            oid::ED25519 => {
                let point = key.try_into().map_err(|_| KeyError::Invalid("Ed25519 key is not 32 octets"))?;
                (KeyKind::Ed25519, Material::Ed25519(point))
            }
            oid::ED448 => {
                let point = key.try_into().map_err(|_| KeyError::Invalid("Ed448 key is not 57 octets"))?;
                let key = ed448_goldilocks::VerifyingKey::from_bytes(point).map_err(|_| KeyError::Invalid("point is not on its curve"))?;
                (KeyKind::Ed448, Material::Ed448(Box::new(key)))
            }
            oid::DSA => {
                let y = unsigned(Tlv::parse(key)?.expect(tag::INTEGER)?.value)?.to_vec();
                let parameters = if parts.is_empty() { None } else { dsa_parameters(&parts.read()?)? };
                let bits = parameters.as_ref().map_or(0, |parameters| bit_length(&parameters.p));
                (KeyKind::Dsa(bits), Material::Dsa { y, parameters })
            }
            other => return Err(KeyError::Unsupported(other.to_string())),
        };
        let start = spki.len() - key.len();
        Ok(Self(Arc::new(Inner { kind, spki: spki.to_vec(), bits: start..spki.len(), material })))
    }

    /// Wraps the uncompressed or compressed point of a named curve in a SubjectPublicKeyInfo.
    pub fn from_point(kind: KeyKind, point: &[u8]) -> Result<Self, KeyError> {
        use der::Encode as _;
        let curve = match kind {
            KeyKind::Sm2 => oid::SM2,
            KeyKind::P256 => oid::P256,
            KeyKind::P384 => oid::P384,
            KeyKind::P521 => oid::P521,
            _ => return Err(KeyError::Invalid("not an elliptic curve")),
        };
        let key = spki::SubjectPublicKeyInfoRef {
            algorithm: spki::AlgorithmIdentifierRef { oid: oid::EC_PUBLIC_KEY, parameters: Some((&curve).into()) },
            subject_public_key: der::asn1::BitStringRef::from_bytes(point).map_err(|_| KeyError::Invalid("point"))?,
        };
        Self::from_spki(&key.to_der().map_err(|_| KeyError::Invalid("point"))?)
    }

    /// Whether the key lacks its parameters, which then are those of its issuer's key (RFC 3279 §2.3.2; DSA only).
    pub fn inherits(&self) -> bool {
        matches!(self.0.material, Material::Dsa { parameters: None, .. })
    }

    /// The key completed with the parameters of its issuer's key; `None` if that has none to give.
    pub fn completed_by(&self, issuer: &Self) -> Option<Self> {
        let (Material::Dsa { y, parameters: None }, Material::Dsa { parameters: Some(given), .. }) = (self.material(), issuer.material())
        else {
            return None;
        };
        Some(Self(Arc::new(Inner {
            kind: issuer.kind(),
            spki: self.0.spki.clone(),
            bits: self.0.bits.clone(),
            material: Material::Dsa { y: y.clone(), parameters: Some(given.clone()) },
        })))
    }

    /// The kind of key.
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// The SubjectPublicKeyInfo as stored.
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }

    /// The octets inside the BIT STRING: what key identifiers and OCSP CertIDs hash.
    pub fn bits(&self) -> &[u8] {
        self.0.spki.get(self.0.bits.clone()).unwrap_or_default()
    }

    pub(super) fn material(&self) -> &Material {
        &self.0.material
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.0.kind)
    }
}

/// The object identifier of an OID value.
pub(super) fn tlv_oid(value: &Tlv<'_>) -> Result<Oid, TlvError> {
    if value.tag != tag::OID {
        return Err(TlvError::Unexpected);
    }
    Oid::from_bytes(value.value).map_err(|_| TlvError::Contents)
}

/// Reads the next value as an object identifier.
pub(super) fn read_oid(reader: &mut Reader<'_>) -> Result<Oid, TlvError> {
    tlv_oid(&reader.read()?)
}

fn curve_key(curve: Oid, point: &[u8]) -> Result<(KeyKind, Material), KeyError> {
    const OFF: KeyError = KeyError::Invalid("point is not on its curve");
    Ok(match curve {
        oid::SM2 => {
            let key = sm2::dsa::VerifyingKey::from_sec1_bytes(super::sm2::DISTINGUISHING_ID, point).map_err(|_| OFF)?;
            let point: [u8; 65] = key.to_sec1_bytes().as_ref().try_into().map_err(|_| OFF)?;
            (KeyKind::Sm2, Material::Sm2(Box::new(Sm2Key { key, z: super::sm2::z(&point), point })))
        }
        oid::P256 => {
            let key = p256::PublicKey::from_sec1_bytes(point).map_err(|_| OFF)?;
            (KeyKind::P256, Material::Ec(key.to_sec1_bytes().into()))
        }
        oid::P384 => {
            let key = p384::PublicKey::from_sec1_bytes(point).map_err(|_| OFF)?;
            (KeyKind::P384, Material::Ec(key.to_sec1_bytes().into()))
        }
        oid::P521 => {
            let key = p521::PublicKey::from_sec1_bytes(point).map_err(|_| OFF)?;
            (KeyKind::P521, Material::Ec(key.to_sec1_bytes().into()))
        }
        other => return Err(KeyError::Unsupported(other.to_string())),
    })
}

/// Dss-Parms; NULL stands for none in some certificates.
fn dsa_parameters(value: &Tlv<'_>) -> Result<Option<dsa::Parameters>, KeyError> {
    if value.tag == tag::NULL {
        return Ok(None);
    }
    let mut numbers = value.expect(tag::SEQUENCE)?.children();
    let mut next = || -> Result<Vec<u8>, KeyError> { Ok(unsigned(numbers.expect(tag::INTEGER)?.value)?.to_vec()) };
    Ok(Some(dsa::Parameters { p: next()?, q: next()?, g: next()? }))
}

fn rsa_key(key: &[u8]) -> Result<(KeyKind, Material), KeyError> {
    let mut numbers = Tlv::parse(key)?.expect(tag::SEQUENCE)?.children();
    let n = unsigned(numbers.expect(tag::INTEGER)?.value)?;
    let e = unsigned(numbers.expect(tag::INTEGER)?.value)?;
    numbers.end()?;
    let even = |number: &[u8]| number.last().is_none_or(|last| last & 1 == 0);
    if even(n) || even(e) || e == [1] {
        return Err(KeyError::Invalid("RSA modulus or exponent even, or exponent 1"));
    }
    Ok((KeyKind::Rsa(bit_length(n)), Material::Rsa { n: n.to_vec(), e: e.to_vec() }))
}

/// A positive INTEGER's octets without leading zeros.
fn unsigned(value: &[u8]) -> Result<&[u8], KeyError> {
    if value.first().is_none_or(|first| first & 0x80 != 0) {
        return Err(KeyError::Invalid("negative number"));
    }
    let zeros = value.iter().take_while(|octet| **octet == 0).count();
    match value.get(zeros..) {
        Some(digits) if !digits.is_empty() => Ok(digits),
        _ => Err(KeyError::Invalid("zero")),
    }
}

fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize))
}
