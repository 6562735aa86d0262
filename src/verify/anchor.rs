//! What is recorded of a trust anchor: its purposes, the authority's licence (电子认证服务许可证), its qualification for
//! e-government (电子政务电子认证服务资质), its withdrawal. Every row has its dates, and a question is answered as of a moment.

use super::evidence::{Purpose, TrustAnchor};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowKind {
    /// The purpose named in `what` is served in this time only; without such a row, always.
    Purpose,
    /// The authority's licence; `what` is its number.
    Licence,
    /// The authority's qualification for e-government; `what` is its number.
    Egov,
    /// Trusted no more since `from`.
    Withdrawn,
}

impl RowKind {
    /// As stores spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purpose => "purpose",
            Self::Licence => "licence",
            Self::Egov => "egov",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One dated row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnchorRow {
    /// What it says.
    pub kind: RowKind,
    /// A number or a purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// From when on; always, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// Until when, that moment excluded; without end, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

impl AnchorRow {
    /// Whether the moment lies in its time.
    pub fn covers(&self, moment: Moment) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.until.is_none_or(|until| moment < until)
    }
}

impl TrustAnchor {
    /// Since when it is trusted no more, if that is so at the moment.
    pub fn withdrawn_by(&self, moment: Moment) -> Option<Moment> {
        let withdrawn = self.rows.iter().filter(|row| row.kind == RowKind::Withdrawn && row.covers(moment));
        withdrawn.map(|row| row.from.unwrap_or(Moment::from_millis(0))).min()
    }

    /// Whether it serves the purpose, at whatever time.
    pub fn named_for(&self, purpose: Purpose) -> bool {
        self.purposes.contains(&purpose)
    }

    /// Whether it serves the purpose at the moment.
    pub fn serves(&self, purpose: Purpose, moment: Moment) -> bool {
        let mut dated =
            self.rows.iter().filter(|row| row.kind == RowKind::Purpose && row.what.as_deref() == Some(purpose.name())).peekable();
        let in_time = dated.peek().is_none() || dated.any(|row| row.covers(moment));
        self.named_for(purpose) && in_time && self.withdrawn_by(moment).is_none()
    }
}

/// What the rows of a kind say of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded<'a> {
    /// This row covers it.
    Covered(&'a AnchorRow),
    /// There are rows, and none covers it.
    Outside,
    /// There is no row.
    Nothing,
}

/// Looks the moment up among the rows of a kind.
pub fn recorded(rows: &[AnchorRow], kind: RowKind, moment: Moment) -> Recorded<'_> {
    let mut found = Recorded::Nothing;
    for row in rows.iter().filter(|row| row.kind == kind) {
        if row.covers(moment) {
            return Recorded::Covered(row);
        }
        found = Recorded::Outside;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: RowKind, what: &str, from: Option<i64>, until: Option<i64>) -> AnchorRow {
        AnchorRow { kind, what: Some(what.into()), from: from.map(Moment::from_secs), until: until.map(Moment::from_secs) }
    }

    #[test]
    fn a_row_answers_for_its_time_alone() {
        let rows = [row(RowKind::Licence, "ECP1", Some(10), Some(20)), row(RowKind::Licence, "ECP2", Some(30), None)];
        let number = |at| match recorded(&rows, RowKind::Licence, Moment::from_secs(at)) {
            Recorded::Covered(row) => row.what.as_deref().unwrap_or_default().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!([9, 10, 19, 20, 30, 99].map(number), ["Outside", "ECP1", "ECP1", "Outside", "ECP2", "ECP2"]);
        assert_eq!(recorded(&rows, RowKind::Egov, Moment::from_secs(15)), Recorded::Nothing);
    }
}
