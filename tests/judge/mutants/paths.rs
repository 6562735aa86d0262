//! Certificates, revocation lists and OCSP responses of a path: the whole path is judged with one of them changed.

use super::{Dice, Fate, survive, tree};
use crate::paths::{Chain, SIGNS, answer, at, name};
use xinyin::crypto::{Hash, KeyKind, Signer as _};
use xinyin::keys::SoftKey;
use xinyin::pki::extensions::oid;
use xinyin::pki::ocsp::CertStatus;
use xinyin::pki::path::{Outcome, PathInput, validate};
use xinyin::pki::{Certificate, Crl, OcspResponse, Reason};
use xinyin::world::SystemDice;

/// Which part of the path is changed, by the mutant's number.
const PARTS: usize = 4;

#[test]
fn no_mutant_of_a_certificate_or_list_is_falsely_accepted() {
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let chain = Chain::new(kind);
        let foreign = Chain::new(kind);
        assert_eq!(chain.judge().outcome, Outcome::Accepted);
        // Lists on which the leaf and the intermediate are revoked: parts of empty ones are offered to them.
        let when = at("2026-05-01");
        let revoking = chain.issuing.list(2).revoked(chain.leaf.serial(), when, Reason::KeyCompromise).sign(&chain.issuing.key).unwrap();
        let silent = chain.crls[1].der();
        let parts: [&[u8]; PARTS] = [chain.leaf.der(), chain.intermediates[0].der(), silent, revoking.der()];
        let donors: [&[u8]; 6] =
            [chain.leaf.der(), chain.intermediates[0].der(), foreign.leaf.der(), foreign.crls[1].der(), silent, chain.crls[0].der()];
        let part = |seed: u64| Dice::new(seed ^ 0x5eed).below(PARTS);
        let mutate = |seed: u64| {
            let which = part(seed);
            let (what, mut octets) = tree::mutant(parts[which], &donors, seed);
            octets.push(u8::try_from(which).unwrap());
            (format!("part {which}, {what}"), octets)
        };
        let judge = |octets: &[u8]| {
            let (which, octets) = octets.split_last().unwrap();
            let (mut leaf, mut pool, mut crls) = (chain.leaf.clone(), chain.intermediates.clone(), chain.crls.clone());
            let signed = match which {
                0 | 1 => {
                    let Ok(read) = Certificate::from_der(octets) else { return Fate::Refused };
                    let signed = read.tbs().to_vec();
                    if *which == 0 {
                        leaf = read
                    } else {
                        pool = vec![read]
                    }
                    signed
                }
                _ => {
                    let Ok(read) = Crl::from_der(octets) else { return Fate::Refused };
                    let signed = read.tbs().to_vec();
                    crls = vec![chain.crls[0].clone(), read];
                    signed
                }
            };
            let result = validate(&PathInput { leaf: &leaf, intermediates: &pool, crls: &crls, ..chain.question() });
            if result.outcome != Outcome::Accepted {
                return Fate::Refused;
            }
            // What the authority signed is the same to the octet: the original, or another that it signed, in another envelope.
            let own = match which {
                0 => signed == chain.leaf.tbs(),
                1 => signed == chain.intermediates[0].tbs(),
                _ => signed == chain.crls[1].tbs(),
            };
            let another = *which == 0 && signed == chain.intermediates[0].tbs();
            if own || another { Fate::Same } else { Fate::False("accepted with other octets signed".into()) }
        };
        survive(&format!("path {kind}"), mutate, judge);
    }
}

/// The status of the holder by OCSP alone, from the authority itself and from a delegate; a revocation and an unknown status signed
/// by the same keys are offered for parts.
#[test]
fn no_mutant_of_an_ocsp_response_is_falsely_accepted() {
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let mut chain = Chain::new(kind);
        let foreign = Chain::new(kind);
        chain.crls.truncate(1);
        let responder = SoftKey::generate(kind, &SystemDice).unwrap();
        let delegate = |chain: &Chain| {
            let more = |leaf: xinyin::pki::build::CertificateBuilder| {
                leaf.key_usage(&SIGNS).extended_key_usage(false, &[oid::OCSP_SIGNING]).ocsp_no_check()
            };
            chain.issuing.issue(9, &name("OCSP"), &responder, more)
        };
        let (own, other) = (delegate(&chain), delegate(&foreign));
        let revoked = CertStatus::Revoked { at: at("2026-05-01"), reason: Reason::KeyCompromise };
        let originals = [
            answer(&chain, Hash::Sha1, CertStatus::Good, &chain.issuing.key, None),
            answer(&chain, Hash::Sm3, CertStatus::Good, &responder, Some(&own)),
            answer(&chain, Hash::Sha256, revoked, &responder, Some(&own)),
        ];
        let donors = [
            originals[0].clone(),
            originals[1].clone(),
            originals[2].clone(),
            answer(&chain, Hash::Sha1, CertStatus::Unknown, &chain.issuing.key, None),
            answer(&foreign, Hash::Sha1, CertStatus::Good, &responder, Some(&other)),
        ];
        let others: Vec<&[u8]> = donors.iter().map(OcspResponse::der).chain([chain.leaf.der(), own.der()]).collect();
        let outcome = |response: &OcspResponse| {
            let ocsps = [response.clone()];
            validate(&PathInput { ocsps: &ocsps, ..chain.question() }).outcome
        };
        assert_eq!(originals.each_ref().map(outcome), [Outcome::Accepted, Outcome::Accepted, Outcome::Rejected]);
        let mutate = |seed: u64| {
            let which = Dice::new(seed ^ 0x0c5b).below(originals.len());
            let (what, octets) = tree::mutant(originals[which].der(), &others, seed);
            (format!("response {which}, {what}"), octets)
        };
        let judge = |octets: &[u8]| {
            let Ok(read) = OcspResponse::from_der(octets) else { return Fate::Refused };
            if outcome(&read) != Outcome::Accepted {
                return Fate::Refused;
            }
            let good = originals.iter().take(2).any(|original| original.tbs() == read.tbs());
            if good { Fate::Same } else { Fate::False("accepted with other octets signed".into()) }
        };
        assert_ne!(responder.public_key(), chain.issuing.key.public_key());
        survive(&format!("OCSP {kind}"), mutate, judge);
    }
}
