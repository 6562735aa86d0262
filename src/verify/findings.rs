//! Collects the answers to the rules and draws the conclusion.

use super::{
    policy::{Level, Policy, Row, Text},
    verdict::{Check, Conclusion, Defect, Indication},
};

/// Answers in the order in which the rules were looked at.
pub(super) struct Findings<'a> {
    policy: &'a Policy,
    checks: Vec<Check>,
    conclusions: Vec<Conclusion>,
}

/// A detail in Chinese and English that is added to a rule's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// What helps here, where the rule's own remedy would not.
    pub remedy: Option<&'static Text>,
}

impl Detail {
    /// The two texts.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into(), remedy: None }
    }

    /// The same with a remedy of its own.
    pub fn helped_by(self, remedy: &'static Text) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl<'a> Findings<'a> {
    pub fn new(policy: &'a Policy) -> Self {
        Self { policy, checks: Vec::with_capacity(16), conclusions: Vec::new() }
    }

    /// The rule is met.
    pub fn met(&mut self, row: &'static Row) {
        self.met_with(row, Detail::default());
    }

    /// The rule is met, with something to tell.
    pub fn met_with(&mut self, row: &'static Row, detail: Detail) {
        if self.policy.level(row) != Level::Ignore {
            let answer = joined(row.met.zh, &detail.zh, "：");
            let answer_en = joined(row.met.en, &detail.en, ": ");
            self.push(row, "pass", answer, answer_en, None);
        }
    }

    /// The rule is not met; at level `fail` the conclusion counts.
    pub fn unmet(&mut self, row: &'static Row, conclusion: Conclusion, detail: Detail) {
        self.weigh(row, self.policy.level(row), conclusion, detail);
    }

    /// The rule is not met and the caller chose to be only warned.
    pub fn warned(&mut self, row: &'static Row, detail: Detail) {
        let level = match self.policy.level(row) {
            Level::Fail => Level::Warn,
            level => level,
        };
        self.weigh(row, level, Conclusion::PASSED, detail);
    }

    /// Somebody who knows says a definite no, whatever the rule's level is for not knowing.
    pub fn refused(&mut self, row: &'static Row, conclusion: Conclusion, detail: Detail) {
        self.weigh(row, Level::Fail, conclusion, detail);
    }

    fn weigh(&mut self, row: &'static Row, level: Level, conclusion: Conclusion, detail: Detail) {
        let status = match level {
            Level::Ignore => return,
            Level::Fail if conclusion.indication == Indication::Failed => "fail",
            Level::Fail => "unknown",
            Level::Warn | Level::Inform => "warn",
        };
        if level == Level::Fail {
            // A rule that only informs by the table has no conclusion of its own; where a policy lets it decide, it withholds.
            let told = conclusion.indication == Indication::Passed;
            self.conclusions.push(if told { Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE") } else { conclusion });
        }
        let answer = joined(row.unmet.zh, &detail.zh, "：");
        let answer_en = joined(row.unmet.en, &detail.en, ": ");
        self.push(row, status, answer, answer_en, detail.remedy);
    }

    fn push(&mut self, row: &'static Row, status: &'static str, answer: String, answer_en: String, remedy: Option<&'static Text>) {
        let amiss = status != "pass";
        let remedy = remedy.unwrap_or(&row.remedy);
        self.checks.push(Check {
            id: row.id,
            status,
            clause: row.clause,
            question: row.question.zh,
            answer,
            remedy: amiss.then_some(remedy.zh),
            question_en: row.question.en,
            answer_en,
            remedy_en: amiss.then_some(remedy.en),
        });
    }

    /// The worst conclusion; among equals the first. EN 319 102-1 §5.1.3: failed before indeterminate before passed.
    pub fn conclusion(&self) -> Conclusion {
        let worst = self.conclusions.iter().map(|conclusion| conclusion.indication).max();
        let found = self.conclusions.iter().find(|conclusion| Some(conclusion.indication) == worst);
        found.cloned().unwrap_or(Conclusion::PASSED)
    }

    /// The answers.
    pub fn checks(self) -> Vec<Check> {
        self.checks
    }
}

fn joined(base: &str, detail: &str, colon: &str) -> String {
    if detail.is_empty() { base.into() } else { format!("{base}{colon}{detail}") }
}

/// What stands in the way, from the checks of one signature or of the file.
pub(super) fn defects(signature: Option<&str>, checks: &[Check]) -> Vec<Defect> {
    let amiss = checks.iter().filter(|check| matches!(check.status, "fail" | "unknown"));
    amiss
        .map(|check| Defect {
            signature: signature.map(Into::into),
            id: check.id,
            status: check.status,
            clause: check.clause,
            what: check.answer.clone(),
            fix: check.remedy.unwrap_or_default(),
            what_en: check.answer_en.clone(),
            fix_en: check.remedy_en.unwrap_or_default(),
        })
        .collect()
}
