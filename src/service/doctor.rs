//! What is wrong with this installation: a list in red, yellow and green, with the remedy.

use crate::config::Config;
use crate::fault::Fault;
use crate::files;
use crate::moment::Moment;
use crate::province::anchors::is_lab_anchor;
use crate::store::{Store, agencies, anchors, audit_check, signing_keys};
use crate::world::{Clock, Dice, SystemClock, SystemDice, World};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// As it should be.
    Green,
    /// It works, and somebody should look at it.
    Yellow,
    /// It does not work.
    Red,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Its stable name.
    pub check: &'static str,
    /// How it stands.
    pub light: Light,
    /// What was seen.
    pub text: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Clock offsets from here on are told, and from [`CLOCK_RED`] on signing and logging in go wrong.
const CLOCK_YELLOW: Duration = Duration::from_secs(2);
const CLOCK_RED: Duration = Duration::from_secs(60);
/// The sequencer links within a second; rows older than this are not being linked.
const UNLINKED_YELLOW: Duration = Duration::from_secs(60);

struct List(Vec<Finding>);

impl List {
    fn green(&mut self, check: &'static str, text: impl Into<String>) {
        self.0.push(Finding { check, light: Light::Green, text: text.into(), remedy: None });
    }

    fn not_green(&mut self, check: &'static str, light: Light, text: impl Into<String>, remedy: &str) {
        self.0.push(Finding { check, light, text: text.into(), remedy: Some(remedy.to_owned()) });
    }

    fn fault(&mut self, check: &'static str, fault: &Fault) {
        let cause = fault.cause().map(|cause| format!(": {cause:#}")).unwrap_or_default();
        let detail = fault.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let text = format!("{} {}{detail}{cause}", fault.code.zh, fault.code.en);
        self.not_green(check, Light::Red, text, &format!("{} {}", fault.code.remedy_zh, fault.code.remedy_en));
    }
}

/// Looks at everything and never stops at the first finding.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut list = List(Vec::new());
    list.green("configuration", format!("issuer {}, agency {}", config.issuer, config.agency));
    let dice: Arc<dyn Dice> = Arc::new(SystemDice);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match files::is_private(&config.keys) {
        Ok(true) => list.green("key-file", format!("{}, readable by its owner alone", config.keys.display())),
        Ok(false) => {
            list.not_green("key-file", Light::Red, "others can read it 其他用户可读", "chmod 600, then rotate the keys 修改权限并更换密钥")
        }
        Err(error) => list.not_green("key-file", Light::Red, error.to_string(), "restore the key file from its backup 从备份恢复密钥文件"),
    }
    match World::sealer(config, dice.clone()) {
        Err(fault) => list.fault("keys", &fault),
        Ok(sealer) => match Store::open(&config.database, sealer).await {
            Err(fault) => list.fault("database", &fault),
            Ok(store) => {
                database(&mut list, &store, config, clock.now()).await;
                store.close().await;
            }
        },
    }
    match super::policies::examine(config) {
        Ok(files) => list.green("policies", format!("{files} of the operator's own")),
        Err(fault) => list.fault("policies", &fault),
    }
    province(&mut list, config, &clock, &dice).await;
    match (config.outbound.len(), config.timestamp.len()) {
        (0, 0) => list.not_green(
            "outbound",
            Light::Yellow,
            "no host may be asked for revocation lists, OCSP or timestamps 未允许任何外联地址",
            "name them under outbound and timestamp 在 outbound 和 timestamp 中列出",
        ),
        (hosts, tsa) => list.green("outbound", format!("{hosts} hosts, {tsa} time-stamping authorities")),
    }
    list.0
}

async fn database(list: &mut List, store: &Store, config: &Config, now: Moment) {
    let kind = if store.is_postgres() { "PostgreSQL" } else { "SQLite" };
    match store.pending().await {
        Err(fault) => return list.fault("database", &fault),
        Ok(pending) if pending.is_empty() => list.green("database", format!("{kind}, schema up to date")),
        Ok(pending) => {
            let text = format!("{kind}, not applied: {}", pending.join(", "));
            return list.not_green("database", Light::Red, text, "back up, then xinyin migrate 先备份，再运行 xinyin migrate");
        }
    }
    let id = &config.agency;
    let read = store.read("doctor", |tx| {
        Box::pin(async move { Ok((agencies::find(tx, id).await?, anchors::list(tx).await?, signing_keys::published(tx, now).await?)) })
    });
    match read.await {
        // Sealed values that do not open: the key file is of another installation.
        Err(fault) => list.fault("rows", &fault),
        Ok((agency, anchors, keys)) => {
            match agency {
                Some(agency) if agency.closed_at.is_none() => list.green("agency", agency.name),
                _ => list.not_green(
                    "agency",
                    Light::Red,
                    format!("there is no agency {id}"),
                    "correct agency in the configuration 修改配置中的 agency",
                ),
            }
            let lab = anchors.iter().filter(|anchor| anchor.is_lab || is_lab_anchor(&anchor.certificate)).count();
            if anchors.is_empty() {
                let text = "none: every certificate is judged untrusted 没有信任锚，任何证书都不受信任";
                list.not_green("anchors", Light::Yellow, text, "xinyin trust import CA.p7b --purpose person --config FILE");
            } else if lab > 0 && !config.demo {
                let text = format!("{lab} of {} belong to a stand-in province 含实验环境信任锚", anchors.len());
                list.not_green("anchors", Light::Red, text, "remove them: serve refuses to start 删除后才能启动");
            } else {
                list.green("anchors", format!("{}", anchors.len()));
            }
            list.green("signing-keys", format!("{} published", keys.len()));
        }
    }
    audit(list, store, config, now).await;
}

async fn audit(list: &mut List, store: &Store, config: &Config, now: Moment) {
    let report: audit_check::Report = match super::audit::check(store, &config.data).await {
        Ok(report) => report,
        Err(fault) => return list.fault("audit", &fault),
    };
    if let Some(first) = report.problems.first() {
        let text = format!("{first} ({} problems)", report.problems.len() as u64 + report.more_problems);
        return list.not_green("audit", Light::Red, text, "xinyin audit verify; keep the database as it is 保留现场并核查");
    }
    if report.oldest_unlinked.is_some_and(|oldest| now.since(oldest) > UNLINKED_YELLOW) {
        let text = format!("{} rows are not linked 有未入链的日志", report.unlinked);
        return list.not_green("audit", Light::Yellow, text, "is xinyin serve running? 请确认服务在运行");
    }
    if report.rows > 0 && report.checkpoints == 0 {
        let text = "no head copy agrees with the log: deleted last rows would go unseen 没有可用的链尾存证";
        return list.not_green("audit", Light::Yellow, text, "restore audit-heads.json into the data folder 恢复链尾存证文件");
    }
    list.green("audit", format!("{} rows whole, {} not linked yet", report.rows, report.unlinked));
}

async fn province(list: &mut List, config: &Config, clock: &Arc<dyn Clock>, dice: &Arc<dyn Dice>) {
    let province = match World::province(config, clock, dice) {
        Ok(province) => province,
        Err(fault) => return list.fault("province", &fault),
    };
    let absent = "not configured: what it proves cannot be reached 未配置";
    for (check, configured) in [
        ("population", province.population().is_ok()),
        ("organisations", province.organisations().is_ok()),
        ("phone", province.phone().is_ok()),
        ("seals", province.seals().is_ok()),
    ] {
        if configured {
            list.green(check, "configured");
        } else {
            list.not_green(check, Light::Yellow, absent, "add its section under [province] 在 [province] 下添加");
        }
    }
    let Ok(time) = province.time() else {
        return list.not_green("clock", Light::Yellow, absent, "add [province.time] 添加 [province.time]");
    };
    match time.offset().await {
        Err(error) => list.not_green("clock", Light::Red, error.to_string(), "check its address and certificates 请检查地址和证书"),
        Ok(heard) => {
            let off = Duration::from_millis(heard.said.ahead_ms.unsigned_abs());
            let text = format!("{} ms from the province's", heard.said.ahead_ms);
            if config.demo || off < CLOCK_YELLOW {
                list.green("clock", text);
            } else {
                let light = if off < CLOCK_RED { Light::Yellow } else { Light::Red };
                list.not_green("clock", light, text, "set this machine's clock; check NTP 校准本机时钟");
            }
        }
    }
}
