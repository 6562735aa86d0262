//! Adding to a SignedData what stands outside its signatures: certificates, revocation data, unsigned attributes
//! (RFC 5652 section 5.1, RFC 5940), and what an archive time-stamp covers (ETSI EN 319 122-1 sections 5.5.2 and 5.5.3).
//!
//! Whatever stood there stays as it was stored, octet for octet; only the lengths around it are written anew.

use super::cms::attribute;
use super::encode::{algorithm, constructed, explicit, octet_string, oid, sequence, set_of, small_integer, tlv};
use crate::crypto::Hash;
use crate::pki::signed_data::{Dialect, SignedData, SignedDataError, oid as oids};
use crate::pki::tlv::{Tlv, TlvError, tag};

/// What to add.
#[derive(Debug, Clone, Default)]
pub struct Additions {
    /// Certificates, DER.
    pub certificates: Vec<Vec<u8>>,
    /// CRLs, DER.
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses, DER: whole or the basic response alone.
    pub ocsps: Vec<Vec<u8>>,
    /// Unsigned attributes, each with the position of its signer.
    pub unsigned: Vec<(usize, Vec<u8>)>,
}

/// The parts of a SignedData as stored.
struct Parts<'a> {
    dialect: Dialect,
    version: u64,
    digests: &'a [u8],
    content: &'a [u8],
    certificates: Vec<&'a [u8]>,
    revocations: Vec<&'a [u8]>,
    signers: Vec<Tlv<'a>>,
}

impl<'a> Parts<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, SignedDataError> {
        let mut outer = Tlv::split(message)?.0.expect(tag::SEQUENCE)?.children();
        let kind = crate::pki::signed_data::read_oid(outer.expect(tag::OID)?)?;
        let dialect = match kind {
            oids::SIGNED_DATA => Dialect::Cms,
            oids::GM_SIGNED_DATA => Dialect::Gm,
            other => return Err(SignedDataError::OtherType(other)),
        };
        let mut fields = outer.expect(tag::context(0))?.inner()?.expect(tag::SEQUENCE)?.children();
        let members = |set: Option<Tlv<'a>>| -> Result<Vec<&'a [u8]>, TlvError> {
            set.map_or(Ok(Vec::new()), |set| set.children().map(|member| Ok(member?.raw)).collect())
        };
        let version = fields.expect(tag::INTEGER)?.small_integer()?;
        let digests = fields.expect(tag::SET)?.raw;
        let content = fields.expect(tag::SEQUENCE)?.raw;
        let certificates = members(fields.optional(tag::context(0))?)?;
        let revocations = members(fields.optional(tag::context(1))?)?;
        let signers = fields.expect(tag::SET)?.children().collect::<Result<_, _>>()?;
        fields.end()?;
        Ok(Self { dialect, version, digests, content, certificates, revocations, signers })
    }
}

/// The message with the additions; octets after the structure are dropped. What stands there already is not added again.
///
/// A GB/T 35275 message has no place for OCSP responses beside its lists; there they go into the revocation-values attribute
/// of the first signer.
///
/// # Errors
/// The message cannot be read.
pub fn add(message: &[u8], additions: &Additions) -> Result<Vec<u8>, SignedDataError> {
    // Read in full first: what our own reader refuses gets no additions.
    SignedData::parse_prefix(message)?;
    let parts = Parts::parse(message)?;
    let mut certificates = parts.certificates.clone();
    for certificate in &additions.certificates {
        if !certificates.contains(&certificate.as_slice()) {
            certificates.push(certificate);
        }
    }
    let (mut lists, mut attributes) = (additions.crls.clone(), additions.unsigned.clone());
    let mut version = parts.version;
    match parts.dialect {
        Dialect::Cms => {
            lists.extend(additions.ocsps.iter().map(|response| other_revocation(response)));
            // RFC 5652 section 5.1: 5 wherever revocation information of another kind is present.
            if !additions.ocsps.is_empty() {
                version = version.max(5);
            }
        }
        Dialect::Gm if additions.ocsps.is_empty() => (),
        Dialect::Gm => attributes.push((0, revocation_values(&additions.ocsps))),
    }
    let mut revocations = parts.revocations.clone();
    for list in &lists {
        if !revocations.contains(&list.as_slice()) {
            revocations.push(list);
        }
    }
    let mut signers = Vec::with_capacity(parts.signers.len());
    for (index, signer) in parts.signers.iter().enumerate() {
        let own: Vec<&[u8]> = attributes.iter().filter(|(signer, _)| *signer == index).map(|(_, attribute)| attribute.as_slice()).collect();
        signers.push(if own.is_empty() { signer.raw.to_vec() } else { with_attributes(*signer, &own)? });
    }
    let mut data = vec![small_integer(version), parts.digests.to_vec(), parts.content.to_vec()];
    if !certificates.is_empty() {
        data.push(constructed(tag::context(0), &certificates));
    }
    if !revocations.is_empty() {
        data.push(constructed(tag::context(1), &revocations));
    }
    data.push(constructed(tag::SET, &signers));
    let outer = match parts.dialect {
        Dialect::Cms => oids::SIGNED_DATA,
        Dialect::Gm => oids::GM_SIGNED_DATA,
    };
    Ok(sequence([oid(&outer), explicit(0, &sequence(data))]))
}

/// A SignerInfo with more unsigned attributes; everything else as stored.
fn with_attributes(signer: Tlv<'_>, added: &[&[u8]]) -> Result<Vec<u8>, SignedDataError> {
    let mut fields = signer.expect(tag::SEQUENCE)?.children();
    let mut kept = Vec::new();
    let mut unsigned: Vec<Vec<u8>> = Vec::new();
    let mut signature_seen = false;
    while !fields.is_empty() {
        let field = fields.read()?;
        // [1] is the unsigned attributes only after the signature value; before it nothing has this tag.
        if signature_seen && field.tag == tag::context(1) {
            unsigned = field.children().map(|attribute| Ok(attribute?.raw.to_vec())).collect::<Result<_, TlvError>>()?;
        } else {
            signature_seen |= field.tag & 0xdf == tag::OCTET_STRING;
            kept.push(field.raw);
        }
    }
    unsigned.extend(added.iter().map(|attribute| attribute.to_vec()));
    let mut set = set_of(unsigned);
    if let Some(first) = set.first_mut() {
        *first = tag::context(1);
    }
    kept.push(&set);
    Ok(sequence(kept))
}

/// `[1] { id-ri-ocsp-response, OCSPResponse }` (RFC 5940 section 2.1).
fn other_revocation(response: &[u8]) -> Vec<u8> {
    constructed(tag::context(1), [oid(&oids::OCSP_RESPONSE), whole_response(response)])
}

/// An OCSPResponse, whether the response was kept whole or as the basic response alone.
pub fn whole_response(response: &[u8]) -> Vec<u8> {
    if basic_of(response).is_some() {
        return response.to_vec();
    }
    let bytes = sequence([oid(&oids::OCSP_BASIC), octet_string(response)]);
    sequence([tlv(tag::ENUMERATED, &[0]), explicit(0, &bytes)])
}

/// The BasicOCSPResponse in an OCSPResponse.
fn basic_of(response: &[u8]) -> Option<&[u8]> {
    let mut fields = Tlv::parse(response).ok()?.expect(tag::SEQUENCE).ok()?.children();
    fields.expect(tag::ENUMERATED).ok()?;
    let mut bytes = fields.expect(tag::context(0)).ok()?.inner().ok()?.expect(tag::SEQUENCE).ok()?.children();
    bytes.expect(tag::OID).ok()?;
    Some(bytes.expect(tag::OCTET_STRING).ok()?.value)
}

/// The revocation-values attribute with OCSP responses (RFC 5126 section 6.3.4).
fn revocation_values(responses: &[Vec<u8>]) -> Vec<u8> {
    let basics = responses.iter().map(|response| basic_of(response).unwrap_or(response));
    attribute(&oids::REVOCATION_VALUES, &sequence([explicit(1, &sequence(basics))]))
}

/// What an archive time-stamp on one signer stands on.
#[derive(Debug, Clone)]
pub struct Archive {
    /// ATSHashIndexV3: goes into the token's unsigned attributes (EN 319 122-1 section 5.5.2).
    pub index: Vec<u8>,
    /// The octets whose digest is stamped (section 5.5.3).
    pub stamped: Vec<u8>,
}

/// The octets for an archive-time-stamp-v3 on the signer at `signer`. `content` is the digest, under `hash`, of the octets
/// that the message-digest attribute stands on.
///
/// # Errors
/// The message cannot be read or has no such signer.
pub fn archive(message: &[u8], signer: usize, hash: Hash, content: &[u8]) -> Result<Archive, SignedDataError> {
    let data = SignedData::parse_prefix(message)?.0;
    let parts = Parts::parse(message)?;
    let missing = SignedDataError::Shape("no such signer");
    let info = data.signers.get(signer).ok_or(missing.clone())?;
    let digests = |members: &[&[u8]]| sequence(members.iter().map(|member| octet_string(&hash.digest(member))));
    let mut attributes = Vec::new();
    for attribute in info.unsigned.iter().flat_map(|unsigned| &unsigned.list) {
        let kind = oid(&attribute.oid);
        attributes.extend(attribute.values.iter().map(|value| octet_string(&hash.digest(&[&kind, value.raw].concat()))));
    }
    let index = sequence([algorithm(&hash.oid()), digests(&parts.certificates), digests(&parts.revocations), sequence(attributes)]);
    let mut stamped = oid(&data.content_type);
    stamped.extend_from_slice(content);
    let mut fields = parts.signers.get(signer).ok_or(missing)?.children();
    while !fields.is_empty() {
        let field = fields.read()?;
        stamped.extend_from_slice(field.raw);
        if field.tag & 0xdf == tag::OCTET_STRING {
            break;
        }
    }
    stamped.extend_from_slice(&index);
    Ok(Archive { index, stamped })
}

/// The archive-time-stamp-v3 attribute: the token, with the index put into it.
///
/// # Errors
/// The token cannot be read.
pub fn archive_attribute(token: &[u8], index: &[u8]) -> Result<Vec<u8>, SignedDataError> {
    let unsigned = vec![(0, attribute(&oids::ATS_HASH_INDEX_V3, index))];
    Ok(attribute(&oids::ARCHIVE_TIMESTAMP_V3, &add(token, &Additions { unsigned, ..Additions::default() })?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_kept_whole_and_basic_ones_are_wrapped() {
        let basic = sequence([sequence([small_integer(1)]), algorithm(&Hash::Sha256.oid())]);
        let whole = whole_response(&basic);
        assert_eq!(basic_of(&whole), Some(basic.as_slice()));
        assert_eq!(whole_response(&whole), whole);
    }
}
