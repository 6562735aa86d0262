//! Whether the seal was in force when it was used, by the word of the registers that were asked.

use super::super::{
    Context, Revocation,
    findings::{Detail, Findings},
    policy::row,
    register::{Record, Said, SealStatus, Standing},
    signer::Times,
    verdict::Conclusion,
};
use crate::{doc::facts::SealFacts, moment::Moment};

/// When the seal was used: at or before `latest`, by its signer's word at `claimed`.
#[derive(Clone, Copy)]
struct Used {
    claimed: Moment,
    latest: Moment,
    proven: bool,
}

impl Used {
    fn new(times: &Times, claimed: Option<Moment>) -> Self {
        let latest = times.validity();
        // A claim after the latest possible moment claims nothing.
        let claimed = claimed.filter(|claimed| *claimed <= latest).unwrap_or(latest);
        Self { claimed, latest, proven: times.proven.is_some() }
    }
}

/// What one status comes to; the variants from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    InForce,
    NotShown,
    Unknown,
    Undecided(Why),
    Against(Why),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Expired,
    Suspended,
    Revoked,
}

fn weigh(status: &SealStatus, used: Used) -> Weight {
    let record = match &status.said {
        Said::Nothing => return Weight::Unknown,
        Said::NotOnRecord => return Weight::NotShown,
        Said::Record(record) | Said::Told(record) => record,
    };
    let shown = if matches!(status.said, Said::Told(_)) { Weight::NotShown } else { Weight::InForce };
    match (record.standing(used.claimed), record.standing(used.latest)) {
        (Standing::Revoked, _) => Weight::Against(Why::Revoked),
        // docs/divergences.md: the earliest proof there is lies after the revocation.
        (_, Standing::Revoked) if used.proven => Weight::Against(Why::Revoked),
        (Standing::Suspended, _) => Weight::Against(Why::Suspended),
        (_, Standing::Revoked) => Weight::Undecided(Why::Revoked),
        (_, Standing::Suspended) => Weight::Undecided(Why::Suspended),
        (Standing::Expired, _) | (_, Standing::Expired) => Weight::Undecided(Why::Expired),
        (Standing::InForce, Standing::InForce) if record.unbroken(used.claimed, used.latest) => shown,
        // Whoever holds the key may have used it while it was suspended, and written an earlier time.
        (Standing::InForce, _) => Weight::Undecided(Why::Suspended),
        _ => Weight::NotShown,
    }
}

/// The worst of what was said of the seal, and who said it.
fn worst<'a>(context: &Context<'a>, seal: &SealFacts, used: Used) -> Option<(Weight, &'a SealStatus)> {
    let digest = hex::encode(seal.sha256);
    let about = context.evidence.seals.iter().filter(|status| status.seal == digest);
    about.map(|status| (weigh(status, used), status)).max_by_key(|(weight, _)| *weight)
}

/// What held of the seal when it was used.
pub(super) fn of<'a>(
    context: &Context<'a>,
    seal: &SealFacts,
    times: &Times,
    claimed: Option<Moment>,
) -> (Standing, Option<&'a SealStatus>) {
    match worst(context, seal, Used::new(times, claimed)) {
        None => (Standing::NotShown, None),
        Some((weight, status)) => {
            let standing = match weight {
                Weight::InForce => Standing::InForce,
                Weight::NotShown => Standing::NotShown,
                Weight::Unknown => Standing::Unknown,
                Weight::Undecided(why) | Weight::Against(why) => match why {
                    Why::Expired => Standing::Expired,
                    Why::Suspended => Standing::Suspended,
                    Why::Revoked => Standing::Revoked,
                },
            };
            (standing, Some(status))
        }
    }
}

/// Judges it.
pub(super) fn judge(findings: &mut Findings<'_>, context: &Context<'_>, seal: &SealFacts, times: &Times, claimed: Option<Moment>) {
    let used = Used::new(times, claimed);
    let Some((weight, status)) = worst(context, seal, used) else {
        // Nothing in a file shows whether a seal is on record and was in force; only the register that keeps it can.
        return findings.unmet(row::SEAL_STATUS, Conclusion::PASSED, Detail::default());
    };
    let SealStatus { source, asked, .. } = status;
    let detail = |zh: String, en: String| Detail::new(format!("{zh}（{source}，{asked} 查询）"), format!("{en} ({source}, asked {asked})"));
    match weight {
        Weight::NotShown => findings.unmet(row::SEAL_STATUS, Conclusion::PASSED, Detail::default()),
        Weight::InForce => {
            let (zh, en) = later(status, used);
            findings.met_with(row::SEAL_STATUS, detail(format!("当时有效{zh}"), format!("it was in force{en}")));
            findings.met(row::SEAL_IN_FORCE);
        }
        Weight::Unknown => {
            let told = detail("登记机构没有可信的答复".into(), "no answer that counts".into());
            match context.options.revocation {
                Revocation::Hard => findings.unmet(row::SEAL_IN_FORCE, Conclusion::indeterminate("TRY_LATER"), told),
                Revocation::Soft => findings.warned(row::SEAL_IN_FORCE, told),
            }
        }
        Weight::Undecided(why) => {
            let sub = if why == Why::Expired { "EXPIRED" } else { "REVOKED_NO_POE" };
            let (zh, en) = words(why, status, used);
            let (zh, en) = (format!("{zh}，没有更早的时间证明"), format!("{en}, and nothing proves an earlier time"));
            findings.unmet(row::SEAL_IN_FORCE, Conclusion::indeterminate(sub), detail(zh, en));
        }
        Weight::Against(why) => {
            let (zh, en) = words(why, status, used);
            findings.unmet(row::SEAL_IN_FORCE, Conclusion::failed("REVOKED"), detail(zh, en));
        }
    }
}

fn record(status: &SealStatus) -> Option<&Record> {
    match &status.said {
        Said::Record(record) | Said::Told(record) => Some(record),
        Said::Nothing | Said::NotOnRecord => None,
    }
}

fn words(why: Why, status: &SealStatus, used: Used) -> (String, String) {
    let record = record(status);
    let since = match why {
        Why::Expired => record.map(|record| record.valid_until),
        Why::Revoked => record.and_then(|record| record.ended(used.latest)),
        Why::Suspended => None,
    };
    let (zh, en) = match why {
        Why::Expired => ("印章的登记有效期已满", "its validity on record is over"),
        Why::Suspended => ("印章在此期间被停用", "the seal was suspended in that time"),
        Why::Revoked => ("印章已撤销", "the seal is revoked"),
    };
    since.map_or((zh.into(), en.into()), |since| (format!("{zh}（{since}）"), format!("{en} ({since})")))
}

/// What happened to it after its use: it stands, and that is told.
fn later(status: &SealStatus, used: Used) -> (String, String) {
    let ended = record(status).and_then(|record| record.ended(status.asked)).filter(|ended| *ended > used.latest);
    match ended {
        Some(ended) => (format!("，其后于 {ended} 撤销"), format!(", and revoked later, on {ended}")),
        None => Default::default(),
    }
}
