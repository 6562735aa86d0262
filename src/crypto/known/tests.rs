//! Against ring and the RustCrypto crates: good and altered signatures, and the numbers at the edges.

use super::*;
use crate::{
    crypto::{Hash, KeyKind, PublicKey, Signer as _, sm2 as forms},
    keys::SoftKey,
    world::SystemDice,
};
use p256::elliptic_curve::PrimeField as _;
use proptest::prelude::*;

const MESSAGE: &[u8] = b"message";

fn key(kind: KeyKind) -> (SoftKey, Vec<u8>) {
    let key = SoftKey::generate(kind, &SystemDice).unwrap();
    let point = key.public_key().bits().to_vec();
    (key, point)
}

/// Until the point has its table.
fn acquaint<C: Curve>(tables: &Tables<C>, point: &[u8]) {
    for _ in 0..FAMILIAR {
        if tables.table(point).is_some() {
            return;
        }
    }
    panic!("no table after {FAMILIAR} uses");
}

fn sm2_digest(point: &[u8], message: &[u8]) -> Vec<u8> {
    Hash::Sm3.digest(&[&forms::z(point), message].concat())
}

fn sm2_good(point: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let Some((signature, _)) = forms::read_signature(signature) else { return false };
    let fixed = signature.to_bytes();
    let (r, s) = fixed.split_first_chunk::<32>().unwrap();
    sm2(point, digest, r, s.try_into().unwrap())
}

#[test]
fn a_table_is_made_for_a_familiar_key_alone() {
    let (p256_key, point) = key(KeyKind::P256);
    let signature = p256_key.sign(MESSAGE).unwrap();
    let digest = Hash::Sha256.digest(MESSAGE);
    for use_of_it in 1..FAMILIAR {
        assert!(!p256(&point, &digest, &signature), "{use_of_it}");
    }
    assert!(p256(&point, &digest, &signature));
    for broken in [&point[1..], &[], &[&[4][..], &[0xff; 64]].concat()] {
        for _ in 0..2 * FAMILIAR {
            assert!(P256_TABLES.table(broken).is_none());
        }
    }
}

#[test]
fn an_answer_is_for_exactly_the_same_question() {
    let ((one, one_point), (_, other_point)) = (key(KeyKind::P256), key(KeyKind::P256));
    let ((sm, sm_point), (_, sm_other)) = (key(KeyKind::Sm2), key(KeyKind::Sm2));
    [&one_point, &other_point].into_iter().for_each(|point| acquaint(&P256_TABLES, point));
    [&sm_point, &sm_other].into_iter().for_each(|point| acquaint(&SM2_TABLES, point));
    for round in 0..8_u8 {
        let message = [MESSAGE, &[round]].concat();
        let (digest, other) = (Hash::Sha256.digest(&message), Hash::Sha256.digest(MESSAGE));
        let signature = one.sign(&message).unwrap();
        assert!(p256(&one_point, &digest, &signature));
        assert!(!p256(&other_point, &digest, &signature) && !p256(&one_point, &other, &signature));
        let sm_signature = sm.sign(&message).unwrap();
        let digest = sm2_digest(&sm_point, &message);
        assert!(sm2_good(&sm_point, &digest, &sm_signature));
        assert!(!sm2_good(&sm_other, &sm2_digest(&sm_other, &message), &sm_signature));
        assert!(!sm2_good(&sm_point, &Hash::Sm3.digest(&message), &sm_signature), "another signer's identifier is another digest");
        for at in 0..64 {
            for (good, value) in [(true, &signature), (false, &sm_signature)] {
                let mut altered = value.clone();
                if let Some(octet) = altered.get_mut(at) {
                    *octet ^= 1 << (round & 7);
                    assert!(!if good {
                        p256(&one_point, &Hash::Sha256.digest(&message), &altered)
                    } else {
                        sm2_good(&sm_point, &digest, &altered)
                    });
                }
            }
        }
    }
}

/// u·G + v·Q for numbers at the edges, against the crates' arithmetic; Q is G itself and −G too, where sums double and vanish.
#[test]
fn sums_agree_with_the_crates_at_the_edges() {
    use p256::elliptic_curve::sec1::ToSec1Point as _;
    macro_rules! check {
        ($tables:expr, $crate_:ident, $order:expr) => {{
            use $crate_::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};
            let scalar = |number: u64, minus: bool| {
                let number = Scalar::from(number);
                if minus { -number } else { number }
            };
            let mut numbers: Vec<Scalar> = [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, u64::MAX]
                .iter()
                .flat_map(|n| [scalar(*n, false), scalar(*n, true)])
                .collect();
            for octet in [0x20, 0x80, 0x7f, 0x55, 0xaa, 0x1f, 0xe0, 0xfb] {
                let wide = Scalar::from_repr(FieldBytes::from([octet & 0x7f; 32])).unwrap();
                numbers.extend([wide, -wide]);
            }
            for base in [ProjectivePoint::GENERATOR, -ProjectivePoint::GENERATOR, ProjectivePoint::GENERATOR * scalar(77_777, false)] {
                let point = base.to_affine().to_sec1_point(false);
                let point = point.as_bytes();
                let (x, y) = point[1..].split_first_chunk::<32>().unwrap();
                let table = Table::new(read(x, y.try_into().unwrap()).unwrap(), WINDOW);
                for (at, u) in numbers.iter().enumerate() {
                    // Equal and opposite numbers, and some others.
                    let others = (0..4).filter_map(|other| numbers.get((at + 11 * other + 5) % numbers.len()).copied());
                    for v in others.chain([*u, -*u]) {
                        let own = $tables.sum(limbs(&u.to_bytes().into()), &table, limbs(&v.to_bytes().into()));
                        let theirs = (ProjectivePoint::GENERATOR * *u + base * v).to_affine();
                        if theirs == AffinePoint::IDENTITY {
                            assert!(own.zz.is_zero() && own.zzz.is_zero());
                            assert!(!has_x(&own, [0; 4]) && !has_x(&own, $order));
                            continue;
                        }
                        let theirs = theirs.to_sec1_point(false);
                        let (x, y) = theirs.as_bytes()[1..].split_first_chunk::<32>().unwrap();
                        let wanted = read(x, y.try_into().unwrap()).unwrap();
                        assert!(own.x == wanted.x.mul(own.zz) && own.y == wanted.y.mul(own.zzz));
                    }
                }
            }
        }};
    }
    check!(P256_TABLES, p256, P256::N);
    check!(SM2_TABLES, sm2, Sm2::N);
}

/// A point at infinity has no x: with Z = 0 every x would fit.
#[test]
fn infinity_is_refused() {
    for wanted in [[0; 4], [1, 0, 0, 0], P256::N] {
        assert!(!has_x(&Sum::<P256>::INFINITY, wanted));
        assert!(!has_x(&Sum::<Sm2>::INFINITY, wanted));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Field arithmetic against p256's and sm2's own, with limbs that make carries likely.
    #[test]
    fn products_sums_and_differences_agree(a in edge(), b in edge()) {
        use p256::elliptic_curve::bigint::{NonZero, U256, U512};
        fn check<C: Curve>(a: [u64; 4], b: [u64; 4]) -> Result<(), TestCaseError> {
            let wide = |number: [u64; 4]| U256::from_words(number);
            let prime = NonZero::new(wide(C::P)).unwrap();
            let (Some(x), Some(y)) = (Fe::<C>::new(a), Fe::<C>::new(b)) else {
                prop_assert!(wide(a) >= wide(C::P) || wide(b) >= wide(C::P));
                return Ok(());
            };
            let product: U512 = wide(a).concatenating_mul(&wide(b));
            let reduced: U256 = product.rem_vartime(&prime);
            prop_assert!(x.mul(y) == Fe::new(reduced.to_words()).unwrap());
            prop_assert!(x.add(y) == Fe::new(wide(a).add_mod(&wide(b), &prime).to_words()).unwrap());
            prop_assert!(x.sub(y) == Fe::new(wide(a).sub_mod(&wide(b), &prime).to_words()).unwrap());
            prop_assert!(x.is_zero() || x.mul(x.invert()) == Fe::one());
            Ok(())
        }
        check::<P256>(a, b)?;
        check::<Sm2>(a, b)?;
    }
}

/// Limbs of zeros and ones, near the primes, and any.
fn edge() -> impl Strategy<Value = [u64; 4]> {
    let limb =
        || prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(u64::MAX - 1), Just(0xffff_ffff), Just(0xffff_ffff_0000_0000), any::<u64>()];
    let near = |prime: [u64; 4]| any::<u8>().prop_map(move |less| field::subtract(prime, [u64::from(less) + 1, 0, 0, 0]).0);
    prop_oneof![4 => [limb(), limb(), limb(), limb()], 1 => near(P256::P), 1 => near(Sm2::P)]
}

/// What the whole of `crypto::verify` says stays the same before a key is familiar and after, for good and altered signatures.
#[test]
fn familiar_keys_get_the_same_verdicts() {
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let (key, _) = key(kind);
        let public = PublicKey::from_spki(key.public_key().spki()).unwrap();
        let signature = key.sign(MESSAGE).unwrap();
        let changed =
            (0..signature.len()).map(|at| signature.iter().enumerate().map(|(index, octet)| octet ^ u8::from(index == at)).collect());
        let altered: Vec<Vec<u8>> = changed.chain(written_otherwise(&signature)).collect();
        let verdicts = || {
            let said = |value: &[u8]| crate::crypto::verify(&public, &key.algorithm(), MESSAGE, value);
            (said(&signature), altered.iter().map(|value| said(value)).collect::<Vec<_>>())
        };
        let first = verdicts();
        assert_eq!(first.0, Ok(()));
        // SM2 signatures are read more tolerantly, familiar or not; never with an octet changed.
        let refused = if kind == KeyKind::P256 { first.1.len() } else { signature.len() };
        assert!(first.1.iter().take(refused).all(Result::is_err));
        for _ in 0..3 {
            assert_eq!(verdicts(), first);
        }
    }
}

/// The same two numbers in forms that DER does not have, and what is no number of theirs.
fn written_otherwise(signature: &[u8]) -> Vec<Vec<u8>> {
    let (r_length, body) = (usize::from(signature[3]), &signature[2..]);
    let (r, s) = (&body[2..2 + r_length], &body[4 + r_length..]);
    let integer = |octets: &[u8]| [&[2, octets.len() as u8], octets].concat();
    let sequence = |parts: &[&[u8]]| [&[0x30, parts.concat().len() as u8], parts.concat().as_slice()].concat();
    let (r_whole, s_whole) = (integer(r), integer(s));
    let padded = |octets: &[u8]| integer(&[&[0], octets].concat());
    let negative = |octets: &[u8]| integer(&[&[0xff], octets].concat());
    let long_form = [&[0x30, 0x81], &signature[1..]].concat();
    vec![
        sequence(&[&padded(r), &s_whole]),
        sequence(&[&r_whole, &padded(s)]),
        sequence(&[&negative(r), &s_whole]),
        sequence(&[&r_whole, &negative(s)]),
        sequence(&[&r_whole, &s_whole, &[5, 0]]),
        sequence(&[&s_whole, &r_whole]),
        sequence(&[&r_whole, &integer(&[0])]),
        sequence(&[&integer(&[0]), &s_whole]),
        sequence(&[&r_whole]),
        [signature, &[0]].concat(),
        long_form,
        [&[0x30, 0x80], body, &[0, 0]].concat(),
        Vec::new(),
    ]
}
