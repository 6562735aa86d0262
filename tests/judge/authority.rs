//! A small authority for the tests: root, issuing authority, signer, revoked signer, time-stamping authority, OCSP responder.

use std::path::{Path, PathBuf};
use xinyin::crypto::{Hash, KeyKind, Oid, Signer};
use xinyin::keys::SoftKey;
use xinyin::moment::Moment;
use xinyin::pki::build::{CertificateBuilder, CrlBuilder, cms, timestamp};
use xinyin::pki::extensions::{KeyUsage, oid};
use xinyin::pki::name::attribute;
use xinyin::pki::{Certificate, Crl, Name, Reason};
use xinyin::world::SystemDice;

/// A moment inside the validity of everything here.
pub const NOW: &str = "2026-11-23T08:00:00Z";

/// A key and its certificate.
pub struct Holder {
    pub key: SoftKey,
    pub certificate: Certificate,
}

/// The authority and those it vouches for.
pub struct Authority {
    pub root: Holder,
    pub issuing: Holder,
    pub signer: Holder,
    pub revoked: Holder,
    pub tsa: Holder,
    pub responder: Holder,
    /// Of the issuing authority.
    pub crl: Crl,
    /// Of the root.
    pub root_crl: Crl,
}

pub fn at(text: &str) -> Moment {
    text.parse().unwrap()
}

fn name(common: &str) -> Name {
    Name::build(&[(attribute::COUNTRY, "CN"), (attribute::ORGANISATION, "测试机构"), (attribute::COMMON_NAME, common)]).unwrap()
}

fn key(kind: KeyKind) -> SoftKey {
    SoftKey::generate(kind, &SystemDice).unwrap()
}

impl Authority {
    pub fn new(kind: KeyKind) -> Self {
        let (start, end) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
        let (root_key, issuing_key) = (key(kind), key(kind));
        let (root_name, issuing_name) = (name("测试根"), name("测试签发机构"));
        let root = CertificateBuilder::new(&root_name, &root_name, root_key.public_key(), &[1], start, end)
            .authority(None)
            .key_usage(&[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN])
            .subject_key_id()
            .sign(&root_key)
            .unwrap();
        let issuing = CertificateBuilder::new(&root_name, &issuing_name, issuing_key.public_key(), &[2], start, end)
            .authority(Some(0))
            .key_usage(&[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN])
            .subject_key_id()
            .authority_key_id(root_key.public_key())
            .sign(&root_key)
            .unwrap();
        let holder = |serial: u8, common: &str, usage: &[u8], purpose: Option<Oid>| {
            let key = key(kind);
            // Time-stamps are to outlive what they are put on.
            let end = if purpose == Some(oid::TIME_STAMPING) { at("2046-01-01T00:00:00Z") } else { end };
            let mut builder = CertificateBuilder::new(&issuing_name, &name(common), key.public_key(), &[serial], start, end)
                .key_usage(usage)
                .subject_key_id()
                .authority_key_id(issuing_key.public_key());
            if let Some(purpose) = purpose {
                builder = builder.extended_key_usage(true, &[purpose]);
            } else {
                builder = builder.citizen_number("350899198503120111");
            }
            let certificate = builder.sign(&issuing_key).unwrap();
            Holder { key, certificate }
        };
        let both = [KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION];
        let signer = holder(0x11, "张伟", &both, None);
        let revoked = holder(0x12, "李娜", &both, None);
        let tsa = holder(0x13, "时间戳", &both, Some(oid::TIME_STAMPING));
        let responder = holder(0x14, "状态查询", &[KeyUsage::DIGITAL_SIGNATURE], Some(oid::OCSP_SIGNING));
        let next = at("2027-11-23T00:00:00Z");
        let crl = CrlBuilder::new(&issuing_name, 1, at("2026-11-22T00:00:00Z"), next)
            .revoked(revoked.certificate.serial(), at("2026-03-10T02:00:00Z"), Reason::KeyCompromise)
            .sign(&issuing_key)
            .unwrap();
        let root_crl = CrlBuilder::new(&root_name, 1, at("2026-01-02T00:00:00Z"), next).sign(&root_key).unwrap();
        let root = Holder { key: root_key, certificate: root };
        let issuing = Holder { key: issuing_key, certificate: issuing };
        Self { root, issuing, signer, revoked, tsa, responder, crl, root_crl }
    }

    /// A CMS message by `holder`, the issuing certificate inside; detached if `content` is to be kept elsewhere.
    pub fn message(&self, holder: &Holder, dialect: cms::Dialect, content: &[u8], detached: bool) -> Vec<u8> {
        let algorithm = holder.key.algorithm();
        let digest = cms::digest_for(&algorithm);
        let carried = if detached { cms::Content::Detached(digest.digest(content)) } else { cms::Content::Attached(content) };
        let chain = [self.issuing.certificate.der().to_vec()];
        let spec = cms::SignedDataSpec {
            dialect,
            chain: &chain,
            signing_time: Some(at(NOW)),
            ..cms::SignedDataSpec::new(&algorithm, holder.certificate.der(), carried)
        };
        cms::prepare(&spec).unwrap().sign(&holder.key).unwrap().encode(None)
    }

    /// A time-stamp token over data, by this authority.
    pub fn token(&self, hash: Hash, data: &[u8], dialect: cms::Dialect) -> Vec<u8> {
        let spec = timestamp::TokenSpec {
            hash,
            digest: &hash.digest(data),
            policy: &Oid::new_unwrap("1.2.156.10197.6.9.1"),
            serial: &[0x2a],
            at: at(NOW),
            accuracy_millis: Some(1500),
            nonce: None,
            dialect,
            embed: true,
        };
        let chain = [self.issuing.certificate.der().to_vec()];
        timestamp::token(&spec, &self.tsa.key, self.tsa.certificate.der(), &chain).unwrap()
    }
}

/// Writes PEM files that foreign programs read.
pub fn pem(folder: &Path, name: &str, label: &str, ders: &[&[u8]]) -> PathBuf {
    let path = folder.join(name);
    let text: String = ders.iter().map(|der| der::pem::encode_string(label, Default::default(), der).unwrap()).collect();
    std::fs::write(&path, text).unwrap();
    path
}

/// Writes a file as it is.
pub fn file(folder: &Path, name: &str, octets: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, octets).unwrap();
    path
}
