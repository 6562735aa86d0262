//! What the demo says once everything answers: addresses, accounts, files.

use super::super::installation::Format;
use super::place::Place;
use super::province::{Description, Held};
use serde_json::{Value, json};
use std::io::Write as _;

/// The people that a first visitor needs, by the lab's names, and what they are here for.
const PEOPLE: [(&str, &str); 3] = [("person", "zhang-wei"), ("person", "ayiguli"), ("representative", "liu-yang")];

fn key_file(owner: &str, held: &Held) -> Value {
    json!({
        "owner": owner, "family": held.family, "use": held.usage, "condition": held.condition,
        "certificate": held.certificate, "key": held.key, "p12": held.p12, "chain": held.chain,
    })
}

fn accounts(lab: &Description) -> Vec<Value> {
    let clerks = Place::clerks().map(|(agency, id)| ("clerk", id, Some(agency)));
    let people = PEOPLE.map(|(role, id)| (role, id, None));
    let mut accounts = Vec::new();
    for (role, id, agency) in people.into_iter().chain(clerks) {
        if let Ok(person) = lab.person(id) {
            accounts.push(json!({
                "role": role, "id": person.id, "name": person.name, "number": person.number, "phone": person.phone, "agency": agency,
            }));
        }
    }
    accounts.extend(lab.organisations.iter().take(1).map(|organisation| {
        json!({
            "role": "organisation", "id": organisation.id, "name": organisation.name, "uscc": organisation.uscc,
            "legal_representative": organisation.legal_representative,
        })
    }));
    accounts
}

/// One JSON object on one line, or a page for people.
pub(super) fn print(format: Format, place: &Place, lab: &Description) {
    let mut key_files: Vec<Value> = Vec::new();
    for person in &lab.persons {
        key_files.extend(person.certificates.iter().map(|held| key_file(&person.id, held)));
    }
    for organisation in &lab.organisations {
        key_files.extend(organisation.certificates.iter().map(|held| key_file(&organisation.id, held)));
    }
    let accounts = accounts(lab);
    let mut out = std::io::stdout().lock();
    // Whoever started the demo may have stopped reading; it runs on.
    let _ = match format {
        Format::Json => {
            let object = json!({
                "issuer": place.issuer(), "portal": place.portal(), "lab": lab.public,
                "desk": format!("{}/desk", place.issuer()), "api": format!("{}/api/v1/verifications", place.issuer()),
                "inbox": lab.pages.inbox, "inbox_json": lab.pages.inbox_json, "clock": lab.pages.clock, "chaos": lab.pages.chaos,
                "accounts": accounts, "key_files": key_files, "p12_password": lab.p12_password,
                "config": place.path(crate::service::install::CONFIG), "data": place.folder, "documents": place.path("documents"),
                "anchors": place.path("anchors"), "revocation": place.path("revocation"),
                "portal_credentials": place.path("portal.credentials"), "other_portal_credentials": place.path("other-portal.credentials"),
            });
            writeln!(out, "{object}")
        }
        Format::Text => writeln!(out, "{}", page(place, lab, &accounts)),
    };
    let _ = out.flush();
}

fn page(place: &Place, lab: &Description, accounts: &[Value]) -> String {
    let mut lines = vec![
        "信印演示已就绪，按 Ctrl-C 停止 · The demo runs; Ctrl-C stops it".to_owned(),
        String::new(),
        format!("  示例办事大厅 sample portal   {}", place.portal()),
        format!("  认证与签名服务 service       {}", place.issuer()),
        format!("  核验工作台 clerk's desk      {}/desk", place.issuer()),
        format!("  验证码收件箱 phone inbox     {}", lab.pages.inbox),
        format!("  省级平台时钟 province clock  {}", lab.pages.clock),
        String::new(),
        "  测试账号 test accounts".to_owned(),
    ];
    for account in accounts {
        let text = |name: &str| account.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = if text("number").is_empty() { text("uscc") } else { text("number") };
        let role = match text("role") {
            "clerk" => format!("窗口人员 clerk of {}", text("agency")),
            "organisation" => "企业 company".to_owned(),
            "representative" => "法定代表人 legal representative".to_owned(),
            _ => "个人 person".to_owned(),
        };
        lines.push(format!("    {}  {number}  {role}", text("name")));
    }
    let certificate = lab.person("zhang-wei").ok().and_then(|person| person.held("p256", "valid"));
    lines.extend([
        String::new(),
        format!("  样例文件 documents           {}", place.path("documents").display()),
        format!("  数字证书 certificates        {}  （PKCS#12 口令 password {}）", place.path("lab/p12").display(), lab.p12_password),
    ]);
    if let Some(held) = certificate {
        let line =
            format!("  用证书登录 connector         xinyin connector --key {} --cert {}", held.key.display(), held.certificate.display());
        lines.push(line);
    }
    lines.extend([
        format!("  接入应用凭据 API credentials {}", place.path("portal.credentials").display()),
        format!("  配置 configuration           {}", place.path(crate::service::install::CONFIG).display()),
    ]);
    lines.join("\n")
}
