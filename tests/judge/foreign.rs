//! Foreign judges: what xinyin makes, others accept; what is altered, they refuse.

use crate::authority::{Authority, at, file, pem};
use crate::peers;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use xinyin::crypto::{Hash, KeyKind, Signer};
use xinyin::pki::build::{OcspBuilder, cms::Dialect, ocsp, timestamp};
use xinyin::pki::ocsp::{CertStatus, OcspRequest};
use xinyin::pki::{Certificate, Reason};

/// 2026-11-23T08:00:00Z for OpenSSL.
const ATTIME: &str = "1795420800";

/// The judges themselves are alive: without this a broken peer would look like a strict one.
#[test]
fn the_peers_run() {
    if let Some(openssl) = peers::program("the_peers_run", "openssl") {
        let output = peers::run(Command::new(openssl).arg("version"), 10);
        assert!(peers::said(&output).starts_with("OpenSSL 3."), "{}", peers::said(&output));
    }
    if let Some(pdfsig) = peers::program("the_peers_run", "pdfsig") {
        let output = peers::run(Command::new(pdfsig).arg("-v"), 10);
        assert!(peers::said(&output).contains("pdfsig version"), "{}", peers::said(&output));
    }
    if let Some(python) = peers::python("the_peers_run") {
        let output = peers::run(Command::new(python).args(["-c", "import pyhanko, gmssl_pyx; print('both')"]), 60);
        assert!(peers::said(&output).contains("both"), "{}", peers::said(&output));
    }
}

/// Runs OpenSSL in a folder; whether it said yes, and its words.
fn openssl<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> (bool, String) {
    let output = peers::run(Command::new("openssl").args(arguments).current_dir(folder), 60);
    (output.status.success(), peers::said(&output))
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// The last octet changed: of a certificate, list or message that is its signature value.
fn altered(der: &[u8]) -> Vec<u8> {
    let mut der = der.to_vec();
    if let Some(last) = der.last_mut() {
        *last ^= 1;
    }
    der
}

fn write_certificates(folder: &Path, authority: &Authority) {
    let der = |certificate: &Certificate| certificate.der().to_vec();
    let (root, issuing) = (der(&authority.root.certificate), der(&authority.issuing.certificate));
    pem(folder, "root.pem", "CERTIFICATE", &[&root]);
    pem(folder, "issuing.pem", "CERTIFICATE", &[&issuing]);
    for (name, holder) in [
        ("signer.pem", &authority.signer),
        ("revoked.pem", &authority.revoked),
        ("tsa.pem", &authority.tsa),
        ("responder.pem", &authority.responder),
    ] {
        pem(folder, name, "CERTIFICATE", &[holder.certificate.der()]);
    }
    pem(folder, "crl.pem", "X509 CRL", &[authority.crl.der()]);
    pem(folder, "altered-crl.pem", "X509 CRL", &[&altered(authority.crl.der())]);
    pem(folder, "crls.pem", "X509 CRL", &[authority.crl.der(), authority.root_crl.der()]);
    file(folder, "content.txt", "正文\n".as_bytes());
    file(folder, "other.txt", "另一份正文\n".as_bytes());
}

#[test]
fn openssl_accepts_our_certificates_lists_messages_timestamps_and_answers() {
    let test = "openssl_accepts_our_certificates_lists_messages_timestamps_and_answers";
    if peers::program(test, "openssl").is_none() {
        return;
    }
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let authority = Authority::new(kind);
        write_certificates(folder, &authority);
        let yes = |line: &str| {
            let (good, said) = openssl(folder, words(line));
            assert!(good, "{kind:?}: openssl {line}\n{said}");
            said
        };
        let no = |line: &str, why: &str| {
            let (good, said) = openssl(folder, words(line));
            assert!(!good && said.contains(why), "{kind:?}: openssl {line}\n{said}");
        };

        // Certificates with their lists, all the way up.
        let path = format!("-attime {ATTIME} -x509_strict -CAfile root.pem -untrusted issuing.pem -crl_check_all -CRLfile crls.pem");
        yes(&format!("verify {path} signer.pem"));
        no(&format!("verify {path} revoked.pem"), "certificate revoked");
        pem(folder, "altered.pem", "CERTIFICATE", &[&altered(authority.signer.certificate.der())]);
        no(&format!("verify {path} altered.pem"), "signature failure");
        assert!(yes("crl -in crl.pem -noout -CAfile issuing.pem -verify").contains("verify OK"));
        let (_, said) = openssl(folder, words("crl -in altered-crl.pem -noout -CAfile issuing.pem -verify"));
        assert!(said.contains("verify failure"), "{said}");

        // CMS, carried inside and detached.
        let content = std::fs::read(folder.join("content.txt")).unwrap();
        let path = format!("-attime {ATTIME} -binary -inform DER -CAfile root.pem -purpose any -out out.txt");
        file(folder, "attached.p7m", &authority.message(&authority.signer, Dialect::Cms, &content, false));
        yes(&format!("cms -verify {path} -in attached.p7m"));
        assert_eq!(std::fs::read(folder.join("out.txt")).unwrap(), content);
        let detached = authority.message(&authority.signer, Dialect::Cms, &content, true);
        file(folder, "detached.p7s", &detached);
        yes(&format!("cms -verify -cades {path} -in detached.p7s -content content.txt"));
        no(&format!("cms -verify {path} -in detached.p7s -content other.txt"), "verification failure");
        file(folder, "altered.p7s", &altered(&detached));
        no(&format!("cms -verify {path} -in altered.p7s -content content.txt"), "");

        // Timestamps: a token, and a whole response.
        let token = authority.token(Hash::Sha256, &content, Dialect::Cms);
        file(folder, "token.tst", &token);
        file(folder, "response.tsr", &timestamp::granted(&token));
        let path = format!("-attime {ATTIME} -CAfile root.pem -untrusted issuing.pem");
        assert!(yes(&format!("ts -verify -in token.tst -token_in -data content.txt {path}")).contains("Verification: OK"));
        assert!(yes(&format!("ts -verify -in response.tsr -data content.txt {path}")).contains("Verification: OK"));
        no(&format!("ts -verify -in response.tsr -data other.txt {path}"), "message imprint mismatch");
        file(folder, "altered.tsr", &timestamp::granted(&altered(&token)));
        no(&format!("ts -verify -in altered.tsr -data content.txt {path}"), "");
        // OpenSSL reads our request.
        file(folder, "request.tsq", &timestamp::request(Hash::Sha256, &Hash::Sha256.digest(&content), Some(&[7]), None));
        assert!(yes("ts -query -in request.tsq -text").contains("Hash Algorithm: sha256"));

        // OCSP: OpenSSL asks, we answer, OpenSSL judges; by a delegated responder.
        for (certificate, status, word) in [
            ("signer.pem", CertStatus::Good, "signer.pem: good"),
            ("revoked.pem", CertStatus::Revoked { at: at("2026-03-10T02:00:00Z"), reason: Reason::KeyCompromise }, "revoked.pem: revoked"),
        ] {
            yes(&format!("ocsp -issuer issuing.pem -cert {certificate} -reqout request.der"));
            let asked = OcspRequest::from_der(&std::fs::read(folder.join("request.der")).unwrap()).unwrap();
            let answer = OcspBuilder::new(at("2026-11-23T08:00:00Z"))
                .answer(&asked.ids[0], status, at("2026-11-23T08:00:00Z"), Some(at("2036-01-01T00:00:00Z")))
                .nonce(asked.nonce.as_deref())
                .certificate(&authority.responder.certificate)
                .sign(&authority.responder.key)
                .unwrap();
            file(folder, "answer.der", answer.der());
            // OpenSSL compares thisUpdate with its own clock: a wide tolerance keeps the answer in time.
            let judge = format!(
                "ocsp -issuer issuing.pem -cert {certificate} -respin answer.der -CAfile root.pem -verify_other issuing.pem -no_nonce -attime {ATTIME} -validity_period 315360000"
            );
            let said = yes(&judge);
            assert!(said.contains("Response verify OK") && said.contains(word), "{said}");
            file(folder, "answer.der", &altered_answer(answer.der(), &authority));
            let (_, said) = openssl(folder, words(&judge));
            assert!(!said.contains("Response verify OK"), "{said}");
        }
        // The other way: we read OpenSSL's request, OpenSSL reads ours.
        let id = ocsp::cert_id(Hash::Sha1, authority.issuing.certificate.subject(), authority.issuing.key.public_key(), &[0x11]);
        file(folder, "ours.der", &ocsp::request(&[id], &[9; 16]));
        assert!(yes("ocsp -reqin ours.der -req_text").contains("Serial Number: 11"));
    }
}

/// The answer with one octet of its status changed: the signature no longer fits.
fn altered_answer(der: &[u8], authority: &Authority) -> Vec<u8> {
    let mut der = der.to_vec();
    let name = authority.issuing.key.public_key().bits();
    let hash = Hash::Sha1.digest(name);
    let place = der.windows(hash.len()).position(|window| window == hash).expect("the key's hash stands in the answer");
    der[place + hash.len() + 2] ^= 1;
    der
}

/// BouncyCastle and GmSSL on what SM2 keys made; both know the identifier 1234567812345678 only by the standard.
#[test]
fn bouncy_castle_and_gmssl_accept_our_sm2() {
    let test = "bouncy_castle_and_gmssl_accept_our_sm2";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(KeyKind::Sm2);
    write_certificates(folder, &authority);
    let content = std::fs::read(folder.join("content.txt")).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let put = |name: &str, octets: &[u8]| file(folder, name, octets).display().to_string();

    let mut java: Vec<(bool, Vec<String>)> = Vec::new();
    let mut raw: Vec<(bool, Vec<String>)> = Vec::new();
    let job = |list: &mut Vec<(bool, Vec<String>)>, expected: bool, words: &[&str]| {
        list.push((expected, words.iter().map(|word| (*word).to_owned()).collect()));
    };

    let (root, issuing) = (put("root.cer", authority.root.certificate.der()), put("issuing.cer", authority.issuing.certificate.der()));
    for (name, holder) in [("signer", &authority.signer), ("revoked", &authority.revoked), ("tsa", &authority.tsa)] {
        let good = put(&format!("{name}.cer"), holder.certificate.der());
        let bad = put(&format!("{name}-altered.cer"), &altered(holder.certificate.der()));
        for list in [&mut java, &mut raw] {
            job(list, true, &["certificate", &good, &issuing]);
            job(list, false, &["certificate", &bad, &issuing]);
            job(list, false, &["certificate", &good, &root]);
        }
    }
    for list in [&mut java, &mut raw] {
        job(list, true, &["certificate", &issuing, &root]);
        job(list, true, &["certificate", &root, &root]);
    }
    let list = put("list.crl", authority.crl.der());
    let bad_list = put("bad.crl", &altered(authority.crl.der()));
    job(&mut java, true, &["crl", &list, &issuing, "12"]);
    job(&mut java, false, &["crl", &bad_list, &issuing, "12"]);
    job(&mut raw, true, &["crl", &list, &issuing]);
    job(&mut raw, false, &["crl", &bad_list, &issuing]);

    for (name, dialect) in [("cms", Dialect::Cms), ("gb", Dialect::Gm)] {
        let attached = authority.message(&authority.signer, dialect, &content, false);
        let good = put(&format!("{name}.p7m"), &attached);
        let bad = put(&format!("{name}-altered.p7m"), &altered(&attached));
        job(&mut raw, true, &["cms", &good]);
        job(&mut raw, false, &["cms", &bad]);
        let detached = put(&format!("{name}.p7s"), &authority.message(&authority.signer, dialect, &content, true));
        job(&mut java, true, &["cms", &good, "-"]);
        job(&mut java, false, &["cms", &bad, "-"]);
        job(&mut java, true, &["cms", &detached, &path("content.txt")]);
        job(&mut java, false, &["cms", &detached, &path("other.txt")]);
    }
    let token = authority.token(Hash::Sm3, &content, Dialect::Cms);
    let (token, response, bad) =
        (put("token.tst", &token), put("response.tsr", &timestamp::granted(&token)), put("bad.tst", &altered(&token)));
    job(&mut java, true, &["timestamp", &token, &path("content.txt")]);
    job(&mut java, true, &["timestamp", &response, &path("content.txt")]);
    job(&mut java, false, &["timestamp", &token, &path("other.txt")]);
    job(&mut java, false, &["timestamp", &bad, &path("content.txt")]);
    for (serial, status) in
        [(0x11u8, CertStatus::Good), (0x12, CertStatus::Revoked { at: at("2026-03-10T02:00:00Z"), reason: Reason::KeyCompromise })]
    {
        let id = ocsp::cert_id(Hash::Sm3, authority.issuing.certificate.subject(), authority.issuing.key.public_key(), &[serial]);
        let asked = OcspRequest::from_der(&ocsp::request(&[id], &[])).unwrap();
        let answer = OcspBuilder::new(at("2026-11-23T08:00:00Z"))
            .answer(&asked.ids[0], status, at("2026-11-23T08:00:00Z"), None)
            .certificate(&authority.responder.certificate)
            .sign(&authority.responder.key)
            .unwrap();
        let good = put(&format!("answer-{serial}.der"), answer.der());
        let bad = put(&format!("answer-{serial}-altered.der"), &altered_answer_sm3(answer.der(), &authority));
        job(&mut java, true, &["ocsp", &good, &issuing]);
        job(&mut java, false, &["ocsp", &bad, &issuing]);
    }

    let check = |judge: &str, jobs: &[(bool, Vec<String>)], answers: Option<Vec<peers::Answer>>| {
        for ((expected, job), answer) in jobs.iter().zip(answers.unwrap_or_default()) {
            assert_eq!(answer.yes, *expected, "{judge} on {job:?}: {}", answer.words);
        }
    };
    let bare = |jobs: &[(bool, Vec<String>)]| jobs.iter().map(|(_, job)| job.clone()).collect::<Vec<_>>();
    check("BouncyCastle", &java, peers::bouncy_castle(test, folder, &bare(&java)));
    check("GmSSL", &raw, peers::python_judge(test, "raw_sm2.py", folder, &bare(&raw)));
}

fn altered_answer_sm3(der: &[u8], authority: &Authority) -> Vec<u8> {
    let mut der = der.to_vec();
    let hash = Hash::Sm3.digest(authority.issuing.key.public_key().bits());
    let place = der.windows(hash.len()).position(|window| window == hash).expect("the key's hash stands in the answer");
    der[place + hash.len() + 2] ^= 1;
    der
}
