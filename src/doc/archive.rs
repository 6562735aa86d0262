//! Archive time-stamps of CAdES (ETSI EN 319 122-1 §5.5.3): what the imprint of `archive-timestamp-v3` stands on, and which
//! objects that proves.

use super::{
    cms::Message,
    facts::{Id, Imprint},
    signer::{held_ids, id_of},
};
use crate::{
    crypto::Hash,
    pki::{
        signed_data::{Attributes, SignedData, SignerInfo, algorithm_oid, oid},
        tlv::{Tlv, TlvError, tag},
    },
};

/// The index in the token's `ats-hash-index` attribute: digests of what the time-stamp covers.
struct HashIndex<'a> {
    /// As stored: it is itself part of the imprint.
    raw: &'a [u8],
    hash: Hash,
    certificates: Vec<&'a [u8]>,
    revocations: Vec<&'a [u8]>,
    attributes: Vec<&'a [u8]>,
    /// Whether attributes stand in it value by value (v3) or whole (the first form).
    by_value: bool,
}

/// Compares the token's imprint with the signature that it stands in; the objects that it covers, and the digest of the index
/// through which it covers them.
pub(super) fn compare(
    frame: &SignedData<'_>,
    info: &SignerInfo<'_>,
    message: &Message<'_>,
    token: &SignedData<'_>,
    imprint: (Option<Hash>, &[u8]),
) -> (Imprint, Vec<Id>, Option<Hash>) {
    let (Some(hash), expected) = imprint else { return (Imprint::Unsupported, Vec::new(), None) };
    let attributes = token.signers.first().and_then(|signer| signer.unsigned.as_ref());
    let Some(index) = attributes.and_then(|attributes| HashIndex::read(attributes).ok().flatten()) else {
        return (Imprint::Differs, Vec::new(), None);
    };
    let Ok(Some(content)) = message.digest(hash) else { return (Imprint::ContentMissing, Vec::new(), None) };
    let Some(covers) = index.covers(frame, info) else { return (Imprint::Differs, Vec::new(), None) };
    let mut hasher = hash.hasher();
    for part in [frame.content_type_raw, &content, info.core, index.raw] {
        hasher.update(part);
    }
    if hasher.finish() == expected { (Imprint::Matches, covers, Some(index.hash)) } else { (Imprint::Differs, Vec::new(), None) }
}

impl<'a> HashIndex<'a> {
    /// `None` if there is none, or only one under an algorithm that is not supported.
    fn read(attributes: &Attributes<'a>) -> Result<Option<Self>, TlvError> {
        for (name, by_value) in [(oid::ATS_HASH_INDEX_V3, true), (oid::ATS_HASH_INDEX_V2, true), (oid::ATS_HASH_INDEX, false)] {
            let Ok(Some(value)) = attributes.single(name) else { continue };
            let mut fields = value.expect(tag::SEQUENCE)?.children();
            let first = fields.read()?;
            // The first forms leave the algorithm out where it is SHA-256: then a list of digests stands there already.
            let named = algorithm_oid(first.raw);
            let (hash, certificates) = match named {
                Some(algorithm) => (Hash::from_oid(&algorithm), fields.expect(tag::SEQUENCE)?),
                None => (Some(Hash::Sha256), first),
            };
            let (revocations, attributes) = (fields.expect(tag::SEQUENCE)?, fields.expect(tag::SEQUENCE)?);
            fields.end()?;
            let Some(hash) = hash else { continue };
            return Ok(Some(Self {
                raw: value.raw,
                hash,
                certificates: digests(certificates)?,
                revocations: digests(revocations)?,
                attributes: digests(attributes)?,
                by_value,
            }));
        }
        Ok(None)
    }

    /// What the index names, all of which must be there (§5.5.2): SHA-256 of the objects.
    fn covers(&self, frame: &SignedData<'_>, info: &SignerInfo<'_>) -> Option<Vec<Id>> {
        let mut covers = vec![id_of(&info.signature)];
        let mut named = Named::new(self.hash, &self.certificates);
        for certificate in frame.certificate_items.iter().filter(|item| named.take(&[item])) {
            covers.push(id_of(certificate));
        }
        named.all_found()?;
        let mut named = Named::new(self.hash, &self.revocations);
        for item in frame.revocation_items.iter().filter(|item| named.take(&[item])) {
            covers.push(id_of(item));
            // RFC 5940: the response stands inside.
            let inner = Tlv::parse(item).ok().filter(|item| item.tag == tag::context(1));
            covers.extend(inner.and_then(|item| item.children().nth(1)?.ok()).map(|value| id_of(value.raw)));
        }
        named.all_found()?;
        let mut named = Named::new(self.hash, &self.attributes);
        for attribute in info.unsigned.iter().flat_map(|unsigned| &unsigned.list) {
            if !self.by_value {
                if named.take(&[attribute.raw]) {
                    attribute.values.iter().for_each(|value| covers.extend(held_ids(attribute.oid, *value)));
                }
                continue;
            }
            for value in attribute.values.iter().filter(|value| named.take(&[attribute.oid_raw, value.raw])) {
                covers.extend(held_ids(attribute.oid, *value));
            }
        }
        named.all_found()?;
        Some(covers)
    }
}

/// Most digests that one list of an index may hold.
const MAX_DIGESTS: usize = 2_048;

fn digests(list: Tlv<'_>) -> Result<Vec<&[u8]>, TlvError> {
    if list.children().take(MAX_DIGESTS + 1).count() > MAX_DIGESTS {
        return Err(TlvError::Length);
    }
    list.children().map(|digest| Ok(digest?.expect(tag::OCTET_STRING)?.value)).collect()
}

/// The digests of one list, each to be found.
struct Named<'a> {
    hash: Hash,
    open: Vec<(&'a [u8], bool)>,
}

impl<'a> Named<'a> {
    fn new(hash: Hash, digests: &[&'a [u8]]) -> Self {
        Self { hash, open: digests.iter().map(|digest| (*digest, false)).collect() }
    }

    /// Whether the octets, joined, are named.
    fn take(&mut self, parts: &[&[u8]]) -> bool {
        let mut hasher = self.hash.hasher();
        parts.iter().for_each(|part| hasher.update(part));
        let digest = hasher.finish();
        let mut found = false;
        for (_, seen) in self.open.iter_mut().filter(|(wanted, _)| *wanted == digest) {
            *seen = true;
            found = true;
        }
        found
    }

    fn all_found(&self) -> Option<()> {
        self.open.iter().all(|(_, seen)| *seen).then_some(())
    }
}
