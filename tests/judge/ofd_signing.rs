//! Signing and sealing OFD packages: what others signed stays, what we make passes our judge, and nothing altered does.

use crate::authority::{Authority, Holder, NOW, at, file, pem};
use crate::command::{status, xinyin};
use crate::ofd::{Files, zip};
use crate::signing::{facts, request, signed};
use xinyin::crypto::{KeyKind, Signer as _};
use xinyin::doc::facts::Facts;
use xinyin::keys::SoftKey;
use xinyin::pki::build::CertificateBuilder;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::pki::extensions::KeyUsage;
use xinyin::pki::{Name, name::attribute};
use xinyin::sign::{Format, Level, Lock, Place, Refusal, Request, seal};
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor, Verdict, judge};
use xinyin::world::SystemDice;

/// Another holder under the authority's issuing certificate.
pub fn holder(authority: &Authority, serial: u8, common: &str) -> Holder {
    let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
    let name = Name::build(&[(attribute::COUNTRY, "CN"), (attribute::ORGANISATION, "测试机构"), (attribute::COMMON_NAME, common)]).unwrap();
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let issuer = authority.issuing.certificate.subject();
    let certificate = CertificateBuilder::new(issuer, &name, key.public_key(), &[serial], from, to)
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION])
        .subject_key_id()
        .authority_key_id(authority.issuing.key.public_key())
        .sign(&authority.issuing.key)
        .unwrap();
    Holder { key, certificate }
}

/// A seal that lists the authority's signer.
pub fn esl(authority: &Authority, maker: &Holder, version: Version, list: ListKind) -> Vec<u8> {
    esl_with(authority, maker, version, list, b"\x89PNG\r\n\x1a\n a picture".to_vec())
}

/// The same with this picture.
pub fn esl_with(authority: &Authority, maker: &Holder, version: Version, list: ListKind, picture: Vec<u8>) -> Vec<u8> {
    let wish = seal::Request {
        version,
        id: "35089900000001".into(),
        kind: 1,
        name: "测试区行政审批局行政审批专用章".into(),
        code: None,
        signers: vec![authority.signer.certificate.clone()],
        list,
        created: at("2026-11-01T08:00:00Z"),
        from: at("2026-11-01T08:00:00Z"),
        until: at("2027-11-23T08:00:00Z"),
        picture,
        size: (42, 42),
        maker: maker.certificate.clone(),
    };
    let prepared = seal::prepare(&wish).unwrap();
    let signature = maker.key.sign(prepared.message()).unwrap();
    prepared.finish(&signature).unwrap()
}

/// A document of three pages without signatures.
pub fn plain() -> Files {
    let text = |text: &str, x: u32, y: u32| {
        format!(
            "<ofd:TextObject ID='9' Boundary='{x} {y} 100 10' Font='3' Size='4'><ofd:TextCode X='0' Y='4' DeltaX='g 20 4'>{text}</ofd:TextCode></ofd:TextObject>"
        )
    };
    let page = |inside: String| {
        format!(
            "<?xml version='1.0' encoding='UTF-8'?><ofd:Page xmlns:ofd='http://www.ofdspec.org/2016'><ofd:Content><ofd:Layer ID='2'>{inside}</ofd:Layer></ofd:Content></ofd:Page>"
        )
    };
    let mut files: Files = [
        ("OFD.xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<ofd:OFD xmlns:ofd=\"http://www.ofdspec.org/2016\" Version=\"1.1\" DocType=\"OFD\">\r\n <ofd:DocBody><ofd:DocInfo><ofd:DocID>1</ofd:DocID></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody>\r\n</ofd:OFD>"),
        ("Doc_0/Document.xml", "<ofd:Document xmlns:ofd='http://www.ofdspec.org/2016'><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData><ofd:Pages><ofd:Page ID='1' BaseLoc='Pages/Page_0/Content.xml'/><ofd:Page ID='11' BaseLoc='Pages/Page_1/Content.xml'/><ofd:Page ID='21' BaseLoc='Pages/Page_2/Content.xml'/></ofd:Pages></ofd:Document>"),
        ("Doc_0/Res/名 & 字.bin", "\u{0}\u{1}"),
    ]
    .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
    .into();
    let pages = [text("批准书", 90, 20), text("第二页", 90, 20), text("审批机", 120, 200) + &text("关（盖章）", 132, 200)];
    files.extend(
        pages.into_iter().enumerate().map(|(number, inside)| (format!("Doc_0/Pages/Page_{number}/Content.xml"), page(inside).into_bytes())),
    );
    files
}

pub fn ofd_request(authority: &Authority, seal: Option<&[u8]>, level: Level) -> Request {
    Request { seal: seal.map(Into::into), ..request(authority, &authority.signer, Format::Ofd, level) }
}

pub fn judged(authority: &Authority, facts: &Facts) -> Verdict {
    let evidence = Evidence {
        anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())],
        // A signature with a seal has no place for the certificates between its signer and the root.
        certificates: vec![authority.issuing.certificate.clone()],
        crls: vec![authority.crl.clone(), authority.root_crl.clone()],
        ..Evidence::default()
    };
    let options = Options { file: String::new(), at: at(NOW), at_given: false, revocation: Revocation::Hard };
    judge(facts, &evidence, &Policy::named("strict").unwrap(), &options)
}

/// Names and contents of a package, by a reader that is not ours.
pub fn entries(test: &str, package: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "a.zip", package);
    let script = "import sys,zipfile,base64\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nfor n in z.infolist(): print(base64.b64encode(n.filename.encode()).decode(),base64.b64encode(z.read(n)).decode() or '-')";
    let output = match std::process::Command::new("python3").arg("-c").arg(script).arg(&path).output() {
        Ok(output) => output,
        Err(_) => {
            crate::peers::skip(test, "python3 is not installed");
            return None;
        }
    };
    assert!(output.status.success(), "{}", crate::peers::said(&output));
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let decode = |text: &str| if text == "-" { Vec::new() } else { BASE64_STANDARD.decode(text).unwrap() };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, octets)| (String::from_utf8(decode(name)).unwrap(), decode(octets)))
            .collect(),
    )
}

#[track_caller]
fn passes(authority: &Authority, package: &[u8], count: usize) -> Verdict {
    let verdict = judged(authority, &facts(package, None));
    assert_eq!((verdict.indication, verdict.signatures.len()), (Indication::Passed, count), "{:#?}", verdict.defects);
    for signature in &verdict.signatures {
        let package = signature.package.as_ref().unwrap();
        assert!(signature.covers == "whole-document" && package.uncovered.is_empty() && package.changed.is_empty(), "{package:?}");
    }
    verdict
}

#[test]
fn every_version_of_seal_and_plain_signatures_follow_one_another() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let mut package = zip(&plain());
    let seals: Vec<Vec<u8>> =
        [(Version::V1, ListKind::Certificates), (Version::V4, ListKind::Digests), (Version::V5, ListKind::Certificates)]
            .map(|(version, list)| esl(&authority, &maker, version, list))
            .into();
    let mut kinds = Vec::new();
    for (seal, level) in [
        (Some(&seals[1]), Level::B),
        (None, Level::B),
        (Some(&seals[0]), Level::B),
        (Some(&seals[2]), Level::T),
        (None, Level::T),
        (Some(&seals[1]), Level::T),
    ] {
        let before = package.clone();
        package = signed(&authority, &authority.signer, &package, &ofd_request(&authority, seal.map(Vec::as_slice), level)).unwrap();
        kinds.push(if seal.is_some() { "seal" } else { "signature" });
        let verdict = passes(&authority, &package, kinds.len());
        assert_eq!(verdict.signatures.iter().map(|entry| entry.kind).collect::<Vec<_>>(), kinds);
        let last = verdict.signatures.last().unwrap();
        assert_eq!(last.best_time_source, if level == Level::T { "signature-timestamp" } else { "claimed" });
        assert_eq!(last.seal.as_ref().map(|seal| seal.signer_listed), seal.map(|_| true));
        // Whatever stood there stands there still, in its order, but the list of signatures (and OFD.xml the first time).
        let Some((old, new)) = entries("ofd_signing", &before).zip(entries("ofd_signing", &package)) else { continue };
        for ((name, octets), (now_name, now)) in old.iter().zip(&new) {
            assert_eq!(name, now_name);
            let edited = name.ends_with("Signatures.xml") || name == "OFD.xml" && kinds.len() == 1;
            assert!(octets == now || edited, "{name}");
            if edited {
                // Only put into, never written anew.
                assert!(
                    now.starts_with(&octets[..octets.iter().zip(now).take_while(|(a, b)| a == b).count()]) && now.len() >= octets.len()
                );
            }
        }
    }
}

#[test]
fn a_signature_more_breaks_nothing_of_others() {
    let Some(corpus) = crate::corpus("ofd_signing::a_signature_more_breaks_nothing_of_others") else { return };
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl(&authority, &maker, Version::V4, ListKind::Certificates);
    let (mut made, mut refused) = (0, Vec::new());
    for family in ["samples/ofd-synthetic", "files/ofd-real", "files/ofd-pki"] {
        for path in std::fs::read_dir(corpus.join(family)).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_none_or(|ending| ending != "ofd") {
                continue;
            }
            let octets = std::fs::read(&path).unwrap();
            let before = judged(&authority, &facts(&octets, None));
            match signed(&authority, &authority.signer, &octets, &ofd_request(&authority, Some(&seal), Level::B)) {
                Ok(package) => {
                    made += 1;
                    let after = judged(&authority, &facts(&package, None));
                    for old in before.signatures.iter().filter(|old| old.package.is_some()) {
                        let now = after.signatures.iter().find(|entry| entry.id == old.id).unwrap();
                        assert_eq!(
                            (old.indication, &old.sub_indication, old.covers),
                            (now.indication, &now.sub_indication, now.covers),
                            "{}",
                            path.display()
                        );
                    }
                    assert_eq!(after.signatures.len(), before.signatures.iter().filter(|old| old.package.is_some()).count() + 1);
                    assert_eq!(
                        after.signatures.iter().filter(|entry| entry.indication == Indication::Passed).count(),
                        1,
                        "{}",
                        path.display()
                    );
                }
                Err(refusal) => refused.push(format!("{}: {refusal}", path.display())),
            }
        }
    }
    assert!(made >= 11 && refused.iter().all(|why| why.contains("locks the package")), "{made} signed; {refused:#?}");
}

#[track_caller]
fn refused(authority: &Authority, package: &[u8], request: &Request) -> Refusal {
    signed(authority, &authority.signer, package, request).unwrap_err()
}

#[test]
fn what_must_not_be_signed_is_refused() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl(&authority, &maker, Version::V4, ListKind::Certificates);
    let package = zip(&plain());
    let good = ofd_request(&authority, Some(&seal), Level::B);
    // The seal: not the signer's, not in force, altered, no seal.
    let other = Request { certificate: maker.certificate.clone(), ..good.clone() };
    assert!(matches!(refused(&authority, &package, &other), Refusal::SealNotYours(1)));
    assert!(matches!(
        refused(&authority, &package, &Request { at: at("2026-10-31T08:00:00Z"), ..good.clone() }),
        Refusal::SealOutOfForce(..)
    ));
    assert!(matches!(
        refused(&authority, &package, &Request { at: at("2028-10-31T08:00:00Z"), ..good.clone() }),
        Refusal::SealOutOfForce(..)
    ));
    let mut altered = seal.clone();
    let place = altered.windows(6).position(|window| window == "审批".as_bytes()).unwrap();
    altered[place + 2] ^= 1;
    assert!(matches!(refused(&authority, &package, &ofd_request(&authority, Some(&altered), Level::B)), Refusal::Seal(_)));
    assert!(matches!(refused(&authority, &package, &ofd_request(&authority, Some(b"PNG"), Level::B)), Refusal::Seal(_)));
    // Version 1 has no place for a time-stamp; nothing has for more.
    let first = esl(&authority, &maker, Version::V1, ListKind::Certificates);
    assert!(matches!(refused(&authority, &package, &ofd_request(&authority, Some(&first), Level::T)), Refusal::Request(_)));
    assert!(matches!(refused(&authority, &package, &ofd_request(&authority, Some(&seal), Level::Lt)), Refusal::Request(_)));
    // The package: none, hidden entries, one that is locked.
    assert!(matches!(refused(&authority, b"%PDF-1.7", &good), Refusal::Document(_)));
    let twice = zip(&[plain(), plain()].concat());
    assert!(matches!(refused(&authority, &twice, &good), Refusal::Package(..)));
    let locked = signed(&authority, &authority.signer, &package, &Request { lock: Some(Lock::All), ..good.clone() }).unwrap();
    let verdict = passes(&authority, &locked, 1);
    assert!(verdict.signatures[0].package.as_ref().unwrap().locked);
    assert!(refused(&authority, &locked, &good).to_string().contains("locks the package"));
    // A second document without a list of its own, when OFD.xml is signed already.
    let mut files = plain();
    let more = "<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>";
    files[0].1 = String::from_utf8(files[0].1.clone()).unwrap().replace("</ofd:OFD>", more).into_bytes();
    let copies: Files = files[1..].iter().map(|(name, octets)| (name.replace("Doc_0", "Doc_1"), octets.clone())).collect();
    files.extend(copies);
    let two = zip(&files);
    assert!(matches!(refused(&authority, &two, &Request { document: Some(3), ..good.clone() }), Refusal::Document(_)));
    let second = signed(&authority, &authority.signer, &two, &Request { document: Some(2), ..good.clone() }).unwrap();
    passes(&authority, &second, 1);
    assert!(refused(&authority, &second, &good).to_string().contains("OFD.xml is protected"));
    passes(&authority, &signed(&authority, &authority.signer, &second, &Request { document: Some(2), ..good.clone() }).unwrap(), 2);
    // Places that are none.
    for place in [
        Place::Corner { page: Some(4) },
        Place::Keyword { text: "不存在的字".into(), page: None },
        Place::Keyword { text: "审批机关".into(), page: Some(1) },
        Place::Rectangle { page: 1, sides: [0.0, 0.0, f64::NAN, 10.0] },
        Place::Rectangle { page: 1, sides: [220.0, 0.0, 260.0, 40.0] },
    ] {
        refused(&authority, &package, &Request { places: vec![place], ..good.clone() });
    }
    assert!(matches!(refused(&authority, &package, &Request { seal: None, places: vec![Place::Riding], ..good }), Refusal::Request(_)));
}

#[test]
fn seals_stand_where_they_are_wanted() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl(&authority, &maker, Version::V4, ListKind::Certificates);
    let stamps = |places: Vec<Place>| {
        let request = Request { places, ..ofd_request(&authority, Some(&seal), Level::B) };
        let package = signed(&authority, &authority.signer, &zip(&plain()), &request).unwrap();
        let verdict = passes(&authority, &package, 1);
        let xml = entries("ofd_signing", &package)?.into_iter().find(|(name, _)| name.ends_with("Sign_0/Signature.xml")).unwrap().1;
        let xml = String::from_utf8(xml).unwrap();
        let tree = roxmltree::Document::parse(&xml).unwrap();
        let stamps: Vec<(String, Vec<f64>, Option<String>)> = tree
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.ofdspec.org/2016", "StampAnnot")))
            .map(|node| {
                let numbers = node.attribute("Boundary").unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
                (node.attribute("PageRef").unwrap().to_owned(), numbers, node.attribute("Clip").map(str::to_owned))
            })
            .collect();
        let told = verdict.signatures[0].package.as_ref().unwrap();
        assert_eq!((told.stamps, told.slices), (stamps.len(), stamps.iter().filter(|stamp| stamp.2.is_some()).count()));
        Some(stamps)
    };
    let Some(corner) = stamps(vec![]) else { return };
    assert_eq!(corner, [("21".to_owned(), vec![148.0, 235.0, 42.0, 42.0], None)]);
    let rectangle = stamps(vec![Place::Rectangle { page: 2, sides: [10.0, 20.5, 40.0, 50.5] }]).unwrap();
    assert_eq!(rectangle, [("11".to_owned(), vec![10.0, 20.5, 30.0, 30.0], None)]);
    // 审批机 and 关（盖章） are two objects; six characters of 4 mm from 120: their middle is at 132, on the line at 204.
    let keyword = stamps(vec![Place::Keyword { text: "审批机关 （盖".into(), page: None }]).unwrap();
    assert_eq!((keyword[0].0.as_str(), keyword[0].1[0]), ("21", 132.0 - 21.0));
    assert!((keyword[0].1[1] + 21.0 - 202.5).abs() < 1.0, "{keyword:?}");
    let both = stamps(vec![Place::Corner { page: Some(1) }, Place::Riding]).unwrap();
    assert_eq!(both.len(), 4);
    assert_eq!(both[1], ("1".to_owned(), vec![196.0, 127.5, 42.0, 42.0], Some("0 0 14 42".into())));
    assert_eq!(both[3], ("21".to_owned(), vec![168.0, 127.5, 42.0, 42.0], Some("28 0 14 42".into())));
}

#[test]
fn the_command_seals_packages_and_pdfs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    for (name, holder) in [("maker", &maker), ("signer", &authority.signer)] {
        pem(folder, &format!("{name}.crt"), "CERTIFICATE", &[holder.certificate.der()]);
        std::fs::write(folder.join(format!("{name}.pem")), holder.key.to_pkcs8_pem().as_bytes()).unwrap();
    }
    pem(folder, "root.pem", "CERTIFICATE", &[authority.root.certificate.der()]);
    pem(folder, "issuing.pem", "CERTIFICATE", &[authority.issuing.certificate.der()]);
    file(folder, "in.ofd", &zip(&plain()));
    file(folder, "in.pdf", &crate::signing::sample(false, ""));
    file(folder, "picture.png", &crate::pdf_seals::png());
    let run = |arguments: &[&str]| xinyin(folder, arguments);
    let good = |arguments: &[&str]| {
        let output = run(arguments);
        assert_eq!(status(&output), 0, "{arguments:?}: {}", crate::peers::said(&output));
    };
    for (file, signer) in [("a.esl", "signer.crt"), ("other.esl", "maker.crt")] {
        let make =
            ["seal", "make", "--key", "maker.pem", "--cert", "maker.crt", "--owner", "测试区行政审批局", "--uscc", "91350100M000100Y43"];
        good(&[&make[..], &["--picture", "picture.png", "--signer", signer, file]].concat());
    }
    let sign = |more: &[&str]| run(&[&["sign", "--key", "signer.pem", "--cert", "signer.crt"], more].concat());
    for (more, out) in [
        (&["--seal", "a.esl", "--keyword", "审批机关", "--riding", "in.ofd", "out.ofd"][..], "out.ofd"),
        (&["--format", "ofd", "--page", "1", "--rect", "10,10,52,52", "--seal", "a.esl", "out.ofd", "twice.ofd"], "twice.ofd"),
        (&["--format", "ofd", "--chain", "issuing.pem", "--lock", "all", "twice.ofd", "thrice.ofd"], "thrice.ofd"),
        (&["--format", "ses", "--seal", "a.esl", "--page", "1", "in.pdf", "ses.pdf"], "ses.pdf"),
        (&["--chain", "issuing.pem", "--seal", "a.esl", "in.pdf", "picture.pdf"], "picture.pdf"),
    ] {
        let output = sign(more);
        assert_eq!(status(&output), 0, "{more:?}: {}", crate::peers::said(&output));
        good(&["verify", "--trust", "root.pem", "--cert", "issuing.pem", "--revocation", "soft", "--offline", out]);
    }
    // Refused, with a code, and nothing written.
    for (more, code) in [
        (&["--seal", "other.esl", "in.ofd"][..], "XY-3305"),
        (&["--seal", "picture.png", "in.ofd"], "XY-3304"),
        (&["--seal", "a.esl", "--format", "ofd", "in.pdf"], "XY-3203"),
        (&["--seal", "a.esl", "thrice.ofd"], "XY-3203"),
        (&["--seal", "a.esl", "--keyword", "没有这几个字", "in.ofd"], "XY-3203"),
        (&["--seal", "a.esl", "--level", "B-LT", "--tsa", "http://localhost:1/", "in.ofd"], "XY-3201"),
        (&["--format", "ses", "in.pdf"], "XY-3201"),
        (&["--riding", "--seal", "a.esl", "in.pdf"], "--riding"),
    ] {
        let refused = sign(&[more, &["no.out"]].concat());
        assert_eq!(status(&refused), 3, "{more:?}");
        assert!(crate::peers::said(&refused).contains(code), "{more:?}: {}", crate::peers::said(&refused));
        assert!(!folder.join("no.out").exists());
    }
}
