//! Diagnostic data of EU DSS read as facts: what was measured, never what was concluded, nor what the file is called.

use super::xml::Element;
use std::collections::HashMap;
use std::time::Duration;
use xinyin::crypto::{Hash, KeyKind};
use xinyin::doc::facts::{
    CertificateReference, Facts, Format, Id, Imprint, Integrity, Problem, ProblemKind, SignatureFacts, SignatureKind, SignerFacts,
    TimestampFacts, TimestampKind, TokenFacts,
};
use xinyin::moment::Moment;
use xinyin::pki::{Reason, extensions::Reasons};
use xinyin::verify::chain::{Chain, ChainFault, Delegate, Link, Revoked, Statement, Use};
use xinyin::verify::{Chains, Detail, Options, Revocation};

/// A case: the facts, the chains of everybody who signed, the time of looking.
pub struct Case {
    pub facts: Facts,
    pub options: Options,
    chains: HashMap<Id, Chain>,
}

impl Chains for Case {
    fn chain(&self, signer: &SignerFacts, _: Use) -> Option<Chain> {
        self.chains.get(&signer.signature_value_sha256).cloned()
    }
}

fn id(name: &str) -> Id {
    Hash::Sha256.digest(name.as_bytes()).try_into().unwrap()
}

fn moment(element: &Element, path: &str) -> Option<Moment> {
    let text = element.text_at(path)?;
    // Old files say no zone, and mean UTC.
    let zoned =
        if text.ends_with('Z') || text.get(19..).is_some_and(|rest| rest.contains(['+', '-'])) { text.into() } else { format!("{text}Z") };
    Some(zoned.parse().unwrap_or_else(|_| panic!("time {text}")))
}

fn hash(element: &Element, path: &str) -> Option<Hash> {
    Some(match element.text_at(path)? {
        "SHA1" => Hash::Sha1,
        "SHA224" => Hash::Sha224,
        "SHA256" => Hash::Sha256,
        "SHA384" => Hash::Sha384,
        "SHA512" => Hash::Sha512,
        "MD5" => Hash::Md5,
        _ => return None,
    })
}

fn key(algorithm: Option<&str>, bits: Option<&str>) -> Option<KeyKind> {
    let bits: usize = bits?.parse().ok()?;
    Some(match algorithm? {
        "RSA" | "RSASSA-PSS" => KeyKind::Rsa(bits),
        "DSA" => KeyKind::Dsa(bits),
        "ECDSA" | "PLAIN-ECDSA" if bits > 384 => KeyKind::P521,
        "ECDSA" | "PLAIN-ECDSA" if bits > 256 => KeyKind::P384,
        "ECDSA" | "PLAIN-ECDSA" => KeyKind::P256,
        _ => return None,
    })
}

fn is_true(element: &Element, path: &str) -> bool {
    element.text_at(path) == Some("true")
}

/// The whole file.
struct Data<'a> {
    root: &'a Element,
    certificates: HashMap<&'a str, &'a Element>,
    revocations: HashMap<&'a str, &'a Element>,
}

impl<'a> Data<'a> {
    /// From the leaf to the first trusted certificate.
    fn path(&self, token: &'a Element) -> (Vec<(&'a str, &'a Element)>, bool) {
        let mut path: Vec<(&str, &Element)> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        names.extend(token.at("SigningCertificate").and_then(|signer| signer.attribute("Certificate").or(signer.attribute("Id"))));
        for item in token.inside("CertificateChain", "ChainItem") {
            let name = item.attribute("Certificate").or(item.attribute("Id")).unwrap_or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let Some(certificate) = self.certificates.get(name) else { break };
            path.push((name, certificate));
            if is_true(certificate, "Trusted") {
                return (path, true);
            }
        }
        (path, false)
    }

    fn chain(&self, token: &'a Element, used: Use) -> Option<Chain> {
        let (path, anchored) = self.path(token);
        let (_, leaf) = path.first()?;
        let unsigned = path.iter().rev().skip(1).any(|(_, certificate)| !is_true(certificate, "BasicSignature/SignatureValid"));
        let fault = if !anchored {
            Some(ChainFault::NotFound(Detail::new("没有信任锚", "no trusted certificate")))
        } else if unsigned {
            Some(ChainFault::General(Detail::new("证书签名不正确", "a certificate's signature does not verify")))
        } else {
            None
        };
        let links =
            path.iter().enumerate().map(|(at, (name, certificate))| self.link(name, certificate, path.get(at + 1).map(|(name, _)| *name)));
        let mut links: Vec<Link> = links.collect();
        // A trusted list trusts a service for as long as it says, not for as long as its certificate runs (ETSI TS 119 612 §5.5.4).
        if let Some(service) = links.last_mut().filter(|_| anchored) {
            (service.not_before, service.not_after) = (Moment::from_secs(0), Moment::from_secs(i64::from(u32::MAX)));
        }
        Some(Chain { links, anchored, fault, key_use: key_use(leaf, used), path: Vec::new() })
    }

    fn link(&self, name: &str, certificate: &'a Element, issuer: Option<&str>) -> Link {
        let spoken = certificate.inside("Revocations", "CertificateRevocation").chain(certificate.inside("Revocations", "RevocationRef"));
        Link {
            id: id(name),
            name: certificate.text_at("CommonName").unwrap_or_default().into(),
            not_before: moment(certificate, "NotBefore").unwrap(),
            not_after: moment(certificate, "NotAfter").unwrap(),
            key: key(certificate.text_at("PublicKeyEncryptionAlgo"), certificate.text_at("PublicKeySize")),
            digest: hash(certificate, "BasicSignature/DigestAlgoUsedToSignThisToken"),
            statements: spoken.filter_map(|said| self.statement(said, issuer)).collect(),
            silence: Detail::new("没有吊销信息", "no revocation data"),
            unlisted: false,
        }
    }

    /// What authentic data says; what does not verify, or whose signer leads to nothing trusted, says nothing.
    fn statement(&self, said: &'a Element, issuer: Option<&str>) -> Option<Statement> {
        let name = said.attribute("Revocation").or(said.attribute("Id"))?;
        let data = self.revocations.get(name)?;
        let (path, anchored) = self.path(data);
        if !anchored || !is_true(data, "BasicSignature/SignatureValid") {
            return None;
        }
        let revoked = match said.text_at("Status")? {
            "GOOD" | "true" => None,
            "REVOKED" | "false" => Some(Revoked {
                at: moment(said, "RevocationDate")?,
                reason: reason(said.text_at("Reason").unwrap_or_default()),
                invalid_since: None,
            }),
            _ => return None,
        };
        let (signer, certificate) = *path.first()?;
        let this_update = moment(data, "ThisUpdate").or_else(|| moment(data, "ProductionDate"))?;
        Some(Statement {
            id: id(name),
            revoked,
            reasons: Reasons::ALL,
            this_update,
            until: moment(data, "NextUpdate").unwrap_or_else(|| this_update.plus(Duration::from_secs(86_400))),
            archive_cutoff: moment(data, "ArchiveCutOff"),
            digest: hash(data, "BasicSignature/DigestAlgoUsedToSignThisToken"),
            delegate: (Some(signer) != issuer).then(|| Delegate {
                not_after: moment(certificate, "NotAfter").unwrap(),
                revoked: None,
                key: key(certificate.text_at("PublicKeyEncryptionAlgo"), certificate.text_at("PublicKeySize")),
            }),
            carried: false,
        })
    }

    fn signer(&self, token: &'a Element, name: &str) -> SignerFacts {
        let mut matchers = token.inside("DigestMatchers", "DigestMatcher").chain(token.all("DigestMatcher")).peekable();
        let signed = token.all("SignatureDigestReference").count() + 1;
        let (mut found, mut intact, mut twice) = (matchers.peek().is_some() || signed == 0, true, false);
        for matcher in matchers.filter(|matcher| matcher.attribute("type") != Some("MESSAGE_IMPRINT")) {
            found &= is_true(matcher, "DataFound");
            intact &= !is_true(matcher, "DataFound") || is_true(matcher, "DataIntact");
            twice |= matcher.attribute("duplicated") == Some("true");
        }
        let integrity = if twice {
            Integrity::Malformed("a reference stands twice".into())
        } else if !intact {
            Integrity::HashMismatch
        } else if !found && token.name == "Signature" {
            Integrity::ContentMissing
        } else if !is_true(token, "BasicSignature/SignatureIntact") {
            Integrity::BadSignature
        } else {
            Integrity::Intact
        };
        let digest = hash(token, "BasicSignature/DigestAlgoUsedToSignThisToken");
        SignerFacts {
            digest,
            signature_digest: digest,
            signing_time: moment(token, "ClaimedSigningTime").or_else(|| moment(token, "DateTime")),
            certificate_reference: reference(token),
            signature_value_sha256: id(name),
            baseline: true,
            ..SignerFacts::unreadable(integrity)
        }
    }

    fn timestamp(&self, stamp: &'a Element, chains: &mut HashMap<Id, Chain>) -> TimestampFacts {
        let name = stamp.attribute("Id").unwrap();
        if let Some(chain) = self.chain(stamp, Use::Timestamp) {
            chains.insert(id(name), chain);
        }
        let kind = match stamp.attribute("Type").unwrap_or_default() {
            "SIGNATURE_TIMESTAMP" => TimestampKind::Signature,
            "CONTENT_TIMESTAMP" | "ALL_DATA_OBJECTS_TIMESTAMP" | "INDIVIDUAL_DATA_OBJECTS_TIMESTAMP" => TimestampKind::Content,
            _ => TimestampKind::Archive,
        };
        let mut imprints = stamp.all("DigestMatcher").chain(stamp.inside("DigestMatchers", "DigestMatcher"));
        let imprint = match imprints.find(|matcher| matcher.attribute("type") == Some("MESSAGE_IMPRINT")) {
            Some(matcher) if !is_true(matcher, "DataFound") => Imprint::ContentMissing,
            Some(matcher) if !is_true(matcher, "DataIntact") => Imprint::Differs,
            _ => Imprint::Matches,
        };
        let objects = stamp.inside("TimestampedObjects", "TimestampedObject");
        let token = TokenFacts {
            time: moment(stamp, "ProductionTime").unwrap(),
            accuracy: None,
            serial: String::new(),
            policy: xinyin::crypto::Oid::new_unwrap("1.2.3"),
            imprint_digest: Some(Hash::Sha256),
            imprint_value: Vec::new(),
            imprint,
            critical_extension: false,
            id: id(name),
            covers: objects.filter_map(|object| object.attribute("Token").or(object.attribute("Id"))).map(id).collect(),
            index_digest: None,
        };
        TimestampFacts { kind, token: Some(token), signer: self.signer(stamp, name) }
    }

    fn signature(&self, signature: &'a Element, chains: &mut HashMap<Id, Chain>) -> SignatureFacts {
        let name = signature.attribute("Id").unwrap();
        if let Some(chain) = self.chain(signature, Use::Sign) {
            chains.insert(id(name), chain);
        }
        let mut signer = self.signer(signature, name);
        let own: Vec<&str> =
            signature.inside("FoundTimestamps", "FoundTimestamp").filter_map(|found| found.attribute("Timestamp")).collect();
        for stamp in self.root.inside("UsedTimestamps", "Timestamp") {
            let mut objects = stamp.inside("TimestampedObjects", "TimestampedObject");
            if own.contains(&stamp.attribute("Id").unwrap()) || objects.any(|object| object.attribute("Token") == Some(name)) {
                signer.timestamps.push(self.timestamp(stamp, chains));
            }
        }
        let mut entry = SignatureFacts::new(name, SignatureKind::Signature, signer);
        if signature.at("StructuralValidation").is_some_and(|structure| structure.attribute("valid") == Some("false")) {
            entry.problems.push(Problem::malformed("结构不正确", "the structure is not valid"));
        }
        // EN 319 132-1 §4.3: a XAdES signature signs its own properties.
        let format = signature.text_at("SignatureFormat").unwrap_or_default();
        let properties =
            signature.inside("DigestMatchers", "DigestMatcher").any(|matcher| matcher.attribute("type") == Some("SIGNED_PROPERTIES"));
        let references = signature.inside("DigestMatchers", "DigestMatcher").next().is_some();
        if format.starts_with("XAdES") && references && !properties && signature.at("StructuralValidation").is_some() {
            let text = ("未签署签名属性".into(), "the signed properties are not signed".into());
            entry.problems.push(Problem { kind: ProblemKind::Constraint, zh: text.0, en: text.1 });
        }
        // EN 319 162-1 §4.4.3.2: with CAdES, a manifest says what of an ASiC-E container is signed.
        let manifests = self.root.inside("ContainerInfo/ManifestFiles", "ManifestFile").next().is_some();
        if self.root.text_at("ContainerInfo/ContainerType") == Some("ASiC-E") && format.starts_with("CAdES") && !manifests {
            entry.problems.push(Problem::malformed("容器中没有清单", "the container has no manifest"));
        }
        entry
    }
}

fn reason(name: &str) -> Reason {
    let name = name.to_ascii_lowercase().replace(['_', ' '], "");
    (0..=10).map(Reason::from_number).find(|reason| reason.name().to_ascii_lowercase() == name).unwrap_or(Reason::Unspecified)
}

/// The signing-certificate attribute; where the file does not record references at all it counts as there.
fn reference(token: &Element) -> CertificateReference {
    let mut references = token.inside("FoundCertificates", "RelatedCertificate").flat_map(|certificate| certificate.all("CertificateRef"));
    let wanted = token.at("SigningCertificate").and_then(|signer| signer.attribute("Certificate"));
    let own = token.inside("FoundCertificates", "RelatedCertificate").filter(|found| found.attribute("Certificate") == wanted);
    let mut own = own.flat_map(|found| found.all("CertificateRef")).filter_map(|reference| reference.at("DigestAlgoAndValue"));
    match own.next().map(|digest| digest.attribute("match")) {
        Some(Some("false")) => CertificateReference::Differs,
        Some(_) => CertificateReference::Matches(Hash::Sha256),
        None if token.at("FoundCertificates").is_none() || references.next().is_none() => CertificateReference::Matches(Hash::Sha256),
        None => CertificateReference::Absent,
    }
}

fn key_use(leaf: &Element, used: Use) -> Result<(), Detail> {
    let bits: Vec<&str> = leaf.inside("CertificateExtensions/KeyUsages", "keyUsageBit").map(|bit| bit.text.as_str()).collect();
    if !bits.is_empty() && !bits.iter().any(|bit| matches!(*bit, "digitalSignature" | "nonRepudiation")) {
        return Err(Detail::new("密钥用途不符", "key usage"));
    }
    let purposes: Vec<&str> =
        leaf.inside("CertificateExtensions/ExtendedKeyUsages", "extendedKeyUsageOid").map(|oid| oid.text.as_str()).collect();
    if used == Use::Timestamp && !purposes.is_empty() && !purposes.contains(&"1.3.6.1.5.5.7.3.8") {
        return Err(Detail::new("扩展用途不符", "extended key usage"));
    }
    Ok(())
}

/// Reads a file.
pub fn case(text: &str) -> Case {
    let root = Element::parse(text);
    let named = |list: &'static str, name: &'static str| {
        root.inside(list, name).filter_map(|found| Some((found.attribute("Id")?, found))).collect()
    };
    let data =
        Data { root: &root, certificates: named("UsedCertificates", "Certificate"), revocations: named("UsedRevocations", "Revocation") };
    let mut chains = HashMap::new();
    let mut facts = Facts::new(Format::Cades, [0; 32], 0);
    facts.signatures = root.inside("Signatures", "Signature").map(|signature| data.signature(signature, &mut chains)).collect();
    if facts.signatures.is_empty() {
        let stamp = root.inside("UsedTimestamps", "Timestamp").next();
        facts.timestamp = stamp.map(|stamp| Box::new(data.timestamp(stamp, &mut chains)));
    }
    let at = moment(&root, "ValidationDate").unwrap();
    Case { facts, options: Options { file: String::new(), at, at_given: true, revocation: Revocation::Hard }, chains }
}
