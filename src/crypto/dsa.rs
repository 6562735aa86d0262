//! DSA (FIPS 186-4 §4.7), verification only: old archives and test suites still hold such signatures.

use super::VerifyError;
use crate::crypto::tlv::{Tlv, tag};
use rsa::BoxedUint;

/// Domain parameters, big-endian without leading zeros.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    pub p: Vec<u8>,
    pub q: Vec<u8>,
    pub g: Vec<u8>,
}

/// The largest prime that is computed with, in octets.
const MAX_P: usize = 512;
const MAX_Q: usize = 64;

/// Verifies a signature SEQUENCE { r, s } over a digest.
pub(super) fn verify(parameters: &Parameters, y: &[u8], digest: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let Parameters { p, q, g } = parameters;
    if p.len() > MAX_P || q.len() > MAX_Q || q.len() > p.len() {
        return Err(VerifyError::Unsupported("a DSA key of this size".into()));
    }
    check(p, q, g, y, digest, signature).filter(|good| *good).map(drop).ok_or(VerifyError::BadSignature)
}

fn check(p: &[u8], q: &[u8], g: &[u8], y: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    // Widths in bits; every operand of a modulus has the width of that modulus.
    let (wide, narrow) = (u32::try_from(p.len()).ok()? * 8, u32::try_from(q.len()).ok()? * 8);
    let mut numbers = Tlv::parse(signature).ok()?.expect(tag::SEQUENCE).ok()?.children();
    let r = positive(numbers.expect(tag::INTEGER).ok()?.value)?;
    let s = positive(numbers.expect(tag::INTEGER).ok()?.value)?;
    numbers.end().ok()?;
    let number = |octets: &[u8], bits| BoxedUint::from_be_slice(octets, bits).ok();
    let (r, s, q) = (number(r, narrow)?, number(s, narrow)?, number(q, narrow)?);
    let (p, g, y) = (number(p, wide)?, number(g, wide)?, number(y, wide)?);
    let (odd_p, odd_q) = (p.to_odd().into_option()?, q.to_odd().into_option()?);
    let (p, q) = (p.to_nz().into_option()?, q.to_nz().into_option()?);
    if r >= *q || s >= *q || g >= *p || y >= *p {
        return Some(false);
    }
    let w = s.invert_odd_mod(&odd_q).into_option()?;
    // The leftmost bits of the digest, as many as q has (its size is a multiple of eight in every standard set).
    let z = number(digest.get(..digest.len().min(narrow as usize / 8))?, narrow)?;
    let u1 = z.mul_mod(&w, &q);
    let u2 = r.mul_mod(&w, &q);
    let v = g.pow_mod(&u1, &odd_p).mul_mod(&y.pow_mod(&u2, &odd_p), &p).rem(&q);
    Some(v.to_be_bytes_trimmed_vartime() == r.to_be_bytes_trimmed_vartime())
}

/// A positive INTEGER's octets without leading zeros.
fn positive(value: &[u8]) -> Option<&[u8]> {
    if value.first()? & 0x80 != 0 {
        return None;
    }
    value.get(value.iter().take_while(|octet| **octet == 0).count()..).filter(|digits| !digits.is_empty())
}
