//! Certificate paths made for the purpose: every reason for refusal has its own answer, and nothing altered is accepted.

use xinyin::{
    crypto::{Hash, KeyKind, Oid, Signer as _},
    keys::SoftKey,
    moment::Moment,
    pki::{
        Certificate, Crl, Name, OcspResponse, Reason,
        build::{CertificateBuilder, CrlBuilder, OcspBuilder, encode, ocsp},
        extensions::{KeyUsage, oid},
        general_name::GeneralName,
        name::attribute,
        ocsp::{CertStatus, OcspRequest},
        path::{Anchor, FaultKind, Outcome, PathInput, PathResult, Purpose, Revocation, Status, validate},
    },
    world::SystemDice,
};

pub const ISSUES: [u8; 2] = [KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN];
pub const SIGNS: [u8; 2] = [KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION];

pub fn at(text: &str) -> Moment {
    format!("{text}T00:00:00Z").parse().unwrap()
}

pub fn name(common: &str) -> Name {
    Name::build(&[(attribute::COUNTRY, "CN"), (attribute::COMMON_NAME, common)]).unwrap()
}

/// A name with its key; issues certificates and lists.
pub struct Authority {
    pub name: Name,
    pub key: SoftKey,
}

impl Authority {
    pub fn new(kind: KeyKind, common: &str) -> Self {
        Self { name: name(common), key: SoftKey::generate(kind, &SystemDice).unwrap() }
    }

    /// A certificate for another name and key, valid 2026 to 2028, to which `more` adds extensions.
    pub fn issue(&self, serial: u8, to: &Name, key: &SoftKey, more: impl FnOnce(CertificateBuilder) -> CertificateBuilder) -> Certificate {
        let builder = CertificateBuilder::new(&self.name, to, key.public_key(), &[serial], at("2026-01-01"), at("2028-01-01"));
        more(builder.subject_key_id().authority_key_id(self.key.public_key())).sign(&self.key).unwrap()
    }

    pub fn root(&self) -> Certificate {
        self.issue(1, &self.name, &self.key, |root| root.authority(None).key_usage(&ISSUES))
    }

    pub fn list(&self, number: u64) -> CrlBuilder {
        CrlBuilder::new(&self.name, number, at("2026-06-01"), at("2026-07-01"))
    }
}

/// Root, issuing authority, holder, both lists: a path that is good on 15 June 2026.
pub struct Chain {
    pub root: Authority,
    pub issuing: Authority,
    pub holder: SoftKey,
    pub anchors: [Anchor; 1],
    pub intermediates: Vec<Certificate>,
    pub leaf: Certificate,
    pub crls: Vec<Crl>,
    pub ocsps: Vec<OcspResponse>,
}

impl Chain {
    pub fn new(kind: KeyKind) -> Self {
        let root = Authority::new(kind, "测试根");
        let issuing = Authority::new(kind, "测试签发");
        let holder = SoftKey::generate(kind, &SystemDice).unwrap();
        let intermediate = root.issue(2, &issuing.name, &issuing.key, |ca| ca.authority(Some(0)).key_usage(&ISSUES));
        let leaf = issuing.issue(3, &name("张三"), &holder, |leaf| leaf.key_usage(&SIGNS));
        let crls = vec![root.list(1).sign(&root.key).unwrap(), issuing.list(1).sign(&issuing.key).unwrap()];
        let anchors = [Anchor::from(root.root())];
        Self { root, issuing, holder, anchors, intermediates: vec![intermediate], leaf, crls, ocsps: Vec::new() }
    }

    pub fn question(&self) -> PathInput<'_> {
        let mut question = PathInput::new(&self.leaf, &self.anchors, at("2026-06-15"));
        question.intermediates = &self.intermediates;
        question.crls = &self.crls;
        question.ocsps = &self.ocsps;
        question.purpose = Purpose::Sign;
        question
    }

    pub fn judge(&self) -> PathResult {
        validate(&self.question())
    }

    /// The leaf again with other contents.
    pub fn reissue(&mut self, more: impl FnOnce(CertificateBuilder) -> CertificateBuilder) {
        self.leaf = self.issuing.issue(3, &name("张三"), &self.holder, more);
    }
}

/// Rejected or undecided, for this reason, at this certificate.
#[track_caller]
pub fn refused(result: &PathResult, outcome: Outcome, kind: FaultKind, certificate: Option<usize>) {
    let reason = result.reason.as_ref().map(|reason| (reason.kind, reason.certificate));
    assert_eq!((result.outcome, reason), (outcome, Some((kind, certificate))), "{:?}", result.faults);
}

#[test]
fn good_paths_of_every_algorithm() {
    for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa(2048)] {
        let chain = Chain::new(kind);
        let result = chain.judge();
        assert_eq!(result.outcome, Outcome::Accepted, "{kind}: {:?}", result.faults);
        assert_eq!(result.path.len(), 3);
        assert_eq!(result.anchor(), Some(&chain.anchors[0].certificate));
        assert!(result.links.iter().all(|link| link.key == Some(kind)), "{:?}", result.links);
        assert_eq!(result.revocation[0].status, Status::Good);
        assert_eq!(result.revocation[2].status, Status::NotChecked);
    }
}

#[test]
fn no_altered_octet_is_accepted() {
    for kind in [KeyKind::Sm2, KeyKind::P256] {
        let mut chain = Chain::new(kind);
        let (leaf, intermediate, crls) = (chain.leaf.clone(), chain.intermediates[0].clone(), chain.crls.clone());
        let altered = |der: &[u8], at: usize, bit: u8| {
            let mut der = der.to_vec();
            der[at] ^= bit;
            der
        };
        for bit in [0x01, 0x80] {
            for at in 0..leaf.der().len() {
                let Ok(changed) = Certificate::from_der(&altered(leaf.der(), at, bit)) else { continue };
                chain.leaf = changed;
                assert_ne!(chain.judge().outcome, Outcome::Accepted, "{kind} leaf octet {at}");
            }
            chain.leaf = leaf.clone();
            for at in 0..intermediate.der().len() {
                let Ok(changed) = Certificate::from_der(&altered(intermediate.der(), at, bit)) else { continue };
                chain.intermediates = vec![changed];
                assert_ne!(chain.judge().outcome, Outcome::Accepted, "{kind} intermediate octet {at}");
            }
            chain.intermediates = vec![intermediate.clone()];
            for at in 0..crls[1].der().len() {
                let Ok(changed) = Crl::from_der(&altered(crls[1].der(), at, bit)) else { continue };
                chain.crls = vec![crls[0].clone(), changed];
                assert_ne!(chain.judge().outcome, Outcome::Accepted, "{kind} list octet {at}");
            }
            chain.crls = crls.clone();
        }
        assert_eq!(chain.judge().outcome, Outcome::Accepted);
    }
}

#[test]
fn validity_is_judged_for_the_moment_asked_about() {
    let chain = Chain::new(KeyKind::P256);
    for (moment, kind) in [("2025-12-31", FaultKind::NotYetValid), ("2028-01-02", FaultKind::Expired)] {
        let mut question = chain.question();
        (question.at, question.now) = (at(moment), at(moment));
        refused(&validate(&question), Outcome::Rejected, kind, Some(0));
    }
    // The last second still counts whole.
    let mut question = chain.question();
    question.revocation = Revocation::Off;
    question.at = Moment::from_millis(at("2028-01-01").millis() + 999);
    assert_eq!(validate(&question).outcome, Outcome::Accepted);
}

#[test]
fn a_foreign_authority_of_the_same_name_signs_nothing_here() {
    let mut chain = Chain::new(KeyKind::Sm2);
    let foreign = Chain::new(KeyKind::Sm2);
    // The foreign leaf names its own issuer's key: no chain to our anchor is known, and none is invented.
    chain.leaf = foreign.leaf.clone();
    refused(&chain.judge(), Outcome::Undecided, FaultKind::NoChain, None);
    // With the foreign intermediate at hand the chain still ends at a root that is not ours.
    chain.intermediates.extend(foreign.intermediates.clone());
    refused(&chain.judge(), Outcome::Undecided, FaultKind::NoChain, None);
    // A forger who copies our authority's key identifier is told apart: that key did not sign.
    let forger = Authority { name: chain.issuing.name.clone(), key: foreign.issuing.key };
    chain.leaf = CertificateBuilder::new(&forger.name, &name("张三"), chain.holder.public_key(), &[3], at("2026-01-01"), at("2028-01-01"))
        .authority_key_id(chain.issuing.key.public_key())
        .key_usage(&SIGNS)
        .sign(&forger.key)
        .unwrap();
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Signature, Some(0));
}

#[test]
fn keys_are_used_only_as_their_certificates_allow() {
    let mut chain = Chain::new(KeyKind::Sm2);
    chain.reissue(|leaf| leaf.key_usage(&[KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT, KeyUsage::KEY_AGREEMENT]));
    refused(&chain.judge(), Outcome::Rejected, FaultKind::KeyUsage, Some(0));
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).extended_key_usage(false, &[oid::CLIENT_AUTH]));
    let with = |chain: &Chain, purpose: Purpose| validate(&PathInput { purpose, ..chain.question() });
    for purpose in [Purpose::Sign, Purpose::Client, Purpose::Any] {
        assert_eq!(with(&chain, purpose).outcome, Outcome::Accepted, "{purpose:?}");
    }
    for purpose in [Purpose::Server, Purpose::Timestamp, Purpose::Ocsp] {
        refused(&with(&chain, purpose), Outcome::Rejected, FaultKind::ExtendedKeyUsage, Some(0));
    }
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).extended_key_usage(true, &[oid::TIME_STAMPING]));
    assert_eq!(with(&chain, Purpose::Timestamp).outcome, Outcome::Accepted);
}

#[test]
fn an_end_entity_issues_nothing() {
    let mut chain = Chain::new(KeyKind::P256);
    let holder = Authority { name: name("张三"), key: SoftKey::generate(KeyKind::P256, &SystemDice).unwrap() };
    let false_issuer = chain.issuing.issue(4, &holder.name, &holder.key, |leaf| leaf.key_usage(&SIGNS));
    chain.intermediates.push(false_issuer);
    chain.leaf = holder.issue(5, &name("李四"), &chain.holder, |leaf| leaf.key_usage(&SIGNS));
    let result = chain.judge();
    assert_eq!(result.outcome, Outcome::Rejected);
    assert!(result.faults.iter().any(|fault| fault.kind == FaultKind::NotAuthority && fault.certificate == Some(1)));
    assert!(result.faults.iter().any(|fault| fault.kind == FaultKind::PathLength));
}

#[test]
fn unknown_critical_and_doubled_extensions_are_refused() {
    let mut chain = Chain::new(KeyKind::P256);
    let private = Oid::new_unwrap("1.3.6.1.4.1.55555.1");
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).extension(private, true, vec![5, 0]));
    refused(&chain.judge(), Outcome::Rejected, FaultKind::UnknownCritical, Some(0));
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).extension(private, false, vec![5, 0]));
    assert_eq!(chain.judge().outcome, Outcome::Accepted);
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).key_usage(&SIGNS));
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Malformed, Some(0));
}

#[test]
fn names_stay_within_the_constraints_of_every_issuer() {
    let mut chain = Chain::new(KeyKind::P256);
    let subtrees = |tag: u8, base: GeneralName| {
        let tree = encode::sequence([base.to_der()]);
        encode::sequence([encode::tlv(tag, &tree)])
    };
    let constrain = |chain: &mut Chain, value: Vec<u8>| {
        let ca = chain.root.issue(2, &chain.issuing.name, &chain.issuing.key, |ca| {
            ca.authority(Some(0)).key_usage(&ISSUES).extension(oid::NAME_CONSTRAINTS, true, value)
        });
        chain.intermediates = vec![ca];
    };
    let dns = |text: &str| GeneralName::Dns(text.into());
    chain.reissue(|leaf| leaf.subject_alt_names(&[dns("a.fujian.cn")]));
    constrain(&mut chain, subtrees(0xa0, dns("fujian.cn")));
    assert_eq!(chain.judge().outcome, Outcome::Accepted, "{:?}", chain.judge().faults);
    for value in [subtrees(0xa0, dns("zhejiang.cn")), subtrees(0xa1, dns("fujian.cn")), subtrees(0xa0, dns(".fujian.cn"))] {
        constrain(&mut chain, value);
        refused(&chain.judge(), Outcome::Rejected, FaultKind::NameConstraints, Some(0));
    }
    // A form nobody can compare refuses names of that form, and only those.
    let registered = GeneralName::Registered(Oid::new_unwrap("1.2.3"));
    constrain(&mut chain, subtrees(0xa1, registered.clone()));
    assert_eq!(chain.judge().outcome, Outcome::Accepted);
    chain.reissue(|leaf| leaf.subject_alt_names(&[registered]));
    refused(&chain.judge(), Outcome::Rejected, FaultKind::NameConstraints, Some(0));
}

#[test]
fn revocation_by_list() {
    let mut chain = Chain::new(KeyKind::Sm2);
    let list = chain.issuing.list(2).revoked(chain.leaf.serial(), at("2026-05-20"), Reason::KeyCompromise);
    chain.crls[1] = list.sign(&chain.issuing.key).unwrap();
    let result = chain.judge();
    refused(&result, Outcome::Rejected, FaultKind::Revoked, Some(0));
    assert_eq!(result.revocation[0].status, Status::Revoked { at: at("2026-05-20"), reason: Reason::KeyCompromise });
    // Asked about a moment before the revocation, with what is known now, the certificate was good; the fact is told all the same.
    let mut question = chain.question();
    (question.at, question.now) = (at("2026-05-10"), at("2026-05-10"));
    let before = validate(&question);
    assert_eq!(before.outcome, Outcome::Undecided, "in May nobody could know the lists of June");
    question.now = at("2026-06-15");
    let before = validate(&question);
    assert_eq!(before.outcome, Outcome::Accepted, "{:?}", before.faults);
    assert_eq!(before.revocation[0].revoked_by(at("2026-06-15")), Some((at("2026-05-20"), Reason::KeyCompromise)));
    // A revoked authority takes its certificates with it.
    chain.crls[1] = chain.issuing.list(2).sign(&chain.issuing.key).unwrap();
    chain.crls[0] = chain.root.list(2).revoked(&[2], at("2026-05-20"), Reason::CaCompromise).sign(&chain.root.key).unwrap();
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(1));
}

#[test]
fn unknown_status_is_undecided_unless_softened() {
    let mut chain = Chain::new(KeyKind::P256);
    let foreign = Chain::new(KeyKind::P256);
    let stale = CrlBuilder::new(&chain.issuing.name, 1, at("2026-04-01"), at("2026-05-01")).sign(&chain.issuing.key).unwrap();
    let future = CrlBuilder::new(&chain.issuing.name, 1, at("2026-08-01"), at("2026-09-01")).sign(&chain.issuing.key).unwrap();
    for list in [None, Some(stale.clone()), Some(future), Some(foreign.crls[1].clone())] {
        chain.crls.truncate(1);
        chain.crls.extend(list);
        refused(&chain.judge(), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
        for revocation in [Revocation::Soft, Revocation::Off] {
            assert_eq!(validate(&PathInput { revocation, ..chain.question() }).outcome, Outcome::Accepted);
        }
    }
    // What an old list shows as revoked stays revoked.
    let old = CrlBuilder::new(&chain.issuing.name, 1, at("2026-04-01"), at("2026-05-01"));
    chain.crls[1] = old.revoked(&[3], at("2026-03-01"), Reason::Superseded).sign(&chain.issuing.key).unwrap();
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(0));
}

#[test]
fn a_hold_is_undone_by_newer_information_and_a_revocation_never() {
    let mut chain = Chain::new(KeyKind::P256);
    let early = |chain: &Chain, reason: Reason| {
        let list = CrlBuilder::new(&chain.issuing.name, 1, at("2026-05-01"), at("2026-07-01"));
        list.revoked(&[3], at("2026-04-30"), reason).sign(&chain.issuing.key).unwrap()
    };
    chain.crls.push(early(&chain, Reason::CertificateHold));
    assert_eq!(chain.judge().outcome, Outcome::Accepted);
    chain.crls.swap_remove(1);
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(0));
    chain.crls = vec![chain.crls[0].clone(), early(&chain, Reason::KeyCompromise), chain.issuing.list(2).sign(&chain.issuing.key).unwrap()];
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(0));
}

#[test]
fn delta_lists_bring_their_base_up_to_date() {
    let mut chain = Chain::new(KeyKind::P256);
    let base = |chain: &Chain| CrlBuilder::new(&chain.issuing.name, 7, at("2026-04-01"), at("2026-05-01"));
    let delta = |chain: &Chain| CrlBuilder::new(&chain.issuing.name, 8, at("2026-06-10"), at("2026-06-20")).delta_to(7);
    chain.crls[1] = base(&chain).revoked(&[3], at("2026-03-01"), Reason::CertificateHold).sign(&chain.issuing.key).unwrap();
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(0));
    chain.crls.push(delta(&chain).revoked(&[3], at("2026-06-01"), Reason::RemoveFromCrl).sign(&chain.issuing.key).unwrap());
    assert_eq!(chain.judge().outcome, Outcome::Accepted, "{:?}", chain.judge().faults);
    chain.crls[1] = base(&chain).sign(&chain.issuing.key).unwrap();
    chain.crls[2] = delta(&chain).revoked(&[3], at("2026-06-01"), Reason::KeyCompromise).sign(&chain.issuing.key).unwrap();
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(0));
    // A delta without its base, or to a newer base, says nothing.
    chain.crls[2] = delta(&chain).sign(&chain.issuing.key).unwrap();
    chain.crls.remove(1);
    refused(&chain.judge(), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
}

/// An answer about the chain's leaf.
pub fn answer(chain: &Chain, hash: Hash, status: CertStatus, signer: &SoftKey, responder: Option<&Certificate>) -> OcspResponse {
    let id = ocsp::cert_id(hash, &chain.issuing.name, chain.issuing.key.public_key(), chain.leaf.serial());
    let request = OcspRequest::from_der(&ocsp::request(&[id], &[])).unwrap();
    let mut builder = OcspBuilder::new(at("2026-06-14")).answer(&request.ids[0], status, at("2026-06-14"), Some(at("2026-06-16")));
    if let Some(responder) = responder {
        builder = builder.certificate(responder).by_name(responder.subject());
    }
    builder.sign(signer).unwrap()
}

#[test]
fn revocation_by_ocsp() {
    for kind in [KeyKind::Sm2, KeyKind::P256] {
        let mut chain = Chain::new(kind);
        chain.crls.truncate(1);
        let responder = SoftKey::generate(kind, &SystemDice).unwrap();
        let delegate = |chain: &Chain, purposes: &[Oid]| {
            chain
                .issuing
                .issue(9, &name("OCSP"), &responder, |leaf| leaf.key_usage(&SIGNS).extended_key_usage(false, purposes).ocsp_no_check())
        };
        let good = delegate(&chain, &[oid::OCSP_SIGNING]);
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sm3] {
            chain.ocsps = vec![answer(&chain, hash, CertStatus::Good, &chain.issuing.key, None)];
            assert_eq!(chain.judge().outcome, Outcome::Accepted, "the issuer itself, {hash}");
            chain.ocsps = vec![answer(&chain, hash, CertStatus::Good, &responder, Some(&good))];
            assert_eq!(chain.judge().outcome, Outcome::Accepted, "a delegate, {hash}: {:?}", chain.judge().faults);
        }
        let revoked = CertStatus::Revoked { at: at("2026-06-01"), reason: Reason::KeyCompromise };
        chain.ocsps = vec![answer(&chain, Hash::Sha1, revoked, &responder, Some(&good))];
        refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(0));
        // Not authorised: no OCSP purpose; another authority's delegate; a stranger; the holder about itself. Or not known.
        let plain = delegate(&chain, &[oid::CLIENT_AUTH]);
        let foreign = Chain::new(kind);
        let strange = foreign
            .issuing
            .issue(9, &name("OCSP"), &responder, |leaf| leaf.extended_key_usage(false, &[oid::OCSP_SIGNING]).ocsp_no_check());
        for (key, certificate) in
            [(&responder, Some(&plain)), (&responder, Some(&strange)), (&responder, None), (&chain.holder, Some(&chain.leaf))]
        {
            let ocsps = [answer(&chain, Hash::Sha1, CertStatus::Good, key, certificate)];
            let question = PathInput { ocsps: &ocsps, ..chain.question() };
            refused(&validate(&question), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
        }
        chain.ocsps = vec![answer(&chain, Hash::Sha1, CertStatus::Unknown, &responder, Some(&good))];
        refused(&chain.judge(), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
        // Every octet of a good answer counts.
        let answer = answer(&chain, Hash::Sha1, CertStatus::Good, &responder, Some(&good));
        for position in 0..answer.der().len() {
            let mut der = answer.der().to_vec();
            der[position] ^= 1;
            let Ok(changed) = OcspResponse::from_der(&der) else { continue };
            // Extensions of the delegate that do not bear on it, and the envelope's own octets, are not signed by the answer.
            if changed.tbs() == answer.tbs() {
                continue;
            }
            chain.ocsps = vec![changed];
            assert_ne!(chain.judge().outcome, Outcome::Accepted, "{kind} octet {position}");
        }
    }
}

#[test]
fn cross_certificates_and_loops_are_searched_within_bounds() {
    // Sixty authorities certify one another; one path leads to the anchor.
    let mut chain = Chain::new(KeyKind::P256);
    let pool: Vec<Authority> = (0..12).map(|at| Authority::new(KeyKind::P256, &format!("CA {at}"))).collect();
    let mut serial = 20;
    for issuer in &pool {
        for subject in &pool {
            serial += 1;
            let certificate = issuer.issue(serial, &subject.name, &subject.key, |ca| ca.authority(None).key_usage(&ISSUES));
            chain.intermediates.push(certificate);
        }
    }
    chain.leaf = pool[0].issue(3, &name("张三"), &chain.holder, |leaf| leaf.key_usage(&SIGNS));
    let mut question = chain.question();
    question.revocation = Revocation::Off;
    let result = validate(&question);
    assert_eq!(result.outcome, Outcome::Undecided, "no way out of the maze: {:?}", result.reason);
    let exit = chain.root.issue(250, &pool[5].name, &pool[5].key, |ca| ca.authority(None).key_usage(&ISSUES));
    chain.intermediates.push(exit);
    let mut question = chain.question();
    question.revocation = Revocation::Off;
    let result = validate(&question);
    assert_eq!(result.outcome, Outcome::Accepted, "{:?}", result.reason);
    assert_eq!(format!("{:?}", result.path), format!("{:?}", validate(&question).path), "the same question, the same answer");
}

#[test]
fn the_name_asked_for_must_be_borne() {
    let mut chain = Chain::new(KeyKind::P256);
    chain.reissue(|leaf| leaf.subject_alt_names(&[GeneralName::Dns("*.fujian.cn".into()), GeneralName::Ip(vec![10, 0, 0, 1])]));
    let with = |host: &str| validate(&PathInput { host: Some(host), purpose: Purpose::Server, ..chain.question() }).outcome;
    for host in ["a.fujian.cn", "A.Fujian.CN.", "10.0.0.1"] {
        assert_eq!(with(host), Outcome::Accepted, "{host}");
    }
    for host in ["fujian.cn", "a.b.fujian.cn", "10.0.0.2", "张三", "", "*.fujian.cn"] {
        assert_eq!(with(host), Outcome::Rejected, "{host}");
    }
}

#[test]
fn a_leaf_that_is_itself_the_anchor_is_trusted_but_still_looked_at() {
    let chain = Chain::new(KeyKind::Sm2);
    let anchors = [Anchor::from(chain.leaf.clone())];
    let mut question = PathInput::new(&chain.leaf, &anchors, at("2026-06-15"));
    question.purpose = Purpose::Sign;
    assert_eq!(validate(&question).outcome, Outcome::Accepted);
    question.at = at("2029-01-01");
    refused(&validate(&question), Outcome::Rejected, FaultKind::Expired, Some(0));
}

#[test]
fn a_list_that_dates_a_revocation_later_already_revokes() {
    let mut chain = Chain::new(KeyKind::P256);
    chain.crls[1] = chain.issuing.list(2).revoked(&[3], at("2026-06-20"), Reason::Superseded).sign(&chain.issuing.key).unwrap();
    refused(&chain.judge(), Outcome::Rejected, FaultKind::Revoked, Some(0));
}

#[test]
fn tls_certificates_keep_every_rule_of_the_profile() {
    let mut chain = Chain::new(KeyKind::P256);
    let judge = |chain: &Chain, purpose: Purpose| validate(&PathInput { purpose, ..chain.question() });
    // No authorityKeyIdentifier: told of a signature certificate, refused of a TLS server's.
    let bare =
        CertificateBuilder::new(&chain.issuing.name, &name("张三"), chain.holder.public_key(), &[3], at("2026-01-01"), at("2028-01-01"));
    chain.leaf = bare.sign(&chain.issuing.key).unwrap();
    let signing = judge(&chain, Purpose::Sign);
    assert!(
        signing.outcome == Outcome::Accepted && signing.warnings.iter().any(|warning| warning.detail.contains("authorityKeyIdentifier"))
    );
    refused(&judge(&chain, Purpose::Server), Outcome::Rejected, FaultKind::Malformed, Some(0));
    // A list that names one certificate twice, the same way.
    chain.reissue(|leaf| leaf);
    let twice =
        chain.issuing.list(2).revoked(&[8], at("2026-05-01"), Reason::Superseded).revoked(&[8], at("2026-05-01"), Reason::Superseded);
    chain.crls[1] = twice.sign(&chain.issuing.key).unwrap();
    assert_eq!(judge(&chain, Purpose::Sign).outcome, Outcome::Accepted);
    refused(&judge(&chain, Purpose::Client), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
}

#[test]
fn self_issued_certificates_use_up_no_path_length() {
    let chain = Chain::new(KeyKind::P256);
    let first = chain.root.issue(2, &chain.issuing.name, &chain.issuing.key, |ca| ca.authority(Some(0)).key_usage(&ISSUES));
    let rolled = Authority { name: chain.issuing.name.clone(), key: SoftKey::generate(KeyKind::P256, &SystemDice).unwrap() };
    let second = chain.issuing.issue(6, &rolled.name, &rolled.key, |ca| ca.authority(Some(0)).key_usage(&ISSUES));
    let leaf = rolled.issue(7, &name("张三"), &chain.holder, |leaf| leaf.key_usage(&SIGNS));
    let intermediates = [first, second];
    let mut question = PathInput { leaf: &leaf, intermediates: &intermediates, ..chain.question() };
    question.revocation = Revocation::Off;
    let result = validate(&question);
    assert_eq!((result.outcome, result.path.len()), (Outcome::Accepted, 4), "{:?}", result.faults);
    // The caller's own bound counts every intermediate.
    question.limits.max_intermediates = 1;
    refused(&validate(&question), Outcome::Rejected, FaultKind::PathLength, None);
}
