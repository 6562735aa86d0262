//! The same paths asked of another implementation, the certval crate (tests/peers/certval): chains made at random of
//! everything that path processing looks at. Where one accepts what the other refuses there is a reason, or a finding.

use crate::{
    mutants::Dice,
    paths::{Authority, at, name},
    peers,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use xinyin::{
    crypto::{KeyKind, Oid},
    moment::Moment,
    pki::{
        Certificate,
        build::encode,
        extensions::{KeyUsage, oid},
        general_name::GeneralName,
        path::{Anchor, Outcome, PathInput, PathResult, PolicyInput, Revocation, validate},
    },
};

/// Root, intermediates from the root downwards, leaf.
struct Case {
    path: Vec<Certificate>,
    policies: PolicyInput,
    at: Moment,
}

impl Case {
    fn ours(&self) -> PathResult {
        let (root, rest) = self.path.split_first().unwrap();
        let (leaf, intermediates) = rest.split_last().unwrap();
        let anchors = [Anchor::from(root.clone())];
        let mut question = PathInput::new(leaf, &anchors, self.at);
        (question.intermediates, question.revocation, question.policies) = (intermediates, Revocation::Off, self.policies.clone());
        validate(&question)
    }

    /// What policy processing sees.
    fn shown(&self) -> String {
        let one = |certificate: &Certificate| {
            let extensions = certificate.extensions();
            let (policies, mappings) = (&extensions.policies, &extensions.policy_mappings);
            let own = if certificate.is_self_issued() { "self-issued " } else { "" };
            format!("{own}{policies:?} {mappings:?} {:?} {:?}", extensions.policy_constraints, extensions.inhibit_any_policy)
        };
        format!("{:?}: {}", self.policies, self.path.iter().map(one).collect::<Vec<_>>().join(" / "))
    }

    fn job(&self, folder: &Path, number: usize) -> String {
        let place = |(position, certificate): (usize, &Certificate)| {
            let path = folder.join(format!("{number}-{position}.der"));
            std::fs::write(&path, certificate.der()).unwrap();
            path.display().to_string()
        };
        let places: Vec<String> = self.path.iter().enumerate().map(place).collect();
        let (root, rest) = places.split_first().unwrap();
        let (leaf, intermediates) = rest.split_last().unwrap();
        let flags = [(self.policies.explicit, "e"), (self.policies.inhibit_mapping, "m"), (self.policies.inhibit_any, "a")];
        let flags: String = flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag).collect();
        let policies: Vec<String> = self.policies.acceptable.iter().map(Oid::to_string).collect();
        let fields = [root, &intermediates.join(";"), leaf, &self.at.secs().to_string(), &flags, &policies.join(";")];
        fields.map(String::as_str).join("\t") + "\n"
    }
}

/// What certval says: yes, or no and why.
fn theirs(judge: &Path, cases: &[Case]) -> Vec<(bool, String)> {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("jobs.txt");
    let jobs: String = cases.iter().enumerate().map(|(number, case)| case.job(folder.path(), number)).collect();
    std::fs::write(&list, jobs).unwrap();
    let output = peers::run(Command::new(judge).arg(&list), 120);
    let answers: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(|line| (line.starts_with("yes"), line.to_owned())).collect();
    assert_eq!(answers.len(), cases.len(), "{}", peers::said(&output));
    answers
}

fn judge(test: &str) -> Option<PathBuf> {
    peers::peer(test, "certval/debug/certval-judge")
}

/// A policy that a certificate asserts itself and maps another one to has two parents below; certval 0.2.0-rc.1 keeps one of
/// them, and loses the other from the user's set (RFC 9618 §5.3 (d)(1), §5.5 (g) keep both).
fn known(case: &Case, ours: &PathResult, why: &str) -> bool {
    let twice = |certificate: &Certificate| {
        let mappings = certificate.extensions().policy_mappings.as_deref().unwrap_or_default();
        mappings.iter().any(|(from, to)| from != to && certificate.policies().contains(to))
    };
    ours.outcome == Outcome::Accepted && why.contains("NullPolicySet") && case.path.iter().any(twice)
}

/// Compares, and returns how often both accepted and both refused.
fn compare(judge: &Path, cases: &[Case]) -> (usize, usize) {
    let (mut good, mut bad, mut odd) = (0, 0, Vec::new());
    for (number, (case, (yes, why))) in cases.iter().zip(theirs(judge, cases)).enumerate() {
        let ours = case.ours();
        match (ours.outcome == Outcome::Accepted, yes) {
            (true, true) => good += 1,
            (false, false) => bad += 1,
            _ if known(case, &ours, &why) => {}
            _ => odd.push(format!("{number}: ours {:?} {:?}, certval {why}; {}", ours.outcome, ours.faults, case.shown())),
        }
    }
    assert!(odd.is_empty(), "{} of {} differ:\n{}", odd.len(), cases.len(), odd.join("\n"));
    (good, bad)
}

fn policy(number: usize) -> Oid {
    [oid::ANY_POLICY, Oid::new_unwrap("1.2.156.1"), Oid::new_unwrap("1.2.156.2"), Oid::new_unwrap("1.2.156.3")][number % 4]
}

/// One of several, or none.
fn some(dice: &mut Dice, one_in: usize) -> bool {
    dice.below(one_in) == 0
}

fn chain(seed: u64) -> Case {
    let dice = &mut Dice::new(seed);
    let depth = dice.below(4);
    let mut issuer = Authority::new(KeyKind::P256, "根");
    let mut path = vec![issuer.root()];
    let names = ["a.cn", "b.cn", "x.a.cn"];
    for level in 0..=depth {
        let leaf = level == depth;
        // Now and then self-issued.
        let own = if !leaf && some(dice, 6) { issuer.name.clone() } else { name(&format!("层 {level}")) };
        let holder = Authority { name: own, key: Authority::new(KeyKind::P256, "").key };
        let certificate = issuer.issue(2, &holder.name, &holder.key, |mut builder| {
            if !leaf || some(dice, 3) {
                let length = some(dice, 3).then(|| dice.below(3) as u64);
                builder = if some(dice, 12) && !leaf { builder } else { builder.authority(length) };
                let usage = if some(dice, 15) { KeyUsage::CRL_SIGN } else { KeyUsage::KEY_CERT_SIGN };
                builder = builder.key_usage(&[usage]);
            }
            if !some(dice, 4) {
                let mut policies: Vec<Oid> = (0..=dice.below(3)).map(|_| policy(dice.below(4))).collect();
                policies.sort();
                policies.dedup();
                builder = builder.policies(&policies);
            }
            if !leaf && some(dice, 4) {
                let pair = [policy(1 + dice.below(3)), policy(1 + dice.below(3))];
                builder = builder.extension(oid::POLICY_MAPPINGS, true, encode::sequence([encode::sequence(pair.iter().map(encode::oid))]));
            }
            if !leaf && some(dice, 4) {
                let value = encode::sequence([encode::tlv(if some(dice, 2) { 0x80 } else { 0x81 }, &[dice.octet() % 3])]);
                builder = builder.extension(oid::POLICY_CONSTRAINTS, true, value);
            }
            if !leaf && some(dice, 6) {
                builder = builder.extension(oid::INHIBIT_ANY_POLICY, true, encode::small_integer(dice.below(3) as u64));
            }
            if !leaf && some(dice, 4) {
                let base = GeneralName::Dns(names[dice.below(2)].into());
                let tree = encode::tlv(if some(dice, 2) { 0xa0 } else { 0xa1 }, &encode::sequence([base.to_der()]));
                builder = builder.extension(oid::NAME_CONSTRAINTS, true, encode::sequence([tree]));
            }
            if leaf || some(dice, 5) {
                builder = builder.subject_alt_names(&[GeneralName::Dns(names[dice.below(3)].into())]);
            }
            builder
        });
        path.push(certificate);
        issuer = holder;
    }
    let acceptable = (0..dice.below(3)).map(|_| policy(dice.below(4))).collect();
    let policies = PolicyInput { acceptable, explicit: some(dice, 3), inhibit_mapping: some(dice, 5), inhibit_any: some(dice, 5) };
    let when = if some(dice, 20) { "2028-06-15" } else { "2026-06-15" };
    Case { path, policies, at: at(when) }
}

#[test]
fn random_chains_are_judged_alike() {
    let Some(judge) = judge("random_chains_are_judged_alike") else { return };
    let cases: Vec<Case> = (0..1_000).map(chain).collect();
    let (good, bad) = compare(&judge, &cases);
    println!("random chains: both accept {good}, both refuse {bad}");
    assert!(good + bad > 980 && good > 100 && bad > 100, "{good} {bad}");
}
