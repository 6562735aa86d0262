//! The sharing interface of electronic licences (GB/T 36906-2018, as the national system is really called): a token for an account's
//! SM2 signature over its accessId, then calls whose exact body is signed too. What is answered depends on the account's types.

use super::check::by_file;
use super::copy::{CopyOrder, copy};
use super::status::{of_identifier, state};
use crate::config::SharingAccount;
use crate::crypto::{Scheme, SignatureAlgorithm, verify};
use crate::doc::licence::name;
use crate::fault::{Fault, code};
use crate::files;
use crate::id::{LicenceIdentifier, normalise};
use crate::ids::{ChallengeId, LicenceId};
use crate::licence::Checked;
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::service::verifications::Asker;
use crate::store::licences::{self, File, Stage, StoredLicence};
use crate::store::phone_codes::attempt;
use crate::store::{audit, challenges};
use crate::verify::Indication;
use crate::world::World;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use time::{PrimitiveDateTime, UtcOffset, macros::format_description};

/// How far a caller's clock may be off.
const SKEW: Duration = Duration::from_secs(600);
/// How long a token is good.
const TOKEN: Duration = Duration::from_secs(3600);
/// How long a download address is good, for one use.
const DOWNLOAD: Duration = Duration::from_secs(600);
/// Calls of one account in a minute.
const MOST: u32 = 600;

/// A call that is not answered with data: the interface's status and message.
#[derive(Debug)]
pub struct Denied(pub &'static str, pub String);

impl From<Fault> for Denied {
    fn from(fault: Fault) -> Self {
        match fault.code.id {
            id if id == code::NOT_FOUND.id => NO_MATCH.into(),
            id if id == code::LICENCE_STATE.id => Self("21", "证照不在有效状态".into()),
            id if id == code::BAD_REQUEST.id => Self("12", fault.detail.unwrap_or_default()),
            _ => {
                tracing::warn!(%fault, "sharing interface");
                Self("113", fault.code.zh.into())
            }
        }
    }
}

struct Plain(&'static str, &'static str);

impl From<Plain> for Denied {
    fn from(plain: Plain) -> Self {
        Self(plain.0, plain.1.into())
    }
}

const NO_MATCH: Plain = Plain("10", "没有匹配的证照");
const UNKNOWN: Plain = Plain("11", "身份认证失败");
const EMPTY: Plain = Plain("12", "必填项为空或格式不正确");
const NO_TYPE: Plain = Plain("13", "证照类型不存在或未发布");
const NO_RIGHT: Plain = Plain("100", "没有此类证照的权限");
const NOT_OFFERED: Plain = Plain("2", "不提供此服务");
const TOO_OFTEN: Plain = Plain("16", "调用过于频繁");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    access_id: String,
    account_id: String,
    sign: String,
}

#[derive(Deserialize)]
struct Call {
    head: Head,
    data: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    account_id: String,
    access_token: String,
    req_time: String,
}

/// A time as the interface writes it, Beijing.
fn time(text: &str) -> Option<Moment> {
    let beijing = UtcOffset::from_hms(8, 0, 0).ok()?;
    let compact = format_description!("[year][month][day][hour][minute][second]");
    let spaced = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let read = PrimitiveDateTime::parse(text, &compact).or_else(|_| PrimitiveDateTime::parse(text, &spaced));
    read.ok().map(|at| at.assume_offset(beijing).into())
}

fn near(at: Moment, now: Moment) -> bool {
    at.since(now) <= SKEW && now.since(at) <= SKEW
}

/// The account, if the signature over `message` is its own.
fn account<'a>(world: &'a World, id: &str, message: &[u8], signature: &str) -> Result<&'a SharingAccount, Denied> {
    let found = world.config.sharing_accounts.iter().find(|account| account.id == id).ok_or(UNKNOWN)?;
    let octets = files::read(&world.config.folder.join(&found.certificate)).map_err(|error| Fault::new(code::FILE).because(error))?;
    let certificate = Certificate::from_pem_or_der(&octets).map_err(|_| UNKNOWN)?;
    let value = STANDARD.decode(signature.trim()).ok().filter(|value| value.first() == Some(&0x30) || value.len() == 64);
    let value = value.or_else(|| hex::decode(signature.trim()).ok()).ok_or(UNKNOWN)?;
    let key = certificate.public_key().map_err(|_| UNKNOWN)?;
    let valid = certificate.is_valid_at(world.clock.now()) && verify(key, &SignatureAlgorithm::new(Scheme::Sm2), message, &value).is_ok();
    if valid { Ok(found) } else { Err(UNKNOWN.into()) }
}

/// Gives a token: `accessId` is the time, the account and a random part, signed with the account's SM2 key.
///
/// # Errors
/// Status 11 for anybody who is not the account.
pub async fn token(world: &World, body: &[u8]) -> Result<Value, Denied> {
    let asked: TokenRequest = serde_json::from_slice(body).map_err(|_| EMPTY)?;
    let now = world.clock.now();
    let rest = asked.access_id.get(14..).and_then(|rest| rest.strip_prefix(asked.account_id.as_str())).ok_or(UNKNOWN)?;
    let at = asked.access_id.get(..14).and_then(time).ok_or(UNKNOWN)?;
    if rest.len() < 16 || !near(at, now) {
        return Err(UNKNOWN.into());
    }
    let account = account(world, &asked.account_id, asked.access_id.as_bytes(), &asked.sign)?;
    let held = json!([account.id, now.plus(TOKEN).millis()]).to_string();
    let sealed = world.store.sealer().seal("sharing-token", held.as_bytes());
    Ok(json!({ "accessToken": hex::encode(sealed) }))
}

/// Answers a call. `service` is the end of its address; `body` the exact octets that `signature` is over.
///
/// # Errors
/// The interface's status; nothing of a licence is told with it.
pub async fn call(world: &Arc<World>, service: &str, account_id: &str, signature: &str, body: &[u8]) -> Result<Value, Denied> {
    let account = account(world, account_id, body, signature)?;
    let asked: Call = serde_json::from_slice(body).map_err(|_| EMPTY)?;
    let now = world.clock.now();
    let opened = hex::decode(&asked.head.access_token).ok().and_then(|token| world.store.sealer().open("sharing-token", &token).ok());
    let held: Option<(String, i64)> = opened.and_then(|octets| serde_json::from_slice(&octets).ok());
    let good = held.is_some_and(|(id, until)| id == account.id && until > now.millis());
    if !good || asked.head.account_id != account.id || !time(&asked.head.req_time).is_some_and(|at| near(at, now)) {
        return Err(UNKNOWN.into());
    }
    let id = account.id.as_str();
    let window = Duration::from_secs(60);
    let counted =
        world.store.write("count a sharing call", |tx| Box::pin(async move { Ok(attempt(tx, "sharing", id, MOST, window, now).await?) }));
    if !counted.await? {
        return Err(TOO_OFTEN.into());
    }
    let answer = Sharing { world, account, data: &asked.data, now }.answer(service).await;
    let status = answer.as_ref().map_or_else(|denied| denied.0, |_| "0");
    let facts =
        &json!({ "account": account.id, "service": service, "status": status, "cause": text(&asked.data, "useCause").unwrap_or_default() });
    let agency = &account.agency;
    let witnessed = world.store.write("witness a sharing call", |tx| {
        Box::pin(async move {
            let entry = audit::Entry { agency: Some(agency), party: None, at: now, event: "licence.shared", facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    witnessed.await?;
    answer
}

fn text<'a>(data: &'a Value, key: &str) -> Option<&'a str> {
    data.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty() && text.len() <= 2000)
}

struct Sharing<'a> {
    world: &'a Arc<World>,
    account: &'a SharingAccount,
    data: &'a Value,
    now: Moment,
}

impl Sharing<'_> {
    async fn answer(&self, service: &str) -> Result<Value, Denied> {
        match service {
            "info" => {
                let licence = self.named().await?;
                self.shown(&licence).await
            }
            "qr" => {
                let written = self.needed("qrCode")?;
                let code = written.rsplit_once("code=").map_or(written, |(_, code)| code).to_ascii_lowercase();
                let (code, world) = (&code, self.world);
                let found = world.store.read("a licence by its code", |tx| Box::pin(async move { Ok(licences::by_code(tx, code).await?) }));
                let licence = found.await?.filter(|licence| licence.stage == Stage::Issued).ok_or(NO_MATCH)?;
                self.may(&licence)?;
                self.shown(&licence).await
            }
            "holder" => self.of_holder().await,
            "verify-info" => self.verify_info().await,
            "verify-file" => self.verify_file().await,
            "download" => self.download().await,
            "missing" | "wrong" => self.feedback(service).await,
            _ => Err(NOT_OFFERED.into()),
        }
    }

    fn needed(&self, key: &str) -> Result<&str, Denied> {
        text(self.data, key).ok_or_else(|| Denied(EMPTY.0, format!("{}：{key}", EMPTY.1)))
    }

    fn may_type(&self, code: &str) -> Result<(), Denied> {
        if self.account.types.is_empty() || self.account.types.iter().any(|own| own == code) { Ok(()) } else { Err(NO_RIGHT.into()) }
    }

    fn may(&self, licence: &StoredLicence) -> Result<(), Denied> {
        if licence.agency != self.account.agency {
            return Err(NO_MATCH.into());
        }
        let kind = licence.identifier.parse::<LicenceIdentifier>().map_err(|_| NO_MATCH)?;
        self.may_type(kind.kind())
    }

    /// The licence of `certIdentifier`.
    async fn named(&self) -> Result<StoredLicence, Denied> {
        let identifier = self.needed("certIdentifier")?;
        let found = self.world.store.read("a licence", |tx| Box::pin(async move { Ok(licences::by_identifier(tx, identifier).await?) }));
        let licence = found.await?.filter(|licence| licence.stage == Stage::Issued).ok_or(NO_MATCH)?;
        self.may(&licence)?;
        Ok(licence)
    }

    /// What an account learns of a licence: holders masked, as nobody asked by their number.
    async fn shown(&self, licence: &StoredLicence) -> Result<Value, Denied> {
        let said: Checked = serde_json::from_slice(&licence.body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        let status = of_identifier(self.world, &licence.identifier, self.now).await?.ok_or(NO_MATCH)?;
        let holders: Vec<_> = said.holders.iter().map(crate::licence::shown_holder).collect();
        Ok(json!({
            "certIdentifier": licence.identifier, name::NUMBER: said.number, name::ISSUED: said.issued, name::VALID_FROM: said.valid_from,
            name::VALID_UNTIL: said.valid_until, "holders": holders, "state": status.state, "stateName": status.state_zh,
            "since": status.since, "reason": status.reason, "replacedBy": status.replaced_by, "askedAt": status.asked_at,
        }))
    }

    /// Licences of a type that a holder has.
    async fn held(&self, kind: &str, number: &str) -> Result<Vec<StoredLicence>, Denied> {
        self.may_type(kind)?;
        let agency = &self.account.agency;
        let known = self.world.store.read("licence type", |tx| Box::pin(async move { Ok(licences::find_type(tx, agency, kind).await?) }));
        known.await?.ok_or(NO_TYPE)?;
        let number = normalise(number).map_err(|_| EMPTY)?;
        let number = number.as_str();
        let found =
            self.world.store.read("a holder's licences", |tx| Box::pin(async move { Ok(licences::by_holder(tx, kind, number).await?) }));
        Ok(found.await?.into_iter().filter(|licence| licence.agency == self.account.agency).collect())
    }

    async fn of_holder(&self) -> Result<Value, Denied> {
        self.needed("useCause")?;
        let (kind, number) = (self.needed("certTypeCode")?, self.needed("holderCode")?);
        let mut rows = Vec::new();
        for licence in self.held(kind, number).await? {
            rows.push(self.shown(&licence).await?);
        }
        if rows.is_empty() { Err(NO_MATCH.into()) } else { Ok(json!({ "certificates": rows })) }
    }

    /// 0 right and in force, 1 not yet, 2 for the time being not, 3 no longer, 4 incomplete, 5 not found, 6 it says something else.
    async fn verify_info(&self) -> Result<Value, Denied> {
        self.needed("useCause")?;
        let kind = self.needed("certTypeCode")?;
        let data = self.data.get("certData").cloned().unwrap_or_default();
        let result = |code: u8| json!({ "verifyResult": code.to_string() });
        let (Some(number), Some(holder), Some(holder_code)) = (text(&data, "certNo"), text(&data, "holder"), text(&data, "holderCode"))
        else {
            return Ok(result(4));
        };
        let mut other = false;
        for licence in self.held(kind, holder_code).await? {
            let said: Checked = serde_json::from_slice(&licence.body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
            let own = said.number.clone().unwrap_or_else(|| licence.serial.clone());
            if own != number {
                continue;
            }
            let wanted = normalise(holder_code).map_err(|_| EMPTY)?;
            if !said.holders.iter().any(|one| one.name == holder && one.number == wanted.as_str()) {
                other = true;
                continue;
            }
            let (now, licence) = (self.now, &licence);
            let read = self.world.store.read("a licence's state", |tx| Box::pin(async move { state(tx, licence, now).await }));
            return Ok(result(read.await?.0.state.sharing_code()));
        }
        Ok(result(if other { 6 } else { 5 }))
    }

    /// 0 pass, 1 seal or signature does not hold, 2 the file does not.
    async fn verify_file(&self) -> Result<Value, Denied> {
        self.needed("useCause")?;
        self.may_type(self.needed("certTypeCode")?)?;
        let content = self.data.get("content").and_then(Value::as_str).ok_or(EMPTY)?;
        let octets = STANDARD.decode(content.trim()).map_err(|_| EMPTY)?;
        let verdict = by_file(self.world, "licence", Box::new(octets)).await?;
        let signed = !verdict.signatures.is_empty() && verdict.signatures.iter().all(|one| one.indication == Indication::Passed);
        let result = match (verdict.indication, signed, verdict.licence.is_some()) {
            (Indication::Passed, _, true) => "0",
            (_, true, _) => "2",
            _ => "1",
        };
        Ok(
            json!({ "verifyResult": result, "verdict": verdict.verdict, "indication": verdict.indication.name(), "licence": verdict.licence }),
        )
    }

    /// An annotated copy for the cause that is named, behind an address that serves once.
    async fn download(&self) -> Result<Value, Denied> {
        let cause = self.needed("useCause")?;
        let licence = self.named().await?;
        let until = text(self.data, "expiryTime").map(|written| time(written).ok_or(EMPTY)).transpose()?;
        let order = CopyOrder {
            identifier: &licence.identifier,
            purpose: cause,
            maker: &self.account.name,
            until: until.unwrap_or(self.now.plus(Duration::from_secs(30 * 86_400))),
        };
        let made = copy(self.world, &Asker::operator(self.account.agency.clone()), &order).await?;
        let body = json!([licence.id.as_str(), made.id]).to_string();
        let (body, now) = (body.as_bytes(), self.now);
        let added = self.world.store.write("a download once", |tx| {
            Box::pin(async move { Ok(challenges::add(tx, "licence-download", "", body, now, now.plus(DOWNLOAD)).await?) })
        });
        let id = added.await?;
        Ok(json!({ "url": format!("{}/sharing/v1/download/{id}", self.world.config.issuer), "expiresAt": now.plus(DOWNLOAD) }))
    }

    async fn feedback(&self, kind: &str) -> Result<Value, Denied> {
        let needed: &[&str] = if kind == "missing" {
            &["certificateTypeName", "certificateIssuingAuthorityName", "certificateHolderName", "telephone"]
        } else {
            &["certificateIdentifier", "problemRemark", "telephone"]
        };
        for key in needed {
            self.needed(key)?;
        }
        let octets = self.data.to_string();
        let (body, agency, account, now) = (octets.as_bytes(), &self.account.agency, self.account.id.as_str(), self.now);
        let added = self
            .world
            .store
            .write("keep a report", |tx| Box::pin(async move { Ok(licences::add_feedback(tx, agency, account, kind, body, now).await?) }));
        Ok(json!({ "receiptNumber": added.await? }))
    }
}

/// The file behind a download address, once.
pub async fn downloaded(world: &World, id: &str) -> Result<Option<File>, Fault> {
    let Ok(id) = id.parse::<ChallengeId>() else { return Ok(None) };
    let (id, now) = (&id, world.clock.now());
    let spent = world.store.write("spend a download", |tx| {
        Box::pin(async move {
            let Some(body) = challenges::spend(tx, id, "licence-download", "", now).await? else { return Ok(None) };
            let (licence, copy): (LicenceId, String) =
                serde_json::from_slice(&body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
            Ok(licences::file(tx, &licence, &copy, "ofd").await?)
        })
    });
    spent.await
}
