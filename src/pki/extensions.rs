//! Certificate extensions (RFC 5280 §4.2, GB/T 20518): every one as stored, the known ones read.
//!
//! The readers tolerate what real authorities write (BOOLEANs that repeat a default, key-usage bits that are not trimmed)
//! and refuse what changes the meaning. A known extension that cannot be read makes the certificate unfit for a path, not
//! unreadable: people still want to see who it names.

use super::{
    general_name::{GeneralName, MAX_NAMES},
    signed_data::read_oid,
    tlv::{Reader, Tlv, TlvError, tag},
};
use crate::crypto::Oid;
use std::collections::BTreeSet;

/// Object identifiers of extensions, purposes and access methods.
pub mod oid {
    #![allow(missing_docs)]
    use crate::crypto::Oid;

    pub const SUBJECT_KEY_ID: Oid = Oid::new_unwrap("2.5.29.14");
    pub const KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.15");
    pub const SUBJECT_ALT_NAME: Oid = Oid::new_unwrap("2.5.29.17");
    pub const ISSUER_ALT_NAME: Oid = Oid::new_unwrap("2.5.29.18");
    pub const BASIC_CONSTRAINTS: Oid = Oid::new_unwrap("2.5.29.19");
    pub const CRL_NUMBER: Oid = Oid::new_unwrap("2.5.29.20");
    pub const REASON_CODE: Oid = Oid::new_unwrap("2.5.29.21");
    pub const INVALIDITY_DATE: Oid = Oid::new_unwrap("2.5.29.24");
    pub const DELTA_CRL: Oid = Oid::new_unwrap("2.5.29.27");
    pub const ISSUING_DISTRIBUTION_POINT: Oid = Oid::new_unwrap("2.5.29.28");
    pub const CERTIFICATE_ISSUER: Oid = Oid::new_unwrap("2.5.29.29");
    pub const NAME_CONSTRAINTS: Oid = Oid::new_unwrap("2.5.29.30");
    pub const CRL_DISTRIBUTION_POINTS: Oid = Oid::new_unwrap("2.5.29.31");
    pub const CERTIFICATE_POLICIES: Oid = Oid::new_unwrap("2.5.29.32");
    pub const ANY_POLICY: Oid = Oid::new_unwrap("2.5.29.32.0");
    pub const POLICY_MAPPINGS: Oid = Oid::new_unwrap("2.5.29.33");
    pub const AUTHORITY_KEY_ID: Oid = Oid::new_unwrap("2.5.29.35");
    pub const POLICY_CONSTRAINTS: Oid = Oid::new_unwrap("2.5.29.36");
    pub const EXTENDED_KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.37");
    pub const FRESHEST_CRL: Oid = Oid::new_unwrap("2.5.29.46");
    pub const INHIBIT_ANY_POLICY: Oid = Oid::new_unwrap("2.5.29.54");
    pub const AUTHORITY_INFO_ACCESS: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.1.1");
    pub const SUBJECT_INFO_ACCESS: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.1.11");
    pub const OCSP_NO_CHECK: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.1.5");
    pub const ACCESS_OCSP: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.1");
    pub const ACCESS_CA_ISSUERS: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.2");
    pub const ARCHIVE_CUTOFF: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.1.6");
    pub const OCSP_NONCE: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.1.2");
    pub const ANY_PURPOSE: Oid = Oid::new_unwrap("2.5.29.37.0");
    pub const SERVER_AUTH: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.1");
    pub const CLIENT_AUTH: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.2");
    pub const EMAIL_PROTECTION: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.4");
    pub const TIME_STAMPING: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.8");
    pub const OCSP_SIGNING: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.9");
    /// GB/T 20518 identity extensions: personal number, insurance, business registration, organisation code, tax.
    pub const IDENTIFY_CODE: Oid = Oid::new_unwrap("1.2.156.10260.4.1.1");
    pub const INSURANCE_NUMBER: Oid = Oid::new_unwrap("1.2.156.10260.4.1.2");
    pub const IC_REGISTRATION: Oid = Oid::new_unwrap("1.2.156.10260.4.1.3");
    pub const ORGANISATION_CODE: Oid = Oid::new_unwrap("1.2.156.10260.4.1.4");
    pub const TAXATION_NUMBER: Oid = Oid::new_unwrap("1.2.156.10260.4.1.5");
}

/// One extension as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its type.
    pub oid: Oid,
    /// Whether whoever does not know it must refuse the certificate.
    pub critical: bool,
    /// Contents of extnValue.
    pub value: Vec<u8>,
}

/// keyUsage bits, numbered as in RFC 5280 §4.2.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyUsage(pub u16);

#[allow(missing_docs)]
impl KeyUsage {
    pub const DIGITAL_SIGNATURE: u8 = 0;
    pub const NON_REPUDIATION: u8 = 1;
    pub const KEY_ENCIPHERMENT: u8 = 2;
    pub const DATA_ENCIPHERMENT: u8 = 3;
    pub const KEY_AGREEMENT: u8 = 4;
    pub const KEY_CERT_SIGN: u8 = 5;
    pub const CRL_SIGN: u8 = 6;
    pub const ENCIPHER_ONLY: u8 = 7;
    pub const DECIPHER_ONLY: u8 = 8;

    /// Whether a bit is set.
    pub const fn has(self, bit: u8) -> bool {
        bit < 16 && self.0 >> bit & 1 == 1
    }

    /// Whether the key may sign documents or challenges: digitalSignature or nonRepudiation.
    pub const fn signs(self) -> bool {
        self.has(Self::DIGITAL_SIGNATURE) || self.has(Self::NON_REPUDIATION)
    }
}

/// basicConstraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BasicConstraints {
    /// Whether the subject is a certification authority.
    pub ca: bool,
    /// How many non-self-issued intermediates may follow.
    pub path_len: Option<u64>,
}

/// authorityKeyIdentifier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorityKeyId {
    /// The issuer's key identifier.
    pub key_id: Option<Vec<u8>>,
    /// The issuer's own issuer.
    pub issuer: Vec<GeneralName>,
    /// The issuer's serial number, contents octets.
    pub serial: Option<Vec<u8>>,
}

/// nameConstraints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameConstraints {
    /// Names must lie in one of these, form by form.
    pub permitted: Vec<GeneralName>,
    /// Names must lie in none of these.
    pub excluded: Vec<GeneralName>,
    /// A subtree carried minimum or maximum, which RFC 5280 forbids and nobody processes.
    pub has_distances: bool,
}

/// policyConstraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyConstraints {
    /// requireExplicitPolicy.
    pub require_explicit: Option<u64>,
    /// inhibitPolicyMapping.
    pub inhibit_mapping: Option<u64>,
}

/// Reasons of revocation as a set of ReasonFlags bits (RFC 5280 §4.2.1.13), bit 0 unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reasons(pub u16);

impl Reasons {
    /// Every reason: bits 1 to 8.
    pub const ALL: Self = Self(0x1fe);
}

/// Where a CRL is to be found, or what a CRL covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionPointName {
    /// fullName.
    Full(Vec<GeneralName>),
    /// nameRelativeToCRLIssuer: the contents octets of the relative name.
    Relative(Vec<u8>),
}

/// DistributionPoint (RFC 5280 §4.2.1.13).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DistributionPoint {
    /// Where.
    pub name: Option<DistributionPointName>,
    /// For which reasons; `None` is all.
    pub reasons: Option<Reasons>,
    /// Whose CRL, if not the certificate issuer's.
    pub crl_issuer: Vec<GeneralName>,
}

/// Everything read from the extensions of one certificate.
#[derive(Debug, Clone, Default)]
pub struct Extensions {
    /// As stored, in order.
    pub list: Vec<Extension>,
    /// Known extensions that cannot be read, types that stand twice, and the like: reasons to refuse a path.
    pub defects: Vec<String>,
    /// basicConstraints.
    pub basic_constraints: Option<BasicConstraints>,
    /// keyUsage.
    pub key_usage: Option<KeyUsage>,
    /// extKeyUsage.
    pub extended_key_usage: Option<Vec<Oid>>,
    /// subjectKeyIdentifier.
    pub subject_key_id: Option<Vec<u8>>,
    /// authorityKeyIdentifier.
    pub authority_key_id: Option<AuthorityKeyId>,
    /// subjectAltName.
    pub subject_alt_names: Option<Vec<GeneralName>>,
    /// nameConstraints.
    pub name_constraints: Option<NameConstraints>,
    /// certificatePolicies, without qualifiers.
    pub policies: Option<Vec<Oid>>,
    /// policyMappings: issuer's policy, subject's policy.
    pub policy_mappings: Option<Vec<(Oid, Oid)>>,
    /// policyConstraints.
    pub policy_constraints: Option<PolicyConstraints>,
    /// inhibitAnyPolicy.
    pub inhibit_any_policy: Option<u64>,
    /// cRLDistributionPoints.
    pub crl_distribution_points: Option<Vec<DistributionPoint>>,
    /// freshestCRL: where delta CRLs are.
    pub freshest_crl: Option<Vec<DistributionPoint>>,
    /// authorityInfoAccess: method and place.
    pub authority_info_access: Option<Vec<(Oid, GeneralName)>>,
    /// ocsp-nocheck is present.
    pub ocsp_no_check: bool,
}

/// Extension types a path validation here understands; any other that is critical refuses the certificate.
const UNDERSTOOD: [Oid; 24] = [
    oid::SUBJECT_KEY_ID,
    oid::KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::ISSUER_ALT_NAME,
    oid::BASIC_CONSTRAINTS,
    oid::NAME_CONSTRAINTS,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::AUTHORITY_KEY_ID,
    oid::POLICY_CONSTRAINTS,
    oid::EXTENDED_KEY_USAGE,
    oid::FRESHEST_CRL,
    oid::INHIBIT_ANY_POLICY,
    oid::AUTHORITY_INFO_ACCESS,
    oid::SUBJECT_INFO_ACCESS,
    oid::OCSP_NO_CHECK,
    oid::IDENTIFY_CODE,
    oid::INSURANCE_NUMBER,
    oid::IC_REGISTRATION,
    oid::ORGANISATION_CODE,
    oid::TAXATION_NUMBER,
    // 2.5.29.9 subjectDirectoryAttributes and 2.5.29.16 privateKeyUsagePeriod only inform.
    Oid::new_unwrap("2.5.29.9"),
    Oid::new_unwrap("2.5.29.16"),
];

impl Extensions {
    /// Adds one extension and reads it if it is known.
    pub(super) fn push(&mut self, extension: Extension, seen: &mut BTreeSet<Oid>) {
        // RFC 5280 §4.2: a certificate must not include more than one instance of a particular extension.
        if !seen.insert(extension.oid) {
            self.defects.push(format!("extension {} stands twice", extension.oid));
        } else if let Err(error) = self.read(&extension) {
            self.defects.push(format!("extension {} cannot be read: {error}", extension.oid));
        }
        self.list.push(extension);
    }

    /// The extension of a type, as stored.
    pub fn find(&self, oid: &Oid) -> Option<&Extension> {
        self.list.iter().find(|extension| extension.oid == *oid)
    }

    /// Critical extensions that nobody here understands (RFC 5280 §4.2: the certificate must then be rejected).
    pub fn unknown_critical(&self) -> impl Iterator<Item = &Oid> {
        self.list.iter().filter(|extension| extension.critical && !UNDERSTOOD.contains(&extension.oid)).map(|extension| &extension.oid)
    }

    fn read(&mut self, extension: &Extension) -> Result<(), TlvError> {
        let value = extension.value.as_slice();
        match extension.oid {
            oid::BASIC_CONSTRAINTS => self.basic_constraints = Some(basic_constraints(value)?),
            oid::KEY_USAGE => self.key_usage = Some(key_usage(value)?),
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage = Some(oids(value)?),
            oid::SUBJECT_KEY_ID => self.subject_key_id = Some(Tlv::parse(value)?.expect(tag::OCTET_STRING)?.value.to_vec()),
            oid::AUTHORITY_KEY_ID => self.authority_key_id = Some(authority_key_id(value)?),
            oid::SUBJECT_ALT_NAME => self.subject_alt_names = Some(names(value)?),
            oid::NAME_CONSTRAINTS => self.name_constraints = Some(name_constraints(value)?),
            oid::CERTIFICATE_POLICIES => self.policies = Some(policies(value)?),
            oid::POLICY_MAPPINGS => self.policy_mappings = Some(policy_mappings(value)?),
            oid::POLICY_CONSTRAINTS => self.policy_constraints = Some(policy_constraints(value)?),
            oid::INHIBIT_ANY_POLICY => self.inhibit_any_policy = Some(Tlv::parse(value)?.expect(tag::INTEGER)?.small_integer()?),
            oid::CRL_DISTRIBUTION_POINTS => self.crl_distribution_points = Some(distribution_points(value)?),
            oid::FRESHEST_CRL => self.freshest_crl = Some(distribution_points(value)?),
            oid::AUTHORITY_INFO_ACCESS => self.authority_info_access = Some(access(value)?),
            oid::OCSP_NO_CHECK => self.ocsp_no_check = true,
            _ => {}
        }
        Ok(())
    }
}

/// Members of a SEQUENCE that fills `value`; empty ones are refused where RFC 5280 says SIZE (1..MAX).
fn members(value: &[u8]) -> Result<Reader<'_>, TlvError> {
    let reader = Tlv::parse(value)?.expect(tag::SEQUENCE)?.children();
    if reader.is_empty() { Err(TlvError::Contents) } else { Ok(reader) }
}

pub(super) fn boolean(value: &Tlv<'_>) -> Result<bool, TlvError> {
    match value.value {
        [octet] => Ok(*octet != 0),
        _ => Err(TlvError::Contents),
    }
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, TlvError> {
    let mut fields = Tlv::parse(value)?.expect(tag::SEQUENCE)?.children();
    let ca = fields.optional(tag::BOOLEAN)?.map_or(Ok(false), |flag| boolean(&flag))?;
    let path_len = fields.optional(tag::INTEGER)?.map(|number| number.small_integer()).transpose()?;
    fields.end()?;
    Ok(BasicConstraints { ca, path_len })
}

/// A BIT STRING of named bits as a number whose bit n is the n-th named bit.
fn named_bits(value: &Tlv<'_>) -> Result<u16, TlvError> {
    let (unused, octets) = value.bits()?;
    let mut set = 0;
    for (at, octet) in octets.iter().enumerate().take(2) {
        set |= u16::from(octet.reverse_bits()) << (8 * at);
    }
    // Bits in the unused part do not count.
    let length = octets.len().saturating_mul(8).saturating_sub(usize::from(unused));
    Ok(if length >= 16 { set } else { set & ((1u16 << length) - 1) })
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, TlvError> {
    Ok(KeyUsage(named_bits(&Tlv::parse(value)?.expect(tag::BIT_STRING)?)?))
}

fn oids(value: &[u8]) -> Result<Vec<Oid>, TlvError> {
    members(value)?.map(|member| read_oid(member?)).collect()
}

/// GeneralNames in a SEQUENCE of its own.
pub(super) fn names(value: &[u8]) -> Result<Vec<GeneralName>, TlvError> {
    GeneralName::list(members(value)?)
}

pub(super) fn authority_key_id(value: &[u8]) -> Result<AuthorityKeyId, TlvError> {
    let mut fields = Tlv::parse(value)?.expect(tag::SEQUENCE)?.children();
    let key_id = fields.optional(0x80)?.map(|id| id.value.to_vec());
    let issuer = fields.optional(0xa1)?.map_or(Ok(Vec::new()), |names| GeneralName::list(names.children()))?;
    let serial = fields.optional(0x82)?.map(|serial| serial.value.to_vec());
    fields.end()?;
    Ok(AuthorityKeyId { key_id, issuer, serial })
}

fn name_constraints(value: &[u8]) -> Result<NameConstraints, TlvError> {
    let mut fields = members(value)?;
    let mut constraints = NameConstraints::default();
    for (tag, permitted) in [(0xa0, true), (0xa1, false)] {
        let Some(subtrees) = fields.optional(tag)? else { continue };
        if subtrees.value.is_empty() {
            return Err(TlvError::Contents);
        }
        for subtree in subtrees.children() {
            let mut parts = subtree?.expect(tag::SEQUENCE)?.children();
            let base = GeneralName::from_tlv(&parts.read()?)?;
            // minimum DEFAULT 0 may be written out; any other distance is not processed.
            let minimum = parts.optional(0x80)?.map_or(Ok(0), |minimum| minimum.small_integer())?;
            constraints.has_distances |= minimum != 0 || parts.optional(0x81)?.is_some();
            parts.end()?;
            let list = if permitted { &mut constraints.permitted } else { &mut constraints.excluded };
            list.push(base);
            if list.len() > MAX_NAMES {
                return Err(TlvError::Length);
            }
        }
    }
    fields.end()?;
    Ok(constraints)
}

fn policies(value: &[u8]) -> Result<Vec<Oid>, TlvError> {
    let mut seen = BTreeSet::new();
    let mut policies = Vec::new();
    for member in members(value)? {
        let policy = read_oid(member?.expect(tag::SEQUENCE)?.children().read()?)?;
        // RFC 5280 §4.2.1.4: a policy must not appear more than once.
        if !seen.insert(policy) {
            return Err(TlvError::Contents);
        }
        policies.push(policy);
    }
    Ok(policies)
}

fn policy_mappings(value: &[u8]) -> Result<Vec<(Oid, Oid)>, TlvError> {
    members(value)?
        .map(|member| {
            let mut pair = member?.expect(tag::SEQUENCE)?.children();
            let mapping = (read_oid(pair.read()?)?, read_oid(pair.read()?)?);
            pair.end()?;
            Ok(mapping)
        })
        .collect()
}

fn policy_constraints(value: &[u8]) -> Result<PolicyConstraints, TlvError> {
    let mut fields = Tlv::parse(value)?.expect(tag::SEQUENCE)?.children();
    let require_explicit = fields.optional(0x80)?.map(|number| number.small_integer()).transpose()?;
    let inhibit_mapping = fields.optional(0x81)?.map(|number| number.small_integer()).transpose()?;
    fields.end()?;
    // RFC 5280 §4.2.1.11: conforming authorities must not issue an empty one; it constrains nothing.
    Ok(PolicyConstraints { require_explicit, inhibit_mapping })
}

/// ReasonFlags.
pub(super) fn reasons(value: &Tlv<'_>) -> Result<Reasons, TlvError> {
    Ok(Reasons(named_bits(value)? & Reasons::ALL.0))
}

/// DistributionPointName inside its explicit tag.
pub(super) fn point_name(value: &Tlv<'_>) -> Result<DistributionPointName, TlvError> {
    let choice = value.inner()?;
    match choice.tag {
        0xa0 => Ok(DistributionPointName::Full(GeneralName::list(choice.children())?)),
        0xa1 => Ok(DistributionPointName::Relative(choice.value.to_vec())),
        _ => Err(TlvError::Unexpected),
    }
}

fn distribution_points(value: &[u8]) -> Result<Vec<DistributionPoint>, TlvError> {
    let mut points = Vec::new();
    for member in members(value)? {
        let mut fields = member?.expect(tag::SEQUENCE)?.children();
        let name = fields.optional(0xa0)?.map(|name| point_name(&name)).transpose()?;
        let reasons = fields.optional(0x81)?.map(|flags| reasons(&flags)).transpose()?;
        let crl_issuer = fields.optional(0xa2)?.map_or(Ok(Vec::new()), |names| GeneralName::list(names.children()))?;
        fields.end()?;
        points.push(DistributionPoint { name, reasons, crl_issuer });
    }
    Ok(points)
}

fn access(value: &[u8]) -> Result<Vec<(Oid, GeneralName)>, TlvError> {
    members(value)?
        .map(|member| {
            let mut pair = member?.expect(tag::SEQUENCE)?.children();
            let method = read_oid(pair.read()?)?;
            let place = GeneralName::from_tlv(&pair.read()?)?;
            pair.end()?;
            Ok((method, place))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_of_real_authorities() {
        // BasicConstraints with the default written out, and empty.
        assert_eq!(basic_constraints(&[0x30, 3, 1, 1, 0]), Ok(BasicConstraints { ca: false, path_len: None }));
        assert_eq!(basic_constraints(&[0x30, 0]), Ok(BasicConstraints::default()));
        assert_eq!(basic_constraints(&[0x30, 6, 1, 1, 0xff, 2, 1, 3]), Ok(BasicConstraints { ca: true, path_len: Some(3) }));
        // KeyUsage without trimmed bits.
        let usage = key_usage(&[3, 2, 0, 0xc0]).unwrap();
        assert!(usage.signs() && usage.has(KeyUsage::NON_REPUDIATION) && !usage.has(KeyUsage::KEY_ENCIPHERMENT));
        assert!(key_usage(&[3, 3, 7, 0, 0x80]).unwrap().has(KeyUsage::DECIPHER_ONLY));
    }

    #[test]
    fn a_negative_path_length_is_refused() {
        assert!(basic_constraints(&[0x30, 6, 1, 1, 0xff, 2, 1, 0xff]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120), which in 0usize..24) {
            let mut extensions = Extensions::default();
            let extension = Extension { oid: UNDERSTOOD[which], critical: false, value: bytes };
            extensions.push(extension.clone(), &mut BTreeSet::new());
            extensions.push(extension, &mut BTreeSet::new());
        }
    }
}
