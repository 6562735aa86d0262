//! What is particular to SM2 (GB/T 32918, GB/T 35276): the distinguishing identifier and the forms of a signature in the field.

use crate::crypto::tlv::{Tlv, tag};

/// The user identifier that goes into Z (GB/T 35276 §10): certificates, CRLs, OCSP, CMS, time-stamps and seals all use it.
pub const DISTINGUISHING_ID: &str = "1234567812345678";

/// How an SM2 signature value was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// SEQUENCE { r, s } in DER, as GB/T 35276 §7 wants it.
    Der,
    /// The same with superfluous zeros or long-form lengths.
    LooseDer,
    /// 64 octets r‖s without any structure, as devices emit it.
    Raw,
}

/// Reads a signature value in any of the forms met; `None` if it is none of them or r or s is out of range.
pub fn read_signature(signature: &[u8]) -> Option<(sm2::dsa::Signature, Form)> {
    if let Ok(read) = sm2::dsa::Signature::from_der(signature) {
        return Some((read, Form::Der));
    }
    if let Some(read) = loose(signature) {
        return Some((read, Form::LooseDer));
    }
    let raw: &[u8; 64] = signature.try_into().ok()?;
    sm2::dsa::Signature::from_slice(raw).ok().map(|read| (read, Form::Raw))
}

fn loose(signature: &[u8]) -> Option<sm2::dsa::Signature> {
    let mut numbers = Tlv::parse(signature).ok()?.expect(tag::SEQUENCE).ok()?.children();
    let mut fixed = [0; 64];
    for half in fixed.chunks_exact_mut(32) {
        let value = numbers.expect(tag::INTEGER).ok()?.value;
        if value.first()? & 0x80 != 0 {
            return None;
        }
        let digits = value.get(value.iter().take_while(|octet| **octet == 0).count()..)?;
        half.get_mut(32usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    }
    numbers.end().ok()?;
    sm2::dsa::Signature::from_slice(&fixed).ok()
}

/// Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ G ‖ P) for the standard identifier (GB/T 32918.2 §5.5). `point` is 04‖X‖Y.
pub fn z(point: &[u8]) -> [u8; 32] {
    use digest::Digest as _;
    const CURVE: [u8; 128] = hex_literal(
        b"fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc\
          28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93\
          32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7\
          bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0",
    );
    let mut hasher = sm3::Sm3::new();
    hasher.update([0x00, 0x80]);
    hasher.update(DISTINGUISHING_ID);
    hasher.update(CURVE);
    hasher.update(point.get(1..).unwrap_or_default());
    hasher.finalize().into()
}

const fn hex_literal(text: &[u8; 256]) -> [u8; 128] {
    const fn digit(character: u8) -> u8 {
        if character <= b'9' { character - b'0' } else { character - b'a' + 10 }
    }
    let mut octets = [0; 128];
    let mut at = 0;
    while at < 128 {
        octets[at] = digit(text[2 * at]) << 4 | digit(text[2 * at + 1]);
        at += 1;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GB/T 32918.5-2017 appendix: the recommended curve with the standard identifier.
    #[test]
    fn z_of_the_standard_example() {
        let point = hex::decode(
            "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
        )
        .unwrap();
        assert_eq!(hex::encode(z(&point)), "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3");
    }

    #[test]
    fn forms_of_one_signature() {
        let r = [&[0x75u8][..], &[0x11; 31]].concat();
        let s = [&[0xb1u8][..], &[0x22; 31]].concat();
        let raw = [r.clone(), s.clone()].concat();
        let der = [&[0x30, 0x45, 0x02, 0x20][..], &r, &[0x02, 0x21, 0x00], &s].concat();
        let loose = [&[0x30, 0x46, 0x02, 0x21, 0x00][..], &r, &[0x02, 0x21, 0x00], &s].concat();
        let (from_raw, form) = read_signature(&raw).unwrap();
        assert_eq!(form, Form::Raw);
        assert_eq!(read_signature(&der), Some((from_raw, Form::Der)));
        assert_eq!(read_signature(&loose), Some((from_raw, Form::LooseDer)));
        // r = 0, s = n and a signature cut short are none.
        assert_eq!(read_signature(&[&[0; 32][..], &s].concat()), None);
        let n = hex::decode("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123").unwrap();
        assert_eq!(read_signature(&[r, n].concat()), None);
        assert_eq!(read_signature(&der[..40]), None);
        assert_eq!(read_signature(&[]), None);
    }
}
