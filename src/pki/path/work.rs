//! What one question shares among all its candidate paths: budgets, verified signatures, statuses found, indexes by name.

use super::{input::PathInput, result::RevocationFact};
use crate::{
    crypto::VerifyError,
    pki::{Certificate, Crl, Name},
};
use std::collections::HashMap;

/// Fingerprint of a certificate.
pub(super) type Id = [u8; 32];

/// What came of verifying one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signed {
    Good,
    Bad,
    /// The algorithm or key is not supported; nothing was verified.
    Unsupported(String),
    /// The budget is spent.
    Spent,
}

impl From<Result<(), VerifyError>> for Signed {
    fn from(result: Result<(), VerifyError>) -> Self {
        match result {
            Ok(()) => Self::Good,
            Err(VerifyError::Unsupported(what)) => Self::Unsupported(what),
            Err(VerifyError::BadSignature | VerifyError::Mismatch | VerifyError::Malformed) => Self::Bad,
        }
    }
}

/// Shared state of one question.
pub(super) struct Work {
    signatures: usize,
    pub(super) steps: usize,
    pub(super) paths: usize,
    pub(super) names: usize,
    /// Some budget was spent, so that what was not found may still exist.
    pub(super) spent: bool,
    edges: HashMap<(Id, Id), Signed>,
    lists: HashMap<(usize, Id), Signed>,
    answers: HashMap<(usize, Id), Signed>,
    pub(super) statuses: HashMap<(Id, Id, Id), RevocationFact>,
    /// Certificates whose status is being found out, outermost first.
    pub(super) pending: Vec<Id>,
    by_subject: HashMap<Name, Vec<Certificate>>,
}

impl Work {
    pub(super) fn new(input: &PathInput<'_>) -> Self {
        let mut by_subject: HashMap<Name, Vec<Certificate>> = HashMap::new();
        for certificate in input.intermediates {
            by_subject.entry(certificate.subject().clone()).or_default().push(certificate.clone());
        }
        Self {
            signatures: input.limits.signatures,
            steps: input.limits.steps,
            paths: input.limits.paths,
            names: input.limits.name_comparisons,
            spent: false,
            edges: HashMap::new(),
            lists: HashMap::new(),
            answers: HashMap::new(),
            statuses: HashMap::new(),
            pending: Vec::new(),
            by_subject,
        }
    }

    /// Untrusted certificates with this subject.
    pub(super) fn named(&self, subject: &Name) -> Vec<Certificate> {
        self.by_subject.get(subject).cloned().unwrap_or_default()
    }

    fn spend(&mut self) -> bool {
        match self.signatures.checked_sub(1) {
            Some(left) => self.signatures = left,
            None => self.spent = true,
        }
        !self.spent
    }

    /// Whether `issuer`'s key signed `certificate`.
    pub(super) fn signed(&mut self, certificate: &Certificate, issuer: &Certificate) -> Signed {
        let key = (certificate.fingerprint_sha256(), issuer.fingerprint_sha256());
        if let Some(known) = self.edges.get(&key) {
            return known.clone();
        }
        let result = match issuer.public_key() {
            Err(error) => Signed::Unsupported(error.to_string()),
            Ok(_) if !self.spend() => return Signed::Spent,
            Ok(issuer_key) => certificate.verify_signed_by(issuer_key).into(),
        };
        self.edges.insert(key, result.clone());
        result
    }

    /// Forgets what came of `issuer`'s signatures, since its key has been completed.
    pub(super) fn forget(&mut self, issuer: &Certificate) {
        let id = issuer.fingerprint_sha256();
        self.edges.retain(|(_, signer), _| *signer != id);
        self.lists.retain(|(_, signer), _| *signer != id);
    }

    /// Whether `signer`'s key signed the list that stands at `at` in the question.
    pub(super) fn list_signed(&mut self, at: usize, crl: &Crl, signer: &Certificate) -> Signed {
        let key = (at, signer.fingerprint_sha256());
        if let Some(known) = self.lists.get(&key) {
            return known.clone();
        }
        let result = match signer.public_key() {
            Err(error) => Signed::Unsupported(error.to_string()),
            Ok(_) if !self.spend() => return Signed::Spent,
            Ok(signer_key) => crl.verify_signed_by(signer_key).map(drop).into(),
        };
        self.lists.insert(key, result.clone());
        result
    }

    /// Whether `key` of `signer` signed the OCSP response that stands at `at` in the question.
    pub(super) fn answer_signed(&mut self, at: usize, signer: Id, verify: impl FnOnce() -> Result<(), VerifyError>) -> Signed {
        if let Some(known) = self.answers.get(&(at, signer)) {
            return known.clone();
        }
        if !self.spend() {
            return Signed::Spent;
        }
        let result: Signed = verify().into();
        self.answers.insert((at, signer), result.clone());
        result
    }
}

/// Same subject and same key: a certificate of one and the same entity.
pub(super) fn same_entity(a: &Certificate, b: &Certificate) -> bool {
    let same_key = || a.public_key().is_ok_and(|own| b.public_key().is_ok_and(|other| own == other));
    a == b || (a.subject() == b.subject() && same_key())
}
