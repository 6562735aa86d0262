//! What the time-stamps prove, the latest first: each that passes proves its objects, earlier tokens and their material among
//! them, which then may stand although their authorities have ended since (EN 319 102-1 §5.6.2.3, §5.6.3.4).

use super::{
    Context,
    evidence::Kept,
    poe::{Id, Poes, Proof},
    policy::hash_ended,
    signature::judge_document_timestamp,
    token::{self, JudgedToken},
    verdict::SignatureVerdict,
};
use crate::{
    doc::facts::{CertificateReference, Facts, Imprint, SignatureFacts, SignatureKind, SignerFacts, TimestampFacts, TimestampKind},
    moment::Moment,
};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// What came of one entry's tokens.
pub(super) enum Entry {
    /// A signature or seal: its time-stamps in their order.
    Signature(Vec<JudgedToken>),
    /// A document time-stamp.
    Document(Box<(SignatureVerdict, JudgedToken)>),
}

/// Everything proven in a document.
pub(super) struct Proofs {
    pub poes: Poes,
    /// One for each entry.
    pub entries: Vec<Entry>,
    /// Tokens from the evidence that stand on the document or on its material.
    pub kept: Vec<JudgedToken>,
    /// What the tokens that passed cover.
    covers: Vec<HashSet<Id>>,
    /// Objects under a token that says to be older than another one it covers.
    contradicted: HashSet<Id>,
}

/// A token that passed.
struct Span {
    id: Id,
    covers: Vec<Id>,
    earliest: Moment,
    latest: Moment,
}

impl Proofs {
    /// Whether a token that covers the object is said to be older than another that it covers too.
    pub fn contradicted(&self, object: &Id) -> bool {
        self.contradicted.contains(object)
    }

    /// Whether one token that passed covers all of these.
    pub fn cover(&self, objects: &[Id]) -> bool {
        self.covers.iter().any(|covers| objects.iter().all(|object| covers.contains(object)))
    }
}

/// The objects under tokens whose order cannot be.
fn contradictions(spans: &[Span]) -> HashSet<Id> {
    let begins: HashMap<Id, Moment> = spans.iter().map(|span| (span.id, span.earliest)).collect();
    let wrong = |outer: &&Span| {
        let mut inner = outer.covers.iter().filter(|id| **id != outer.id).filter_map(|id| begins.get(id));
        inner.any(|earliest| outer.latest < *earliest)
    };
    spans.iter().filter(wrong).flat_map(|outer| outer.covers.iter().copied()).collect()
}

/// Where a token stands.
#[derive(Clone, Copy)]
enum Place {
    /// The entry, and the position among its time-stamps; `None` is a document time-stamp.
    Entry(usize, Option<usize>),
    /// In the evidence.
    Kept(usize),
}

struct Item<'a> {
    place: Place,
    covers: Vec<Id>,
    id: Id,
    earliest: Moment,
    latest: Moment,
    facts: Option<&'a TimestampFacts>,
}

/// Judges every token.
pub(super) fn collect(context: &Context<'_>, facts: &Facts, kept: &[Kept]) -> Proofs {
    let mut poes = Poes::default();
    for (id, at) in context.evidence.first_seen.iter().filter(|(_, at)| *at <= context.options.at) {
        let proof = Proof { time: *at, latest: *at, source: "archive" };
        poes.add(*id, proof);
        if *id == facts.sha256 {
            context.pool.whole_document(facts).iter().for_each(|id| poes.add(*id, proof));
        }
    }
    let mut items = items(facts, kept);
    items.sort_by_key(|item| (std::cmp::Reverse((item.latest, item.covers.len())), item.id));
    let slots = |entry: &SignatureFacts| vec![None::<JudgedToken>; entry.signer.timestamps.len()];
    let mut judged: Vec<Vec<Option<JudgedToken>>> = facts.signatures.iter().map(slots).collect();
    let mut documents: Vec<Option<Box<(SignatureVerdict, JudgedToken)>>> = vec![None; facts.signatures.len()];
    let mut kept_judged: Vec<Option<JudgedToken>> = vec![None; kept.len()];
    let mut spans = Vec::new();
    for item in items {
        let (token, matches) = match (item.place, item.facts) {
            (Place::Entry(at, None), _) => {
                let Some(entry) = facts.signatures.get(at) else { continue };
                let judged = judge_document_timestamp(context, &poes, entry);
                let token = judged.1.clone();
                if let Some(slot) = documents.get_mut(at) {
                    *slot = Some(Box::new(judged));
                }
                (token, matches(entry.token.as_ref().map(|token| token.imprint)))
            }
            (Place::Entry(at, Some(position)), Some(stamp)) => {
                let id = facts.signatures.get(at).map(|entry| entry.id.as_str());
                let token = token::judge(context, &poes, id, stamp, false);
                if let Some(slot) = judged.get_mut(at).and_then(|slots| slots.get_mut(position)) {
                    *slot = Some(token.clone());
                }
                (token, matches(stamp.token.as_ref().map(|token| token.imprint)))
            }
            (Place::Kept(position), Some(stamp)) => {
                let token = token::judge(context, &poes, None, stamp, false);
                if let Some(slot) = kept_judged.get_mut(position) {
                    *slot = Some(token.clone());
                }
                let list = kept.get(position).and_then(|kept| kept.list);
                // When its digest ended, only a renewal that covers the list still ties the token to its members (RFC 4998 §5.3).
                let tied = list.is_none_or(|(list, hash)| hash_ended(hash).is_none_or(|ended| poes.by(&list, context.options.at) < ended));
                (token, tied && matches(stamp.token.as_ref().map(|token| token.imprint)))
            }
            _ => continue,
        };
        let proof = token.proof.filter(|_| matches);
        if let Some(proof) = proof {
            let mut item = item;
            keep_tied(context, &poes, facts, &mut item);
            item.covers.iter().for_each(|id| poes.add(*id, proof));
            spans.push(Span { id: item.id, covers: item.covers, earliest: item.earliest, latest: item.latest });
        }
    }
    let entries = judged.into_iter().zip(documents).map(|(tokens, document)| match document {
        Some(document) => Entry::Document(document),
        None => Entry::Signature(tokens.into_iter().flatten().collect()),
    });
    let contradicted = contradictions(&spans);
    let covers = spans.into_iter().map(|span| span.covers.into_iter().collect()).collect();
    Proofs { poes, entries: entries.collect(), kept: kept_judged.into_iter().flatten().collect(), covers, contradicted }
}

/// Leaves out what an archive time-stamp names by a digest that ended since, unless a later proof shows that the object existed
/// before: anything could have been made to fit afterwards (EN 319 122-1 §5.5.2, EN 319 102-1 §5.6.2.3).
fn keep_tied(context: &Context<'_>, poes: &Poes, facts: &Facts, item: &mut Item<'_>) {
    let index = item.facts.and_then(|stamp| stamp.token.as_ref()?.index_digest);
    let (Some(ended), Place::Entry(at, _)) = (index.and_then(hash_ended), item.place) else { return };
    // What the imprint itself stands on.
    let signer = facts.signatures.get(at).map(|entry| &entry.signer);
    let value = signer.map(|signer| signer.signature_value_sha256);
    let certificate = signer.and_then(|signer| match signer.certificate_reference {
        CertificateReference::Matches(_) => signer.certificate.as_ref().map(|certificate| certificate.fingerprint_sha256()),
        _ => None,
    });
    item.covers.retain(|id| Some(*id) == value || Some(*id) == certificate || poes.by(id, context.options.at) < ended);
}

fn matches(imprint: Option<Imprint>) -> bool {
    imprint == Some(Imprint::Matches)
}

fn items<'a>(facts: &'a Facts, kept: &'a [Kept]) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for (at, entry) in facts.signatures.iter().enumerate() {
        if entry.kind == SignatureKind::DocumentTimestamp {
            let covers = covered_by_document(facts, entry);
            items.push(item(Place::Entry(at, None), entry.token.as_ref(), covers, None));
        }
        for (position, stamp) in entry.signer.timestamps.iter().enumerate() {
            items.push(item(Place::Entry(at, Some(position)), stamp.token.as_ref(), covered(&entry.signer, stamp), Some(stamp)));
        }
    }
    for (position, Kept { stamp, .. }) in kept.iter().enumerate() {
        let covers = stamp.token.as_ref().map(|token| token.covers.clone()).unwrap_or_default();
        items.push(item(Place::Kept(position), stamp.token.as_ref(), covers, Some(stamp)));
    }
    items
}

fn item<'a>(place: Place, token: Option<&crate::doc::facts::TokenFacts>, covers: Vec<Id>, facts: Option<&'a TimestampFacts>) -> Item<'a> {
    let time = token.map_or(Moment::from_millis(i64::MIN), |token| token.time);
    let accuracy = token.and_then(|token| token.accuracy).unwrap_or(Duration::ZERO);
    Item {
        place,
        covers,
        id: token.map(|token| token.id).unwrap_or_default(),
        earliest: time.minus(accuracy),
        latest: time.plus(accuracy),
        facts,
    }
}

/// What a time-stamp in a signature proves: the signature it stands on and, through the signing-certificate attribute, the signer's
/// certificate; what else its imprint covers, the reader says.
fn covered(signer: &SignerFacts, stamp: &TimestampFacts) -> Vec<Id> {
    let mut covers = stamp.token.as_ref().map(|token| token.covers.clone()).unwrap_or_default();
    if stamp.kind != TimestampKind::Content {
        covers.push(signer.signature_value_sha256);
        if let (CertificateReference::Matches(_), Some(certificate)) = (signer.certificate_reference, &signer.certificate) {
            covers.push(certificate.fingerprint_sha256());
        }
    }
    covers
}

/// What a document time-stamp proves: all signatures that end before it with what they hold, and the security store as it was.
fn covered_by_document(facts: &Facts, stamp: &SignatureFacts) -> Vec<Id> {
    let mut covers = stamp.token.as_ref().map(|token| token.covers.clone()).unwrap_or_default();
    for earlier in facts.signatures.iter().filter(|entry| entry.end > 0 && entry.end < stamp.end) {
        whole(&earlier.signer, &mut covers);
        covers.extend(earlier.token.iter().map(|token| token.id));
    }
    covers
}

/// A signature with everything it holds.
pub(super) fn whole(signer: &SignerFacts, covers: &mut Vec<Id>) {
    covers.push(signer.signature_value_sha256);
    covers.extend(&signer.carried);
    for stamp in &signer.timestamps {
        covers.extend(stamp.token.as_ref().map(|token| token.id));
        covers.extend(&stamp.signer.carried);
    }
    if let (CertificateReference::Matches(_), Some(certificate)) = (signer.certificate_reference, &signer.certificate) {
        covers.push(certificate.fingerprint_sha256());
    }
    signer.countersigners.iter().for_each(|counter| whole(counter, covers));
}
