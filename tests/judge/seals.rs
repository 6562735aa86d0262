//! Electronic seals: what we make we read, others verify, and no altered octet passes; seals of others are told about.

use crate::authority::{Authority, Holder, NOW, at, file, pem};
use crate::command::{status, xinyin};
use crate::peers;
use serde_json::Value;
use std::path::Path;
use xinyin::crypto::{Hash, KeyKind, Signer as _};
use xinyin::doc::seal::{Seal, SealSignature, SigningTime};
use xinyin::pki::build::seal::{ListKind, StampSpec, Version, prepare_stamp};
use xinyin::sign::seal::{Request, SealRefusal, inspect, maker_signature, prepare};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n a picture";

fn request(authority: &Authority, version: Version) -> Request {
    Request {
        version,
        id: "35089900000001".into(),
        kind: 1,
        name: "测试区行政审批局行政审批专用章".into(),
        code: None,
        signers: vec![authority.signer.certificate.clone()],
        list: ListKind::Certificates,
        created: at(NOW),
        from: at(NOW),
        until: at("2027-11-23T08:00:00Z"),
        picture: PICTURE.to_vec(),
        size: (42, 42),
        maker: authority.revoked.certificate.clone(),
    }
}

/// The maker of these tests is any holder of a signing certificate.
fn maker(authority: &Authority) -> &Holder {
    &authority.revoked
}

fn seal(authority: &Authority, request: &Request) -> Vec<u8> {
    let prepared = prepare(request).unwrap();
    let signature = maker(authority).key.sign(prepared.message()).unwrap();
    prepared.finish(&signature).unwrap()
}

#[test]
fn every_version_reads_back_and_no_altered_octet_passes() {
    let authority = Authority::new(KeyKind::Sm2);
    for version in [Version::V1, Version::V4, Version::V5] {
        let made = seal(&authority, &request(&authority, version));
        let read = Seal::parse(&made).unwrap();
        assert!(read.deviations.is_empty(), "{version:?}: {:?}", read.deviations);
        assert_eq!(read.header.version, version as u64);
        assert!(read.property.signers.lists(authority.signer.certificate.der()));
        assert!(!read.property.signers.lists(authority.revoked.certificate.der()));
        assert_eq!((read.property.valid_from, read.property.valid_until), (at(NOW), at("2027-11-23T08:00:00Z")));
        assert_eq!(read.picture.data, PICTURE);
        maker_signature(&read).unwrap();
        // Every octet of what the maker signed, one after the other; then those of certificate and value.
        let info = read.info.len();
        for place in 0..made.len() {
            let mut altered = made.clone();
            altered[place] ^= 0x01;
            let Ok(seal) = Seal::parse(&altered) else { continue };
            let holds = maker_signature(&seal).is_ok();
            // Of the maker's certificate only the key takes part in versions 4 and 5: who the maker is, is the chain's matter.
            let in_certificate = place > 4 + info && version != Version::V1;
            assert!(!holds || in_certificate && seal.info == read.info && seal.signature == read.signature, "{version:?}: octet {place}");
        }
    }
}

#[test]
fn digests_in_place_of_certificates() {
    let authority = Authority::new(KeyKind::Sm2);
    let made = seal(&authority, &Request { list: ListKind::Digests, ..request(&authority, Version::V4) });
    let read = Seal::parse(&made).unwrap();
    assert!(read.deviations.is_empty() && read.property.signers.lists(authority.signer.certificate.der()));
    assert!(!read.property.signers.lists(authority.tsa.certificate.der()));
}

#[test]
fn requests_that_make_no_seal() {
    let authority = Authority::new(KeyKind::Sm2);
    let good = request(&authority, Version::V4);
    let refused = |request: Request, part: &str| {
        let refusal = prepare(&request).unwrap_err().to_string();
        assert!(refusal.contains(part), "{refusal}");
    };
    refused(Request { name: String::new(), ..good.clone() }, "name");
    refused(Request { name: "章\n章".into(), ..good.clone() }, "name");
    refused(Request { id: "编码".into(), ..good.clone() }, "code");
    refused(Request { until: at(NOW), ..good.clone() }, "ends before");
    refused(Request { until: at("2060-01-01T00:00:00Z"), ..good.clone() }, "twenty years");
    refused(Request { picture: b"<svg onload='x'/>".to_vec(), ..good.clone() }, "none of PNG");
    refused(Request { size: (0, 42), ..good.clone() }, "sides");
    refused(Request { signers: vec![], ..good.clone() }, "1 to 256");
    refused(Request { signers: vec![authority.signer.certificate.clone(); 2], ..good.clone() }, "twice");
    refused(Request { version: Version::V1, list: ListKind::Digests, ..good.clone() }, "GM/T 0031-2014");
    refused(Request { maker: authority.issuing.certificate.clone(), ..good.clone() }, "not for signing");
    refused(Request { created: at("2040-01-01T00:00:00Z"), ..good.clone() }, "time of making");
    refused(Request { from: at("2037-01-01T00:00:00Z"), until: at("2038-01-01T00:00:00Z"), ..good.clone() }, "no time at which");
    let other = Authority::new(KeyKind::P256);
    refused(Request { signers: vec![other.signer.certificate.clone()], ..good.clone() }, "not SM2");
    // A signature by another key than the maker's never leaves.
    let prepared = prepare(&good).unwrap();
    let signature = authority.signer.key.sign(prepared.message()).unwrap();
    assert!(matches!(prepared.finish(&signature), Err(SealRefusal::Check(_))));
}

/// A signature with a seal over a digest.
fn stamp(authority: &Authority, version: Version, made: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let digest = Hash::Sm3.digest(b"<Signature/>");
    let fixed = prepare_stamp(&StampSpec {
        version,
        seal: made,
        at: at(NOW),
        digest: &digest,
        property: "/Doc_0/Signs/Sign_0/Signature.xml",
        certificate: authority.signer.certificate.der(),
    });
    let message = fixed.message().to_vec();
    let value = authority.signer.key.sign(&message).unwrap();
    let signed = fixed.finish(value);
    let token = (version != Version::V1).then(|| {
        let dialect = xinyin::pki::build::cms::Dialect::Gm;
        authority.token(Hash::Sm3, signed.signature(), dialect)
    });
    (signed.encode(token.as_deref()), message)
}

#[test]
fn signatures_with_seals_read_back() {
    let authority = Authority::new(KeyKind::Sm2);
    for version in [Version::V1, Version::V4, Version::V5] {
        let made = seal(&authority, &request(&authority, version));
        let (stamped, message) = stamp(&authority, version, &made);
        let read = SealSignature::parse(&stamped).unwrap();
        assert!(read.deviations.is_empty() && read.trailing.is_empty(), "{version:?}: {:?}", read.deviations);
        assert_eq!((read.to_be_signed, read.seal.raw), (&message[..], &made[..]));
        assert_eq!(read.time, SigningTime::Claimed(at(NOW)));
        assert_eq!(read.data_hash, Hash::Sm3.digest(b"<Signature/>"));
        assert_eq!(read.timestamp.is_some(), version != Version::V1);
        assert_eq!(read.certificate, authority.signer.certificate.der());
    }
}

#[test]
fn foreign_judges_verify_maker_and_signer() {
    let test = "seals::foreign_judges_verify_maker_and_signer";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(KeyKind::Sm2);
    let put = |name: &str, octets: &[u8]| file(folder, name, octets).display().to_string();
    let made = seal(&authority, &request(&authority, Version::V4));
    let (stamped, _) = stamp(&authority, Version::V4, &made);
    let read = SealSignature::parse(&stamped).unwrap();
    let altered = |octets: &[u8], part: &[u8]| {
        let place = octets.windows(part.len()).position(|window| window == part).unwrap();
        let mut octets = octets.to_vec();
        octets[place + part.len() / 2] ^= 1;
        octets
    };
    let mut java = Vec::new();
    let mut raw = Vec::new();
    for (name, certificate, message, value) in [
        ("maker", read.seal.maker, read.seal.to_be_signed().into_owned(), read.seal.signature),
        ("signer", read.certificate, read.to_be_signed.to_vec(), read.signature),
    ] {
        let certificate = put(&format!("{name}.crt"), certificate);
        let good = put(&format!("{name}.tbs"), &message);
        let bad = put(&format!("{name}.bad"), &altered(&message, PICTURE));
        let value = put(&format!("{name}.sig"), value);
        java.push((true, vec!["sm2".into(), certificate.clone(), good, value.clone()]));
        java.push((false, vec!["sm2".into(), certificate.clone(), bad, value]));
        java.push((true, vec!["certificate".into(), certificate, put("issuing.crt", authority.issuing.certificate.der())]));
    }
    java.push((true, vec!["timestamp".into(), put("token", read.timestamp.unwrap()), put("value", read.signature)]));
    java.push((false, vec!["timestamp".into(), put("token", read.timestamp.unwrap()), put("other", read.seal.signature)]));
    for (kind, good) in [("seal", &made), ("stamp", &stamped)] {
        raw.push((true, vec![kind.into(), put(&format!("{kind}.good"), good)]));
        raw.push((false, vec![kind.into(), put(&format!("{kind}.altered"), &altered(good, PICTURE))]));
    }
    let bare = |jobs: &[(bool, Vec<String>)]| jobs.iter().map(|(_, job)| job.clone()).collect::<Vec<_>>();
    let check = |judge: &str, jobs: &[(bool, Vec<String>)], answers: Option<Vec<peers::Answer>>| {
        for ((expected, job), answer) in jobs.iter().zip(answers.unwrap_or_default()) {
            assert_eq!(answer.yes, *expected, "{judge} on {job:?}: {}", answer.words);
        }
    };
    check("BouncyCastle", &java, peers::bouncy_castle(test, folder, &bare(&java)));
    check("GmSSL", &raw, peers::python_judge(test, "raw_sm2.py", folder, &bare(&raw)));
}

fn keys(folder: &Path) -> Authority {
    let authority = Authority::new(KeyKind::Sm2);
    for (name, holder) in [("maker", maker(&authority)), ("signer", &authority.signer)] {
        pem(folder, &format!("{name}.crt"), "CERTIFICATE", &[holder.certificate.der()]);
        std::fs::write(folder.join(format!("{name}.pem")), holder.key.to_pkcs8_pem().as_bytes()).unwrap();
    }
    authority
}

#[test]
fn the_command_makes_and_inspects() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder);
    file(folder, "picture.png", PICTURE);
    let make = |more: &[&str]| {
        let with = ["seal", "make", "--key", "maker.pem", "--cert", "maker.crt", "--signer", "signer.crt", "--owner", "测试区行政审批局"];
        xinyin(folder, &[&with[..], more].concat())
    };
    let given = ["--picture", "picture.png", "--purpose", "行政审批专用章"];
    let made = make(&[&given[..], &["--uscc", "91350100M000100Y43", "--id", "35089900000007", "a.esl"]].concat());
    assert_eq!(status(&made), 0, "{}", peers::said(&made));
    let inspected = xinyin(folder, &["seal", "inspect", "--format", "json", "a.esl"]);
    assert_eq!(status(&inspected), 0);
    let told: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    for (pointer, value) in [
        ("/file", "a.esl"),
        ("/standard", "GB/T 38540-2020"),
        ("/id", "35089900000007"),
        ("/name", "测试区行政审批局行政审批专用章"),
        ("/uscc", "91350100M000100Y43"),
        ("/now", "valid"),
        ("/maker_signature", "intact"),
        ("/picture/is", "png"),
        ("/signers/0/name", "张伟"),
    ] {
        assert_eq!(told.pointer(pointer).and_then(Value::as_str), Some(value), "{pointer} in {told}");
    }
    assert_eq!(told["warnings"], serde_json::json!([]));
    let said = String::from_utf8(inspected.stdout).unwrap() + &peers::said(&xinyin(folder, &["seal", "inspect", "a.esl"]));
    assert!(!said.contains("350899198503120111"), "a person's number is shown: {said}");
    assert!(said.contains("制章签名 maker's signature: 完好 intact"));

    // Later than its end; one octet of the name altered; no seal; no such file.
    let late = xinyin(folder, &["seal", "inspect", "--format", "json", "--at", "2040-01-01T00:00:00Z", "a.esl"]);
    assert!(String::from_utf8_lossy(&late.stdout).contains("\"now\":\"expired\""));
    let mut altered = std::fs::read(folder.join("a.esl")).unwrap();
    let place = altered.windows(6).position(|window| window == "审批".as_bytes()).unwrap();
    altered[place + 2] ^= 1;
    file(folder, "altered.esl", &altered);
    let broken = xinyin(folder, &["seal", "inspect", "--format", "json", "a.esl", "altered.esl"]);
    assert_eq!(status(&broken), 1);
    assert!(String::from_utf8_lossy(&broken.stdout).contains("\"maker_signature\":\"broken\""));
    let none = xinyin(folder, &["seal", "inspect", "--format", "json", "picture.png"]);
    assert_eq!(status(&none), 1);
    assert!(String::from_utf8_lossy(&none.stdout).contains("XY-3304"));
    assert_eq!(status(&xinyin(folder, &["seal", "inspect", "a.esl", "missing.esl"])), 3);

    // Refused, with a code, and nothing written.
    for (more, code) in [
        (&["--picture", "picture.png", "b.esl"][..], "XY-3301"),
        (&["--uscc", "911100001000010030", "--picture", "picture.png", "b.esl"], "XY-11"),
        (&["--uscc", "91350100M000100Y43", "--picture", "maker.pem", "b.esl"], "XY-3303"),
        (&["--uscc", "91350100M000100Y43", "--picture", "picture.png", "--signer", "picture.png", "b.esl"], "XY-3302"),
        (&["--uscc", "91350100M000100Y43", "--font", "picture.png", "b.esl"], "XY-3303"),
    ] {
        let refused = make(more);
        assert_eq!(status(&refused), 3, "{more:?}");
        assert!(peers::said(&refused).contains(code), "{more:?}: {}", peers::said(&refused));
        assert!(!folder.join("b.esl").exists());
    }
}

#[test]
fn the_command_draws() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder);
    let with = ["seal", "make", "--key", "maker.pem", "--cert", "maker.crt", "--signer", "signer.crt", "--person", "--owner", "张伟"];
    let made = xinyin(folder, &[&with[..], &["--picture-out", "a.svg", "a.esl"]].concat());
    if peers::said(&made).contains("no Chinese font is installed") {
        peers::skip("seals::the_command_draws", "no Chinese font is installed (fonts-noto-cjk)");
        return;
    }
    assert_eq!(status(&made), 0, "{}", peers::said(&made));
    let octets = std::fs::read(folder.join("a.esl")).unwrap();
    let seal = Seal::parse(&octets).unwrap();
    assert_eq!((seal.property.kind, seal.picture.width, seal.picture.height), (2, 20, 20));
    assert!(seal.picture.data.starts_with(b"\x89PNG") && seal.deviations.is_empty());
    // Frame and four characters: 张伟之印.
    assert_eq!(std::fs::read_to_string(folder.join("a.svg")).unwrap().matches("<path").count(), 5);
}

/// Seals of the field: of every version, and one whose maker's signature is not over it.
#[test]
fn seals_of_others() {
    let Some(corpus) = crate::corpus("seals::seals_of_others") else { return };
    let look = |name: &str| {
        let octets = std::fs::read(corpus.join("samples/seals").join(name)).unwrap();
        inspect(&octets, at(NOW)).unwrap()
    };
    for (name, version, now, signature) in [
        ("UserV1.esl", "GM/T 0031-2014", "expired", "intact"),
        ("UserV4.esl", "GB/T 38540-2020", "expired", "intact"),
        ("UserV5.esl", "GM/T 0031-2025", "valid", "intact"),
        ("UserV5_ts.esl", "GM/T 0031-2025", "valid", "intact"),
        ("SESealData.DER", "GB/T 38540-2020", "expired", "broken"),
    ] {
        let told = look(name);
        assert_eq!((told.standard, told.now, told.maker_signature), (version, now, signature), "{name}");
    }
    // Made four years after its maker's certificate had expired.
    let told = look("UserV5.esl");
    assert!(told.warnings.iter().any(|warning| warning.en.contains("not valid when the seal was made")));
}

/// A seal by itself is judged as one: its maker, the maker's chain, its validity; and a signature made with one over what is given.
#[test]
fn seals_by_themselves_are_judged() {
    use crate::ofd_signing::{esl, holder, judged};
    use crate::signing::facts;
    use xinyin::verify::Indication;
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    for version in [Version::V1, Version::V4, Version::V5] {
        let made = esl(&authority, &maker, version, ListKind::Certificates);
        let verdict = judged(&authority, &facts(&made, None));
        assert_eq!((verdict.format.as_str(), verdict.indication), ("seal", Indication::Passed), "{:#?}", verdict.defects);
        let [seal] = verdict.signatures.as_slice() else { panic!("one seal") };
        assert!(seal.kind == "seal" && seal.seal.as_ref().is_some_and(|seal| seal.id == "35089900000001"));
        assert!(verdict.legal.signatures.is_empty(), "a seal by itself signs nothing");
        for place in (0..made.len()).step_by(3) {
            let mut altered = made.clone();
            altered[place] ^= 1;
            assert_ne!(judged(&authority, &facts(&altered, None)).indication, Indication::Passed, "{version:?} {place}");
        }
        // A signature with it, its content given, not given, another one.
        let content = b"<Signature/>";
        let (stamped, _) = stamp(&authority, version, &made);
        let over = |content: Option<&[u8]>| judged(&authority, &facts(&stamped, content));
        let sub = |verdict: &xinyin::verify::Verdict| verdict.sub_indication.clone().unwrap_or_default();
        let good = over(Some(content));
        assert!(good.indication == Indication::Passed && good.format == "seal", "{version:?}: {:#?}", good.defects);
        assert_eq!(sub(&over(None)), "SIGNED_DATA_NOT_FOUND");
        assert_eq!(sub(&over(Some(b"something else"))), "HASH_FAILURE");
    }
    // Its maker's certificate revoked; nobody's anchor.
    let revoked = seal(&authority, &request(&authority, Version::V4));
    assert_ne!(judged(&authority, &facts(&revoked, None)).indication, Indication::Passed);
    let other = Authority::new(KeyKind::Sm2);
    let foreign = esl(&other, &holder(&other, 0x21, "制章单位"), Version::V4, ListKind::Certificates);
    assert_eq!(judged(&authority, &facts(&foreign, None)).sub_indication.as_deref(), Some("NO_CERTIFICATE_CHAIN_FOUND"));
    let Some(corpus) = crate::corpus("seals::seals_by_themselves_are_judged") else { return };
    let look = |name: &str| judged(&authority, &facts(&std::fs::read(corpus.join("samples/seals").join(name)).unwrap(), None));
    let bad_time = |name: &str| look(name).signatures[0].checks.iter().any(|check| check.id == "XY-2115" && check.status == "warn");
    assert!(bad_time("UserV5_ts.esl") && !bad_time("UserV5.esl"));
    assert_eq!(look("SESealData.DER").sub_indication.as_deref(), Some("SIG_CRYPTO_FAILURE"));
}
