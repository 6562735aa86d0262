//! Certificates, revocation lists and OCSP responses of a path: the whole path is judged with one of them changed.

use super::{Dice, Fate, survive, tree};
use crate::paths::Chain;
use xinyin::crypto::KeyKind;
use xinyin::pki::Reason;
use xinyin::pki::path::{Outcome, PathInput, validate};
use xinyin::pki::{Certificate, Crl};

/// Which part of the path is changed, by the mutant's number.
const PARTS: usize = 4;

#[test]
fn no_mutant_of_a_certificate_or_list_is_falsely_accepted() {
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let chain = Chain::new(kind);
        let foreign = Chain::new(kind);
        assert_eq!(chain.judge().outcome, Outcome::Accepted);
        // Lists on which the leaf and the intermediate are revoked: parts of empty ones are offered to them.
        let when = crate::paths::at("2026-05-01");
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
