//! Reports over verdicts: a page, a print-out, an ETSI report, each read by somebody else.

use crate::authority::NOW;
use crate::command::{prepared, status, xinyin};
use crate::peers;
use std::path::Path;
use std::process::{Command, Output};
use xinyin::report::{self, Frame, Report};

fn make(folder: &Path, format: &str, more: &[&str]) -> Output {
    let with = ["verify", "--offline", "--trust", "root.pem", "--crl", "crls.pem", "--at", NOW, "--format", format];
    xinyin(folder, &[&with[..], more].concat())
}

#[test]
fn the_print_out_is_sound_pdf_a_and_its_chinese_can_be_copied_out() {
    let test = "the_print_out_is_sound_pdf_a";
    let (Some(qpdf), Some(pdftotext)) = (peers::program(test, "qpdf"), peers::program(test, "pdftotext")) else { return };
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    for (file, exit, words) in [
        ("good.p7m", 0, ["核验通过", "Verified", "信任锚由调用者指定"]),
        ("bad.p7m", 1, ["核验未通过", "Not verified", "请向签署人索取原始文件"]),
        ("revoked.p7m", 2, ["待核实", "To be checked", "第16条"]),
        ("empty.pdf", 2, ["电子签名核验报告", "没有电子签名", "NO_SIGNATURE"]),
    ] {
        let output = make(folder.path(), "pdf", &[file, "--out", "report.pdf"]);
        assert_eq!(status(&output), exit, "{file}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty());
        let path = folder.path().join("report.pdf");
        let checked = peers::run(Command::new(&qpdf).arg("--check").arg(&path), 60);
        assert_eq!(checked.status.code(), Some(0), "{}", peers::said(&checked));
        let text = peers::run(Command::new(&pdftotext).args(["-enc", "UTF-8"]).arg(&path).arg("-"), 60).stdout;
        let text = String::from_utf8(text).unwrap();
        for word in words {
            assert!(text.contains(word), "{file}: {word} is not in\n{text}");
        }
        let octets = std::fs::read(&path).unwrap();
        let holds = |what: &str| octets.windows(what.len()).any(|window| window == what.as_bytes());
        assert!(holds("pdfaid:part>2<") && holds("pdfaid:conformance>U<"), "it calls itself PDF/A-2u");
        // The same again, to the octet; on standard output where no file is named.
        assert!(make(folder.path(), "pdf", &[file]).stdout == octets, "{file}: not the same octets");
    }
}

#[test]
fn without_a_font_the_print_out_is_refused_with_a_code_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let output = Command::new(env!("CARGO_BIN_EXE_xinyin"))
        .args(["verify", "--offline", "--no-trust", "--format", "pdf", "--out", "report.pdf", "good.p7m"])
        .current_dir(folder.path())
        .env("XINYIN_FONT", "/nowhere/font.ttf")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(status(&output) == 3 && said.contains("XY-9009") && said.contains("fonts-noto-cjk"), "{said}");
    assert!(!folder.path().join("report.pdf").exists());
}

#[test]
fn foreign_classes_read_the_etsi_report() {
    let test = "foreign_classes_read_the_etsi_report";
    let Some(python) = peers::python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let files = ["good.p7m", "bad.p7m", "revoked.p7m", "plain.txt", "empty.pdf", "detached.p7s"];
    let output = make(folder.path(), "etsi-xml", &[&files[..], &["--out", "reports"]].concat());
    assert_eq!(status(&output), 1, "{}", String::from_utf8_lossy(&output.stderr));
    let script = peers::root().join("tests/peers/etsi_report.py");
    let mut command = Command::new(python);
    command.arg(script).args(files.map(|file| folder.path().join("reports").join(format!("{file}.xml"))));
    let read = peers::run(&mut command, 60);
    assert_eq!(read.status.code(), Some(0), "{}", peers::said(&read));
    let told = String::from_utf8(read.stdout).unwrap();
    let told: Vec<_> = told.lines().map(|line| line.rsplit_once(' ').unwrap()).collect();
    let expected = [
        "total-passed",
        "total-failed SIG_CRYPTO_FAILURE",
        "indeterminate REVOKED_NO_POE",
        "indeterminate NO_SIGNATURE",
        "indeterminate NO_SIGNATURE",
        "indeterminate SIGNED_DATA_NOT_FOUND",
    ];
    assert_eq!(told.iter().map(|(status, _)| *status).collect::<Vec<_>>(), expected);
    assert!(told[0].1.parse::<usize>().unwrap() > 10, "every rule is in the report: {told:?}");
}

#[test]
fn the_page_stands_alone_and_nothing_in_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let hostile = "<script>alert(1)<⁄script>&\"'.p7m";
    std::fs::copy(folder.path().join("bad.p7m"), folder.path().join(hostile)).unwrap();
    let output = make(folder.path(), "html", &[hostile, "--policy", "archive"]);
    assert_eq!(status(&output), 1, "{}", String::from_utf8_lossy(&output.stderr));
    let page = String::from_utf8(output.stdout).unwrap();
    for banned in ["<script", "onload", "javascript:", "src=\"http", "href=\"http", "@import", "url("] {
        assert!(!page.contains(banned), "{banned}");
    }
    for wanted in [
        "核验未通过",
        "Not verified",
        "alert(1)",
        "签名值不正确",
        "The signature value does not verify",
        "处理办法",
        "核验策略：xinyin-archive-1",
        "依《电子签名法》",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(page.find("核验未通过") < page.find("Not verified"), "Chinese first");
}

#[test]
fn each_of_several_files_gets_its_own_report() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let folderless = make(folder.path(), "html", &["good.p7m", "bad.p7m"]);
    assert_eq!(status(&folderless), 3);
    assert!(String::from_utf8_lossy(&folderless.stderr).contains("--out"));
    // Two files of one name, and one that cannot be read: the others are reported.
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::copy(folder.path().join("bad.p7m"), folder.path().join("sub/good.p7m")).unwrap();
    let output = make(folder.path(), "html", &["good.p7m", "sub/good.p7m", "missing.p7m", "--jobs", "2", "--out", "reports"]);
    assert_eq!(status(&output), 3);
    let report = |name: &str| std::fs::read_to_string(folder.path().join("reports").join(name)).unwrap();
    assert!(report("good.p7m.html").contains("核验通过") && report("good.p7m-2.html").contains("核验未通过"));
    assert_eq!(std::fs::read_dir(folder.path().join("reports")).unwrap().count(), 2);
}

/// Text from certificates goes into reports: none of it may break out of its place, and none is dropped.
#[test]
fn hostile_names_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let output = make(folder.path(), "json", &["good.p7m"]);
    let mut verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = "]]>&<b>\u{1}\u{fffe}𠮷𪜎\u{202e}王";
    verdict["signatures"][0]["signer"]["name"] = name.into();
    verdict["signatures"][0]["signer"]["subject"] = name.into();
    verdict["file"] = "\u{0}.pdf".into();
    let report = Report::from_json(verdict.to_string().as_bytes()).unwrap();
    let xml = report::etsi_xml(&report).unwrap();
    assert!(!xml.contains(['\u{1}', '\u{fffe}']) && !xml.contains("<b>"), "{xml}");
    let page = report::html(&report, &Frame::default()).unwrap();
    assert!(!page.contains("<b>") && page.contains("𠮷"));
    if let Ok(fonts) = xinyin::service::reports::fonts() {
        let frame = Frame { address: Some("http://localhost:8440/desk/a/b".into()), receipt: Some("ab".into()), bare_trust: false };
        assert!(report::pdf(&report, &frame, &fonts).unwrap().starts_with(b"%PDF-1.7"));
    }
    for bad in ["", "{}", "[]", "{\"file\":1}", "\u{0}"] {
        assert!(Report::from_json(bad.as_bytes()).is_err());
    }
}
