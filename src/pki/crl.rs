//! Certificate revocation lists (RFC 5280 §5): complete, delta, indirect, partitioned.
//!
//! The list is read once, in time n·log n, into a table sorted by serial number; nothing is re-encoded.

use super::{
    certificate::Certificate,
    extensions::{AuthorityKeyId, DistributionPointName, Reasons, authority_key_id, boolean, names, oid, point_name, reasons},
    general_name::GeneralName,
    name::Name,
    revocation::{Reason, minimal_integer},
    signed_data::read_oid,
    timestamp::asn1_time,
    tlv::{Reader, Tlv, TlvError, tag},
};
use crate::{
    crypto::{Oid, PublicKey, SignatureAlgorithm, VerifyError, verify_lasting},
    moment::Moment,
};
use std::{collections::BTreeSet, fmt, ops::Range, sync::Arc};

/// Most entries one list may have.
pub const MAX_ENTRIES: usize = 20_000_000;

/// issuingDistributionPoint (RFC 5280 §5.2.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssuingDistributionPoint {
    /// Which distribution point this list serves.
    pub name: Option<DistributionPointName>,
    /// Only end-entity certificates.
    pub only_user: bool,
    /// Only authority certificates.
    pub only_ca: bool,
    /// Only these reasons.
    pub only_reasons: Option<Reasons>,
    /// Entries may name other issuers.
    pub indirect: bool,
    /// Only attribute certificates.
    pub only_attribute: bool,
}

/// One revoked certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// When it was revoked.
    pub at: Moment,
    /// Why.
    pub reason: Reason,
    /// When the key was lost, as far as known; never later than `at` in a sound list.
    pub invalid_since: Option<Moment>,
}

struct Entry {
    serial: Range<usize>,
    revoked: Revoked,
    /// Index into the certificate issuers of an indirect list; `None` is the list's own issuer.
    issuer: Option<usize>,
}

/// A certificate revocation list. Cheap to clone.
#[derive(Clone)]
pub struct Crl(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    tbs: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
    issuer: Name,
    this_update: Moment,
    next_update: Option<Moment>,
    entries: Vec<Entry>,
    issuers: Vec<Vec<GeneralName>>,
    number: Option<Vec<u8>>,
    delta_base: Option<Vec<u8>>,
    distribution_point: Option<IssuingDistributionPoint>,
    authority_key_id: Option<AuthorityKeyId>,
    defects: Vec<String>,
    irregular: bool,
}

impl Crl {
    /// Reads a list that fills `der`.
    pub fn from_der(der: &[u8]) -> Result<Self, TlvError> {
        let outer = Tlv::parse(der)?.expect(tag::SEQUENCE)?;
        if outer.indefinite {
            return Err(TlvError::Unexpected);
        }
        let mut parts = outer.children();
        let tbs = parts.expect(tag::SEQUENCE)?;
        let algorithm = parts.expect(tag::SEQUENCE)?;
        let (unused, signature) = parts.expect(tag::BIT_STRING)?.bits()?;
        parts.end()?;
        if tbs.indefinite {
            return Err(TlvError::Unexpected);
        }
        let tbs_start = der.len().saturating_sub(outer.value.len());
        let tbs_end = tbs_start.saturating_add(tbs.raw.len());

        let mut defects = Vec::new();
        if unused != 0 {
            defects.push("the signature does not end at a whole octet".into());
        }
        let mut fields = tbs.children();
        let version = fields.optional(tag::INTEGER)?.map(|version| version.small_integer()).transpose()?;
        let inner_algorithm = fields.expect(tag::SEQUENCE)?;
        if inner_algorithm.raw != algorithm.raw {
            defects.push("the two signature algorithm fields differ".into());
        }
        let issuer = Name::from_der(fields.expect(tag::SEQUENCE)?.raw)?;
        let this_update = asn1_time(fields.read()?)?;
        let next_update = match fields.rest().first() {
            Some(&(tag::UTC_TIME | tag::GENERALIZED_TIME)) => Some(asn1_time(fields.read()?)?),
            _ => None,
        };
        let revoked = fields.optional(tag::SEQUENCE)?;
        let after_entries = tbs_end.saturating_sub(fields.rest().len());
        let mut list = Entries { defects: &mut defects, entries: Vec::new(), issuers: Vec::new() };
        if let Some(revoked) = revoked {
            list.read(revoked.value, after_entries.saturating_sub(revoked.value.len()))?;
        }
        let (mut entries, issuers) = (list.entries, list.issuers);
        let serial = |entry: &Entry| minimal_integer(der.get(entry.serial.clone()).unwrap_or_default());
        entries.sort_by(|a, b| serial(a).cmp(serial(b)));

        let twice = entries.windows(2).any(|pair| matches!(pair, [a, b] if a.issuer == b.issuer && serial(a) == serial(b)));

        let mut inner = Inner {
            irregular: twice,
            tbs: tbs_start..tbs_end,
            algorithm: tbs_end..tbs_end.saturating_add(algorithm.raw.len()),
            signature: der.len().saturating_sub(signature.len())..der.len(),
            issuer,
            this_update,
            next_update,
            entries,
            issuers,
            number: None,
            delta_base: None,
            distribution_point: None,
            authority_key_id: None,
            defects,
            der: Vec::new(),
        };
        if let Some(extensions) = fields.optional(0xa0)? {
            if version != Some(1) {
                inner.defects.push("extensions need version 2".into());
            }
            inner.read_extensions(&extensions.inner()?.expect(tag::SEQUENCE)?)?;
        }
        fields.end()?;
        inner.irregular |= inner.number.is_none();
        inner.der = der.to_vec();
        Ok(Self(Arc::new(inner)))
    }

    /// The whole list as stored.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.0.der.get(range.clone()).unwrap_or_default()
    }

    /// TBSCertList as stored.
    pub fn tbs(&self) -> &[u8] {
        self.slice(&self.0.tbs)
    }

    /// The signature's AlgorithmIdentifier as stored.
    pub fn signature_algorithm_der(&self) -> &[u8] {
        self.slice(&self.0.algorithm)
    }

    /// Who signed the list.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// As of when.
    pub fn this_update(&self) -> Moment {
        self.0.this_update
    }

    /// When a newer list is due at the latest.
    pub fn next_update(&self) -> Option<Moment> {
        self.0.next_update
    }

    /// cRLNumber, shortest contents octets.
    pub fn number(&self) -> Option<&[u8]> {
        self.0.number.as_deref().map(minimal_integer)
    }

    /// BaseCRLNumber of a delta list, shortest contents octets.
    pub fn delta_base(&self) -> Option<&[u8]> {
        self.0.delta_base.as_deref().map(minimal_integer)
    }

    /// Whether the list tells only what changed since another.
    pub fn is_delta(&self) -> bool {
        self.0.delta_base.is_some()
    }

    /// issuingDistributionPoint.
    pub fn distribution_point(&self) -> Option<&IssuingDistributionPoint> {
        self.0.distribution_point.as_ref()
    }

    /// authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&AuthorityKeyId> {
        self.0.authority_key_id.as_ref()
    }

    /// Reasons not to use the list at all (RFC 5280 §5.2, §5.3: critical extensions not understood, malformed ones).
    pub fn defects(&self) -> &[String] {
        &self.0.defects
    }

    /// Whether the list breaks a rule that issuers must keep and that does not change what it says: no cRLNumber or a
    /// critical one (RFC 5280 §5.2.3), a certificate that stands twice.
    pub fn is_irregular(&self) -> bool {
        self.0.irregular
    }

    /// How many entries the list has.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The entry for a certificate, by its serial number and issuer; of several the latest written (the last) counts.
    pub fn find(&self, certificate: &Certificate) -> Option<Revoked> {
        self.find_serial(certificate.serial(), certificate.issuer())
    }

    /// The entry for a serial number of an issuer.
    pub fn find_serial(&self, serial: &[u8], issuer: &Name) -> Option<Revoked> {
        let wanted = minimal_integer(serial);
        let of = |entry: &Entry| minimal_integer(self.slice(&entry.serial));
        let start = self.0.entries.partition_point(|entry| of(entry) < wanted);
        let same = self.0.entries.get(start..)?.iter().take_while(|entry| of(entry) == wanted);
        same.filter(|entry| self.names(entry, issuer)).last().map(|entry| entry.revoked)
    }

    fn names(&self, entry: &Entry, issuer: &Name) -> bool {
        match entry.issuer.and_then(|at| self.0.issuers.get(at)) {
            None => self.issuer() == issuer,
            Some(names) => names.iter().any(|name| matches!(name, GeneralName::Directory(name) if name == issuer)),
        }
    }

    /// Verifies the signature over the bytes as stored.
    pub fn verify_signed_by(&self, key: &PublicKey) -> Result<SignatureAlgorithm, VerifyError> {
        let algorithm = SignatureAlgorithm::from_der(self.signature_algorithm_der(), None, key)?;
        verify_lasting(key, &algorithm, self.tbs(), self.slice(&self.0.signature))?;
        Ok(algorithm)
    }
}

impl PartialEq for Crl {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Crl {}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({} entries as of {})", self.len(), self.this_update())
    }
}

/// Reads an Extension: type, criticality, contents.
pub(super) fn extension<'a>(value: &Tlv<'a>) -> Result<(Oid, bool, &'a [u8]), TlvError> {
    let mut parts = value.expect(tag::SEQUENCE)?.children();
    let oid = read_oid(parts.read()?)?;
    let critical = parts.optional(tag::BOOLEAN)?.map_or(Ok(false), |flag| boolean(&flag))?;
    let contents = parts.expect(tag::OCTET_STRING)?.value;
    parts.end()?;
    Ok((oid, critical, contents))
}

impl Inner {
    fn read_extensions(&mut self, list: &Tlv<'_>) -> Result<(), TlvError> {
        let mut seen = BTreeSet::new();
        for value in list.children() {
            let (oid, critical, contents) = extension(&value?)?;
            if !seen.insert(oid) {
                self.defects.push(format!("extension {oid} stands twice"));
            }
            let read = match oid {
                oid::CRL_NUMBER => {
                    self.irregular |= critical;
                    integer(contents).map(|number| self.number = Some(number))
                }
                oid::DELTA_CRL => integer(contents).map(|number| self.delta_base = Some(number)),
                oid::AUTHORITY_KEY_ID => authority_key_id(contents).map(|id| self.authority_key_id = Some(id)),
                oid::ISSUING_DISTRIBUTION_POINT => distribution_point(contents).map(|point| self.distribution_point = Some(point)),
                oid::ISSUER_ALT_NAME | oid::FRESHEST_CRL | oid::AUTHORITY_INFO_ACCESS => Ok(()),
                _ if critical => {
                    self.defects.push(format!("critical extension {oid} is not understood"));
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err(error) = read {
                self.defects.push(format!("extension {oid} cannot be read: {error}"));
            }
        }
        Ok(())
    }
}

fn integer(contents: &[u8]) -> Result<Vec<u8>, TlvError> {
    let number = Tlv::parse(contents)?.expect(tag::INTEGER)?.value;
    if number.first().is_none_or(|first| first & 0x80 != 0) { Err(TlvError::Contents) } else { Ok(number.to_vec()) }
}

fn distribution_point(contents: &[u8]) -> Result<IssuingDistributionPoint, TlvError> {
    let mut fields = Tlv::parse(contents)?.expect(tag::SEQUENCE)?.children();
    let name = fields.optional(0xa0)?.map(|name| point_name(&name)).transpose()?;
    let flag = |fields: &mut Reader<'_>, tag: u8| fields.optional(tag)?.map_or(Ok(false), |flag| boolean(&flag));
    let only_user = flag(&mut fields, 0x81)?;
    let only_ca = flag(&mut fields, 0x82)?;
    let only_reasons = fields.optional(0x83)?.map(|flags| reasons(&flags)).transpose()?;
    let indirect = flag(&mut fields, 0x84)?;
    let only_attribute = flag(&mut fields, 0x85)?;
    fields.end()?;
    Ok(IssuingDistributionPoint { name, only_user, only_ca, only_reasons, indirect, only_attribute })
}

/// revokedCertificates in the reading.
struct Entries<'d> {
    defects: &'d mut Vec<String>,
    entries: Vec<Entry>,
    issuers: Vec<Vec<GeneralName>>,
}

impl Entries<'_> {
    /// `start` is the offset of `contents` in the whole list.
    fn read(&mut self, contents: &[u8], start: usize) -> Result<(), TlvError> {
        let mut reader = Reader::new(contents);
        // RFC 5280 §5.3.3: an entry without certificateIssuer has the issuer of the entry before it.
        let mut issuer = None;
        while !reader.is_empty() {
            let entry = reader.expect(tag::SEQUENCE)?;
            let entry_end = start.saturating_add(contents.len().saturating_sub(reader.rest().len()));
            let mut fields = entry.children();
            let serial = fields.expect(tag::INTEGER)?.value;
            let serial_end = entry_end.saturating_sub(fields.rest().len());
            let at = asn1_time(fields.read()?)?;
            let mut revoked = Revoked { at, reason: Reason::Unspecified, invalid_since: None };
            if let Some(extensions) = fields.optional(tag::SEQUENCE)? {
                for value in extensions.children() {
                    let (oid, critical, contents) = extension(&value?)?;
                    match oid {
                        oid::REASON_CODE => {
                            let number = Tlv::parse(contents)?.expect(tag::ENUMERATED)?.small_integer()?;
                            revoked.reason = Reason::from_number(u8::try_from(number).unwrap_or(0));
                        }
                        oid::INVALIDITY_DATE => revoked.invalid_since = asn1_time(Tlv::parse(contents)?).ok(),
                        oid::CERTIFICATE_ISSUER => {
                            self.issuers.push(names(contents)?);
                            issuer = self.issuers.len().checked_sub(1);
                        }
                        _ if critical && self.defects.len() < 16 => {
                            self.defects.push(format!("critical entry extension {oid} is not understood"));
                        }
                        _ => {}
                    }
                }
            }
            fields.end()?;
            self.entries.push(Entry { serial: serial_end.saturating_sub(serial.len())..serial_end, revoked, issuer });
            if self.entries.len() > MAX_ENTRIES {
                return Err(TlvError::Length);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = Crl::from_der(&bytes);
        }
    }
}
