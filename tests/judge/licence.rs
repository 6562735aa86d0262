//! The verdict over licences: what is edited, sealed by another, out of date or ended is not valid, each said in its own field.

use crate::authority::{Authority, Holder, NOW, at};
use crate::ofd::zip;
use crate::ofd_signing::{entries, esl, judged, ofd_request};
use crate::signing::{facts, signed};
use xinyin::crypto::{KeyKind, Signer as _};
use xinyin::doc::facts::Facts;
use xinyin::keys::SoftKey;
use xinyin::licence::{self, Application, Fonts, LicenceType};
use xinyin::pki::build::CertificateBuilder;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::pki::extensions::KeyUsage;
use xinyin::pki::{Name, name::attribute};
use xinyin::sign::Level;
use xinyin::verify::licence::LicenceStatus;
use xinyin::verify::{Evidence, Options, Policy, Revocation, TrustAnchor, Verdict, judge};
use xinyin::world::SystemDice;

const TYPE: &str = include_str!("../data/licences/food-business.toml");

/// The issuer of the sample type: its code stands in the certificate.
fn issuer(authority: &Authority, code: &str, serial: u8) -> Holder {
    let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
    let name = Name::build(&[(attribute::COUNTRY, "CN"), (attribute::ORGANISATION, "示例局"), (attribute::COMMON_NAME, "示例局")]).unwrap();
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let certificate = CertificateBuilder::new(authority.issuing.certificate.subject(), &name, key.public_key(), &[serial], from, to)
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION])
        .credit_code(code)
        .subject_key_id()
        .authority_key_id(authority.issuing.key.public_key())
        .sign(&authority.issuing.key)
        .unwrap();
    Holder { key, certificate }
}

/// An unsealed licence, OFD.
fn plain(until: Option<&str>) -> Option<Vec<u8>> {
    let file = xinyin::files::fonts::chinese(None, xinyin::files::fonts::Style::Serif).unwrap();
    let Some(file) = file else {
        crate::peers::skip("licence", "this machine has no Chinese font");
        return None;
    };
    let fonts = Fonts::new(vec![file]);
    let text = if until.is_some() { TYPE.replace("years = 5", "given = true") } else { TYPE.into() };
    let kind = LicenceType::parse(&text).unwrap();
    let application: Application = serde_json::from_value(serde_json::json!({
        "holders": [{ "name": "张示例", "number": "350899199001010013" }], "valid_from": "2026-11-01", "valid_until": until,
        "fields": { "KZ_JYCS": "示例路 1 号", "KZ_JYXM": "热食类食品制售" }
    }))
    .unwrap();
    let made = at("2026-11-10T00:00:00Z");
    let checked = licence::check(&kind, &application, made).unwrap();
    let identifier = xinyin::id::LicenceIdentifier::new(&kind.code, &kind.issuer.code, "2026000001", 1).unwrap();
    let metadata = licence::metadata(&kind, &identifier, &checked, made, None);
    let faces = fonts.open();
    let sheet = licence::lay_out(&kind, &metadata, &checked, "https://x.example.cn/check?code=00", &faces).unwrap();
    Some(licence::ofd(&sheet, &metadata, "1", &faces).unwrap())
}

/// The package with one text replaced in one entry, written anew.
fn changed(package: &[u8], entry: &str, old: &str, new: &str) -> Option<Vec<u8>> {
    let mut files = entries("licence", package)?;
    let (_, octets) = files.iter_mut().find(|(name, _)| name == entry).unwrap();
    let text = String::from_utf8(octets.clone()).unwrap();
    assert!(text.contains(old), "{old} in {entry}");
    *octets = text.replace(old, new).into_bytes();
    Some(zip(&files))
}

/// Sealed by the authority's signer.
fn sealed(authority: &Authority, package: &[u8]) -> Facts {
    let maker = crate::ofd_signing::holder(authority, 60, "制章者");
    let seal = esl(authority, &maker, Version::V4, ListKind::Certificates);
    let request = ofd_request(authority, Some(&seal), Level::B);
    facts(&signed(authority, &authority.signer, package, &request).unwrap(), None)
}

fn field<'a>(verdict: &'a Verdict, name: &str) -> &'a str {
    let licence = verdict.licence.as_ref().unwrap();
    match name {
        "identifier" => licence.identifier.answer,
        "check" => licence.identifier_check.answer,
        "page" => licence.metadata_matches_page.answer,
        "issuer" => licence.issuer_authority.answer,
        "validity" => licence.validity.answer,
        _ => licence.status_at_source.answer,
    }
}

#[test]
fn each_lie_is_told_in_its_own_field() {
    let Some(good) = plain(None) else { return };
    let mut authority = Authority::new(KeyKind::Sm2);
    let code = "11350899003508993A";
    authority.signer = issuer(&authority, code, 70);
    let verdict = judged(&authority, &sealed(&authority, &good));
    assert_eq!((verdict.indication.name(), verdict.verdict), ("TOTAL-PASSED", "valid"), "{:?}", verdict.defects);
    assert_eq!(field(&verdict, "status"), "unknown", "nobody was asked");

    authority.signer = issuer(&authority, "91350100M000100Y43", 71);
    let verdict = judged(&authority, &sealed(&authority, &good));
    assert_eq!((verdict.indication.name(), verdict.verdict, field(&verdict, "issuer")), ("TOTAL-FAILED", "invalid", "no"));
    assert_eq!(verdict.sub_indication.as_deref(), Some("LICENCE_CONSTRAINTS_FAILURE"));
    assert_eq!(verdict.signatures[0].indication.name(), "TOTAL-PASSED", "the seal itself holds");
    authority.signer = issuer(&authority, code, 72);

    let page = "Doc_0/Pages/Page_0/Content.xml";
    let lies: [(&str, &str, &str, &str); 5] = [
        ("OFD.xml", "张示例", "李示例", "page"),
        (page, "张示例", "李示例", "page"),
        (page, "2031年10月31日", "2099年10月31日", "page"),
        ("OFD.xml", ".2026000001.001.", ".2026000002.001.", "check"),
        ("OFD.xml", "\"ZZLXDM\">11100000000013338W901", "\"ZZLXDM\">11100000000013338W902", "identifier"),
    ];
    for (entry, old, new, expected) in lies {
        let Some(package) = changed(&good, entry, old, new) else { return };
        // Sealed by the issuer all the same: the file is intact, and the licence is not valid.
        let verdict = judged(&authority, &sealed(&authority, &package));
        assert_eq!(
            (verdict.indication.name(), verdict.verdict),
            ("TOTAL-FAILED", "invalid"),
            "{entry} {old} → {new}: {:?}",
            verdict.licence
        );
        assert_eq!(field(&verdict, expected), "no", "{entry} {old} → {new}");
        assert_eq!(verdict.indication.exit(), 1);
        assert!(verdict.defects.iter().any(|defect| defect.id.starts_with("XY-23")), "it is among the defects");
    }
    let Some(expired) = plain(Some("2026-11-15")) else { return };
    let verdict = judged(&authority, &sealed(&authority, &expired));
    assert_eq!((verdict.verdict, field(&verdict, "validity")), ("invalid", "no"), "its last day has passed");
}

#[test]
fn the_registers_word_decides_and_grows_old() {
    let Some(good) = plain(None) else { return };
    let mut authority = Authority::new(KeyKind::Sm2);
    authority.signer = issuer(&authority, "11350899003508993A", 70);
    let facts = sealed(&authority, &good);
    let identifier = judged(&authority, &facts).licence.unwrap().identifier.value.unwrap();
    let ask = |state: &str, since: &str, asked: &str| {
        let status = LicenceStatus {
            identifier: identifier.clone(),
            state: state.into(),
            state_zh: state.into(),
            since: at(since),
            reason: "r".into(),
            replaced_by: None,
            source: "s".into(),
            asked_at: at(asked),
        };
        let evidence = Evidence {
            anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())],
            certificates: vec![authority.issuing.certificate.clone()],
            crls: vec![authority.crl.clone(), authority.root_crl.clone()],
            licences: vec![status],
            ..Evidence::default()
        };
        let options = Options { file: String::new(), at: at(NOW), at_given: false, revocation: Revocation::Hard };
        let verdict = judge(&facts, &evidence, &Policy::named("strict").unwrap(), &options);
        (verdict.verdict, verdict.licence.unwrap().status_at_source.answer)
    };
    let before = "2026-11-20T00:00:00Z";
    assert_eq!(ask("in-force", before, NOW), ("valid", "yes"));
    assert_eq!(ask("in-force", before, before), ("valid", "unknown"), "three days old");
    for ended in ["revoked", "withdrawn", "cancelled", "replaced", "voided", "suspended"] {
        assert_eq!(ask(ended, before, NOW), ("invalid", "no"), "{ended}");
        assert_eq!(ask(ended, before, before), ("invalid", "no"), "{ended}: a no does not grow old");
    }
    assert_eq!(
        ask("revoked", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"),
        ("valid", "yes"),
        "it ended after the time that is asked about"
    );
    assert_eq!(ask("expired", "2026-11-22T00:00:00Z", NOW), ("invalid", "no"));
}
