//! `xinyin sign --level` and `xinyin extend` against the stand-in province: its time-stamps, its lists, its OCSP.

use crate::lab::LabProcess;
use crate::peers;
use serde_json::Value;
use std::path::Path;

const PDF: &[u8] = include_bytes!("../data/one-page.pdf");

struct Desk<'a> {
    lab: &'a LabProcess,
    folder: &'a Path,
    family: &'a str,
}

impl Desk<'_> {
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = crate::running::xinyin();
        command.args(arguments).current_dir(self.folder).env("XDG_DATA_HOME", self.folder.join("nothing"));
        let output = peers::run(&mut command, 60);
        (output.status.code().unwrap(), peers::said(&output))
    }

    fn certificate(&self, name: &str) -> String {
        self.lab.certificate(name).display().to_string()
    }

    fn tsa(&self) -> String {
        self.lab.url(&format!("/tsa/{}", self.family)).to_string()
    }

    fn sign(&self, holder: &str, more: &[&str]) -> (i32, String) {
        let key = self.lab.data.join(format!("keys/{holder}.pem")).display().to_string();
        let (own, issuing) = (self.certificate(holder), self.certificate(self.family));
        self.run(&[&["sign", "--key", &key, "--cert", &own, "--chain", &issuing][..], more].concat())
    }

    fn extend(&self, level: &str, more: &[&str]) -> (i32, String) {
        let (root, tsa, origin) = (self.certificate(&format!("{}-root", self.family)), self.tsa(), self.lab.url("/").to_string());
        self.run(&[&["extend", "--level", level, "--tsa", &tsa, "--trust", &root, "--allow", origin.trim_end_matches('/')], more].concat())
    }

    /// The verdict with nothing but the root: what the document brings must suffice.
    fn verdict(&self, more: &[&str]) -> Value {
        let root = self.certificate(&format!("{}-root", self.family));
        let (_, said) = self.run(&[&["verify", "--offline", "--format", "json", "--trust", &root], more].concat());
        serde_json::from_str(said.lines().next().unwrap_or_default()).unwrap_or_else(|_| panic!("{said}"))
    }
}

#[test]
fn the_commands_sign_at_every_level_and_raise_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lab = LabProcess::start(&folder.join("lab"), &[]);
    std::fs::write(folder.join("in.pdf"), PDF).unwrap();
    std::fs::write(folder.join("in.txt"), "正文").unwrap();
    for family in ["sm2", "p256", "rsa"] {
        let desk = Desk { lab: &lab, folder, family };
        let holder = format!("zhang-wei-{family}");
        let (root, tsa, origin) = (desk.certificate(&format!("{family}-root")), desk.tsa(), lab.url("/").to_string());
        let with = ["--tsa", &tsa, "--trust", &root, "--allow", origin.trim_end_matches('/')];
        for (level, input) in [("B-LT", "in.pdf"), ("B-LTA", "in.pdf"), ("B-LT", "in.txt"), ("B-LTA", "in.txt")] {
            let (exit, said) = desk.sign(&holder, &[&["--level", level][..], &with, &[input, "signed"]].concat());
            assert_eq!(exit, 0, "{family} {level} {input}: {said}");
            let verdict = desk.verdict(&["signed"]);
            assert_eq!(verdict["indication"], "TOTAL-PASSED", "{family} {level} {input}: {verdict:#}");
            assert_eq!(verdict["signatures"][0]["level"], level, "{family} {input}: {verdict:#}");
        }
        if family == "sm2" {
            for level in ["B-LT", "B-LTA"] {
                let (exit, said) =
                    desk.sign(&holder, &[&["--format", "gm-cms", "--level", level][..], &with, &["in.txt", "signed"]].concat());
                assert_eq!(exit, 0, "{level}: {said}");
                let verdict = desk.verdict(&["signed"]);
                let found = (&verdict["format"], &verdict["indication"], &verdict["signatures"][0]["level"]);
                assert_eq!(found, (&"gm-cms".into(), &"TOTAL-PASSED".into(), &level.into()), "{verdict:#}");
            }
        }
        // Step by step, each a continuation of the one before.
        let (exit, said) = desk.sign(&holder, &["--reason", "同意", "in.pdf", "step0.pdf"]);
        assert_eq!(exit, 0, "{said}");
        for (step, level) in ["B-T", "B-LT", "B-LTA", "B-LTA"].into_iter().enumerate() {
            let (before, after) = (format!("step{step}.pdf"), format!("step{}.pdf", step + 1));
            let (exit, said) = desk.extend(level, &[&before, &after]);
            assert_eq!(exit, 0, "{family} {level}: {said}");
            let (before, octets) = (std::fs::read(folder.join(before)).unwrap(), std::fs::read(folder.join(&after)).unwrap());
            assert!(octets.starts_with(&before) && octets.len() > before.len(), "{family} {level}");
            if step > 0 {
                assert_eq!(desk.verdict(&[&after])["indication"], "TOTAL-PASSED", "{family} {level}");
            }
        }
        // A detached message.
        let (exit, said) = desk.sign(&holder, &["--detached", "in.txt", "step0.p7s"]);
        assert_eq!(exit, 0, "{said}");
        let (exit, said) = desk.extend("B-LT", &["--content", "in.txt", "step0.p7s", "step1.p7s"]);
        assert_eq!(exit, 0, "{family}: {said}");
        assert_eq!(desk.verdict(&["--content", "in.txt", "step1.p7s"])["indication"], "TOTAL-PASSED");
        let (exit, said) = desk.extend("B-LTA", &["--content", "in.txt", "step1.p7s", "step2.p7s"]);
        assert_eq!(exit, 0, "{family}: {said}");
        let (exit, said) = desk.extend("B-LTA", &["step2.p7s", "step3.p7s"]);
        assert!(exit == 3 && said.contains("XY-3206"), "without the content nothing is known: {said}");
    }
}

#[test]
fn what_does_not_pass_is_not_raised_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lab = LabProcess::start(&folder.join("lab"), &[]);
    std::fs::write(folder.join("in.pdf"), PDF).unwrap();
    let desk = Desk { lab: &lab, folder, family: "p256" };
    let (root, origin) = (desk.certificate("p256-root"), lab.url("/").to_string());
    let allow = origin.trim_end_matches('/');
    assert_eq!(desk.sign("li-na-p256", &["in.pdf", "good.pdf"]).0, 0);
    assert_eq!(desk.sign("zhang-wei-p256-revoked", &["in.pdf", "revoked.pdf"]).0, 0);
    let mut altered = std::fs::read(folder.join("good.pdf")).unwrap();
    altered[20] ^= 1;
    std::fs::write(folder.join("altered.pdf"), altered).unwrap();
    std::fs::write(folder.join("junk"), b"no signature").unwrap();
    for (input, code) in
        [("altered.pdf", "XY-3206"), ("revoked.pdf", "XY-3206"), ("in.pdf", "XY-3206"), ("junk", "XY-3206"), ("absent.pdf", "absent.pdf")]
    {
        let (exit, said) = desk.extend("B-LTA", &[input, "out"]);
        assert!(exit == 3 && said.contains(code) && said.lines().count() == 1, "{input}: {said}");
        assert!(!folder.join("out").exists(), "{input}");
    }
    let tsa = desk.tsa();
    let other = desk.certificate("rsa-root");
    for (arguments, code) in [
        (&["--tsa", &tsa, "--trust", &other, "--allow", allow][..], "XY-3206"),
        (&["--tsa", &tsa, "--trust", &root, "--offline"], "XY-3206"),
        (&["--trust", &root, "--allow", allow], "XY-3201"),
        (&["--tsa", "http://127.0.0.1:1/tsa", "--trust", &root, "--allow", allow], "XY-3204"),
    ] {
        let (exit, said) = desk.run(&[&["extend", "--level", "B-LTA"][..], arguments, &["good.pdf", "out"]].concat());
        assert!(exit == 3 && said.contains(code) && said.lines().count() == 1, "{arguments:?}: {said}");
        assert!(!folder.join("out").exists(), "{arguments:?}");
    }
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok()).collect();
    assert!(!left.iter().any(|name| name.contains("part")), "{left:?}");
}
