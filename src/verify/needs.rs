//! What is missing for a verdict and where the certificates say it can be had.

use super::{
    Context, Evidence, Options, Policy,
    chain::{ChainFault, Use},
    evidence::Pool,
    poe::Poes,
    reach::{Clock, Status, weigh},
};
use crate::{
    crypto::Hash,
    doc::{
        Facts,
        facts::{SignatureKind, SignerFacts},
    },
    pki::{
        Certificate,
        build::ocsp,
        path::{self, PathResult},
    },
};

/// One thing that is missing and an address that may have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// An OCSP response.
    Ocsp {
        /// Where to ask.
        url: String,
        /// The request, DER.
        request: Vec<u8>,
    },
    /// A CRL.
    Crl {
        /// Where it lies.
        url: String,
    },
    /// An issuer's certificate.
    Issuer {
        /// Where it lies.
        url: String,
    },
}

impl Need {
    /// The address.
    pub fn url(&self) -> &str {
        match self {
            Self::Ocsp { url, .. } | Self::Crl { url } | Self::Issuer { url } => url,
        }
    }
}

/// Revocation data and issuers that are missing, in a fixed order. The addresses were written by whoever made the certificates:
/// the caller asks only those on its allow-list.
pub fn needs(facts: &Facts, evidence: &Evidence, options: &Options) -> Vec<Need> {
    let policy = Policy::default();
    let context = Context { evidence, pool: Pool::new(facts, evidence), policy: &policy, options, chains: None };
    let poes = Poes::default();
    let mut needs = Vec::new();
    let mut ask = |signer: &SignerFacts, used: Use, at| {
        let Some(chain) = context.chain(signer, used, at) else { return };
        // What a document brings tells nothing new about a signature whose time nothing proves.
        let independent = used != Use::Timestamp && signer.timestamps.is_empty();
        let reach = weigh(&chain, &Clock { poes: &poes, looking: at, proven: at, independent });
        for (position, certificate) in chain.path.iter().enumerate() {
            if matches!(reach.status.get(position), Some(Status::Unknown(..))) {
                add(&mut needs, certificate, chain.path.get(position.saturating_add(1)));
            }
        }
        if matches!(chain.fault, Some(ChainFault::NotFound(_)))
            && let Some(last) = chain.path.last()
        {
            push(&mut needs, last.issuer_urls().map(|url| Need::Issuer { url: url.into() }));
        }
    };
    for entry in &facts.signatures {
        let used = match entry.kind {
            SignatureKind::Signature => Use::Sign,
            SignatureKind::Seal => Use::Seal,
            SignatureKind::DocumentTimestamp => Use::Timestamp,
        };
        ask(&entry.signer, used, options.at);
        entry.seal.iter().for_each(|seal| ask(&seal.maker, Use::Maker, options.at));
        entry.signer.timestamps.iter().for_each(|stamp| ask(&stamp.signer, Use::Timestamp, options.at));
        entry.signer.countersigners.iter().for_each(|counter| ask(counter, Use::Sign, options.at));
    }
    context.pool.stamps().for_each(|stamp| ask(&stamp.signer, Use::Timestamp, options.at));
    if let Some(stamp) = &facts.timestamp {
        let at = stamp.token.as_ref().filter(|_| !options.at_given).map_or(options.at, |token| token.time);
        ask(&stamp.signer, Use::Timestamp, at);
    }
    needs
}

/// The same for one certificate's path.
pub fn path_needs(result: &PathResult) -> Vec<Need> {
    let mut needs = Vec::new();
    for (position, certificate) in result.path.iter().enumerate() {
        if matches!(result.revocation.get(position), Some(fact) if matches!(fact.status, path::Status::Unknown(_))) {
            add(&mut needs, certificate, result.path.get(position.saturating_add(1)));
        }
    }
    if result.anchor().is_none()
        && let Some(last) = result.path.last()
    {
        push(&mut needs, last.issuer_urls().map(|url| Need::Issuer { url: url.into() }));
    }
    needs
}

fn add(needs: &mut Vec<Need>, certificate: &Certificate, issuer: Option<&Certificate>) {
    if let Some((issuer, key)) = issuer.and_then(|issuer| Some((issuer, issuer.public_key().ok()?))) {
        // SHA-1 is what every responder indexes by (RFC 5019 §2.1.1 demands it of light clients).
        let id = ocsp::cert_id(Hash::Sha1, issuer.subject(), key, certificate.serial());
        let request = ocsp::request(&[id], &[]);
        push(needs, certificate.ocsp_urls().map(|url| Need::Ocsp { url: url.into(), request: request.clone() }));
    }
    push(needs, certificate.crl_urls().map(|url| Need::Crl { url: url.into() }));
}

fn push(needs: &mut Vec<Need>, more: impl Iterator<Item = Need>) {
    for need in more.filter(|need| need.url().starts_with("http://") || need.url().starts_with("https://")) {
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
}
