//! Evidence records: one time-stamp over everything that a verdict rests on, renewed by another over it (RFC 4998 §4, §5).
//!
//! The digests of the members, sorted and joined, are what is stamped (RFC 4998 §4.2.1, one list of digests); of a single member
//! its digest. A renewal has the earlier token and what that one stamped among its members: while one holds, it proves the others.

use super::{Evidence, evidence::id_of, poe::Id};
use crate::{
    crypto::Hash,
    pki::{Certificate, Crl, OcspResponse},
};

/// A time-stamp over many objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Algorithm of the members' digests and of the imprint.
    pub hash: Hash,
    /// Digests of the members.
    pub members: Vec<Vec<u8>>,
    /// The time-stamp token, DER.
    pub token: Vec<u8>,
}

/// What somebody said of the document's subject beside it, kept as it came: the status of a licence at its source. It is not
/// judged here; that it existed is proven like of everything else ([`super::proven`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is, such as `licence-status`.
    pub kind: String,
    /// Where it came from.
    pub source: String,
    /// Its octets.
    pub body: Vec<u8>,
}

impl Record {
    /// The members' digests in the order in which they are stamped.
    pub fn stamped(members: &[Vec<u8>]) -> Vec<u8> {
        let mut sorted: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.concat()
    }

    /// What a time-stamp over the members bears.
    pub fn imprint(hash: Hash, members: &[Vec<u8>]) -> Vec<u8> {
        let stamped = Self::stamped(members);
        if stamped.len() == hash.len() { stamped } else { hash.digest(&stamped) }
    }

    /// What is stamped, as an object that a renewal covers.
    pub(super) fn list(&self) -> (Id, Vec<u8>) {
        let stamped = Self::stamped(&self.members);
        (id_of(&stamped), stamped)
    }
}

/// Digests of all that a record over this evidence has to cover, the document's among them.
pub fn members(evidence: &Evidence, hash: Hash, document: Vec<u8>) -> Vec<Vec<u8>> {
    let mut members = vec![document];
    let certificates = evidence.certificates.iter().map(Certificate::der);
    let ders = certificates.chain(evidence.crls.iter().map(Crl::der)).chain(evidence.ocsps.iter().map(OcspResponse::der));
    let tokens = evidence.tokens.iter().chain(evidence.records.iter().map(|record| &record.token)).map(Vec::as_slice);
    let statements = evidence.statements.iter().map(|statement| statement.body.as_slice());
    members.extend(ders.chain(tokens).chain(statements).map(|octets| hash.digest(octets)));
    members.extend(evidence.records.iter().map(|record| hash.digest(&record.list().1)));
    members.sort_unstable();
    members.dedup();
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_does_not_matter_and_one_stands_for_itself() {
        let digest = |text: &[u8]| Hash::Sha256.digest(text);
        let (a, b) = (digest(b"a"), digest(b"b"));
        assert_eq!(
            Record::imprint(Hash::Sha256, &[a.clone(), b.clone()]),
            Record::imprint(Hash::Sha256, &[b.clone(), a.clone(), b.clone()])
        );
        assert_eq!(Record::imprint(Hash::Sha256, std::slice::from_ref(&a)), a);
        assert_ne!(Record::imprint(Hash::Sha256, &[a.clone(), b]), a);
    }
}
