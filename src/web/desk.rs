//! The clerk's desk: a document in, a verdict in plain words out. The page is a view of the kept JSON, nothing else; the same
//! octets can be downloaded.

use super::page::Page;
use super::text::{self, Text};
use super::{App, api, upload};
use crate::fault::{Fault, code};
use crate::ids::ReceiptId;
use crate::moment::Moment;
use crate::service::desk::{Clerk, clerk};
use crate::service::verifications::{self, Asker, Kept};
use askama::Template;
use axum::Router;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk", get(desk).post(judge))
        .route("/desk/{agency}/{receipt}", get(verdict))
        .route("/desk/{agency}/{receipt}/verdict.json", get(download))
}

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage<'a> {
    page: &'a Page,
    agencies: &'a [(crate::ids::AgencyId, String)],
}

/// The clerk, or the way to the login. What the desk shows is for clerks alone.
async fn here(app: &App, page: &mut Page) -> Result<Clerk, Response> {
    let cookie = page.session.clone();
    match clerk(&app.world, cookie.as_ref().map(|cookie| cookie.as_str())).await {
        Ok(Some(clerk)) => Ok(clerk),
        Ok(None) => {
            page.return_to("/desk");
            Err(page.see("/login"))
        }
        Err(fault) => Err(axum::response::IntoResponse::into_response(fault)),
    }
}

async fn desk(State(app): State<App>, mut page: Page) -> Response {
    match here(&app, &mut page).await {
        Ok(clerk) => {
            let status = if clerk.agencies.is_empty() { StatusCode::FORBIDDEN } else { StatusCode::OK };
            page.html(status, &DeskPage { page: &page, agencies: &clerk.agencies })
        }
        Err(response) => response,
    }
}

/// Judges, keeps, and sends the browser to the verdict's own address: reloading it uploads nothing twice. The agency stands in
/// the query, where it is known before the document is read.
async fn judge(State(app): State<App>, mut page: Page, form: Result<Multipart, MultipartRejection>) -> Result<Response, Fault> {
    let clerk = match here(&app, &mut page).await {
        Ok(clerk) => clerk,
        Err(response) => return Ok(response),
    };
    let agency = clerk.at(page.query("agency"))?.clone();
    let form = form.map_err(|error| Fault::new(code::BAD_REQUEST).because(error))?;
    let submission = upload::submission(&app, form).await?;
    let asker = Asker::clerk(agency.clone(), clerk.party.clone());
    let kept = verifications::submit(&app.world, &asker, submission, None).await?;
    Ok(page.see(&format!("/desk/{agency}/{}", kept.receipt)))
}

/// A verdict of this clerk's agency; of any other it is not found.
async fn recalled(app: &App, page: &mut Page, agency: &str, receipt: &str) -> Result<Result<Kept, Response>, Fault> {
    let clerk = match here(app, page).await {
        Ok(clerk) => clerk,
        Err(response) => return Ok(Err(response)),
    };
    let absent = || Fault::new(code::NOT_FOUND);
    let receipt: ReceiptId = receipt.parse().map_err(|_| absent())?;
    let agency = clerk.at(Some(agency)).map_err(|_| absent())?;
    verifications::recall(&app.world, agency, &receipt).await?.map(Ok).ok_or_else(absent)
}

async fn download(State(app): State<App>, mut page: Page, Path((agency, receipt)): Path<(String, String)>) -> Result<Response, Fault> {
    let kept = match recalled(&app, &mut page, &agency, &receipt).await? {
        Ok(kept) => kept,
        Err(response) => return Ok(response),
    };
    let mut response = api::answer(&kept);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"verdict-{}.json\"", kept.receipt)) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

async fn verdict(State(app): State<App>, mut page: Page, Path((agency, receipt)): Path<(String, String)>) -> Result<Response, Fault> {
    let kept = match recalled(&app, &mut page, &agency, &receipt).await? {
        Ok(kept) => kept,
        Err(response) => return Ok(response),
    };
    let verdict: Value = serde_json::from_slice(&kept.body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let view = view(&page, &verdict, agency, kept.receipt.as_str());
    Ok(page.html(StatusCode::OK, &view))
}

#[derive(Template)]
#[template(path = "desk_verdict.html")]
struct VerdictPage<'a> {
    page: &'a Page,
    agency: String,
    receipt: String,
    file: String,
    sha256: String,
    outcome: &'static str,
    mark: &'static str,
    word: &'static str,
    indication: String,
    as_of: String,
    signatures: Vec<SignatureView>,
    timestamps: Vec<StampView>,
    defects: Vec<(String, String)>,
    json: String,
}

struct SignatureView {
    kind: &'static str,
    id: String,
    word: &'static str,
    mark: &'static str,
    indication: String,
    questions: Vec<Question>,
    at_signing: &'static str,
    now: &'static str,
    checks: Vec<CheckView>,
    technical: Vec<(&'static str, String)>,
}

struct Question {
    question: &'static str,
    mark: &'static str,
    word: &'static str,
    answer: String,
}

struct CheckView {
    id: String,
    mark: &'static str,
    word: &'static str,
    question: String,
    answer: String,
    clause: String,
}

struct StampView {
    time: String,
    word: &'static str,
    mark: &'static str,
    checks: Vec<CheckView>,
}

fn string<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Beijing time to the second.
fn time(value: Option<&str>) -> Option<String> {
    let at: Moment = value?.parse().ok()?;
    Some(at.beijing().get(..19).unwrap_or_default().replace('T', " "))
}

/// The outcome's words at the desk (not: 不予受理; a formal defect leads to correction, and only the authority refuses), its
/// colour and the plain word.
fn outcome(indication: &str) -> (Text, &'static str, Text) {
    match indication {
        "TOTAL-PASSED" => (text::DESK_VERIFIED, "good", text::VALID),
        "TOTAL-FAILED" => (text::DESK_NOT_VERIFIED, "bad", text::INVALID),
        _ => (text::DESK_TO_CHECK, "open", text::UNDECIDED),
    }
}

fn state(page: &Page, word: Option<&str>) -> &'static str {
    page.t(match word {
        Some("valid") => text::DESK_STATE_VALID,
        Some("expired") => text::DESK_STATE_EXPIRED,
        Some("revoked") => text::DESK_STATE_REVOKED,
        _ => text::DESK_STATE_UNKNOWN,
    })
}

fn status(page: &Page, status: &str) -> (&'static str, &'static str) {
    match status {
        "pass" => ("good", page.t(text::DESK_YES)),
        "fail" => ("bad", page.t(text::DESK_NO)),
        "warn" => ("open", page.t(text::DESK_WARN)),
        _ => ("open", page.t(text::DESK_UNKNOWN)),
    }
}

fn checks(page: &Page, value: &Value) -> Vec<CheckView> {
    let (question, answer) = if page.chinese() { ("question", "answer") } else { ("question_en", "answer_en") };
    let read = |check: &Value| {
        let text = |name| string(check, name).unwrap_or_default().to_owned();
        let (mark, word) = status(page, string(check, "status").unwrap_or_default());
        CheckView { id: text("id"), mark, word, question: text(question), answer: text(answer), clause: text("clause") }
    };
    list(value, "checks").iter().map(read).collect()
}

/// The worst of these rules, with its answer: failed before unknown before warned before passed. None was looked at: unknown.
fn worst(page: &Page, signature: &Value, rules: &[&str]) -> (&'static str, &'static str, String) {
    let rank = |check: &&Value| match string(check, "status") {
        Some("fail") => 3,
        Some("unknown") => 2,
        Some("warn") => 1,
        _ => 0,
    };
    let checks = list(signature, "checks");
    let ours = rules.iter().rev().filter_map(|rule| checks.iter().find(|check| string(check, "id") == Some(rule)));
    // `max_by_key` takes the last of equals: of rules that say the same, the first one answers the question.
    let found = ours.max_by_key(rank);
    let (mark, word) = status(page, found.and_then(|check| string(check, "status")).unwrap_or("unknown"));
    let answer = found.and_then(|check| string(check, if page.chinese() { "answer" } else { "answer_en" }));
    (mark, word, answer.unwrap_or_default().to_owned())
}

/// The seven questions of a clerk.
fn questions(page: &Page, signature: &Value) -> Vec<Question> {
    let by_rules = |question: Text, rules: &[&str]| {
        let (mark, word, answer) = worst(page, signature, rules);
        Question { question: page.t(question), mark, word, answer }
    };
    let signer = signature.get("signer").unwrap_or(&Value::Null);
    let known = |name: &str| string(signer, name).filter(|text| !text.is_empty());
    let (mark, word, unnamed) = worst(page, signature, &["XY-2011"]);
    let who: Vec<_> = [known("name").or_else(|| known("subject")), known("id_masked")].into_iter().flatten().collect();
    let who = Question {
        question: page.t(text::DESK_Q_WHO),
        mark,
        word: if who.is_empty() { word } else { "" },
        answer: if who.is_empty() { unnamed } else { who.join(" ") },
    };
    let (for_mark, for_whom) = match string(signer, "kind") {
        Some("organisation") => {
            let parts: Vec<_> = [known("name"), known("uscc")].into_iter().flatten().collect();
            (mark, parts.join(" "))
        }
        Some("person") => (mark, page.t(text::DESK_FOR_SELF).to_owned()),
        _ => ("open", page.t(text::DESK_FOR_NOBODY).to_owned()),
    };
    let best = time(string(signature, "best_time"));
    let rests = match (best, string(signature, "best_time_source")) {
        (Some(at), Some("signature-timestamp")) => text::DESK_TIME_SIGNATURE.with(page.language, &[&at]),
        (Some(at), Some("document-timestamp" | "archive")) => text::DESK_TIME_DOCUMENT.with(page.language, &[&at]),
        (Some(at), _) => text::DESK_TIME_CLAIMED.with(page.language, &[&at]),
        (None, _) => page.t(text::DESK_TIME_NONE).to_owned(),
    };
    let proven = matches!(string(signature, "best_time_source"), Some("signature-timestamp" | "document-timestamp" | "archive"));
    let mut whole = by_rules(text::DESK_Q_WHOLE, &["XY-2061", "XY-2014"]);
    let (whole_mark, covers) = match string(signature, "covers") {
        Some("whole-document") => (whole.mark, text::DESK_WHOLE),
        Some("earlier-revision") => ("open", text::DESK_EARLIER),
        _ => ("bad", text::DESK_PARTIAL),
    };
    (whole.mark, whole.answer) = (whole_mark, page.t(covers).to_owned());
    if whole_mark == "open" {
        whole.word = page.t(text::DESK_WARN);
    }
    vec![
        by_rules(text::DESK_Q_UNCHANGED, &["XY-2013", "XY-2014", "XY-2015", "XY-2012", "XY-2062", "XY-2063"]),
        who,
        Question { question: page.t(text::DESK_Q_FOR), mark: for_mark, word: "", answer: for_whom },
        by_rules(text::DESK_Q_TRUSTED, &["XY-2021", "XY-2022", "XY-2023"]),
        by_rules(text::DESK_Q_VALID_THEN, &["XY-2031", "XY-2032", "XY-2033"]),
        Question { question: page.t(text::DESK_Q_TIME), mark: if proven { "good" } else { "open" }, word: "", answer: rests },
        whole,
    ]
}

fn indication(value: &Value) -> String {
    let words = [string(value, "indication"), string(value, "sub_indication")];
    words.into_iter().flatten().collect::<Vec<_>>().join(" / ")
}

fn view<'a>(page: &'a Page, verdict: &Value, agency: String, receipt: &str) -> VerdictPage<'a> {
    let (word, mark, plain) = outcome(string(verdict, "indication").unwrap_or_default());
    let signatures = list(verdict, "signatures").iter().map(|signature| {
        let (_, mark, plain) = outcome(string(signature, "indication").unwrap_or_default());
        let signer = signature.get("signer").unwrap_or(&Value::Null);
        let mut technical = Vec::new();
        for (label, value) in [
            ("level", string(signature, "level")),
            ("signature_algorithm", string(signature, "signature_algorithm")),
            ("digest_algorithm", string(signature, "digest_algorithm")),
            ("claimed_time", string(signature, "claimed_time")),
            ("changes_after", string(signature, "changes_after")),
            ("subject", string(signer, "subject")),
            ("issuer", string(signer, "issuer")),
            ("serial", string(signer, "serial")),
            ("cert_sha256", string(signer, "cert_sha256")),
        ] {
            technical.extend(value.map(|value| (label, value.to_owned())));
        }
        SignatureView {
            kind: page.t(match string(signature, "kind") {
                Some("seal") => text::DESK_SEAL,
                Some("document-timestamp") => text::DESK_DOCUMENT_TIMESTAMP,
                _ => text::DESK_SIGNATURE,
            }),
            id: string(signature, "id").unwrap_or_default().to_owned(),
            word: page.t(plain),
            mark,
            indication: indication(signature),
            questions: questions(page, signature),
            at_signing: state(page, string(signature, "at_signing")),
            now: state(page, string(signature, "now")),
            checks: checks(page, signature),
            technical,
        }
    });
    let timestamps = list(verdict, "timestamps").iter().map(|stamp| {
        let (_, mark, plain) = outcome(string(stamp, "indication").unwrap_or_default());
        let at = time(string(stamp, "time")).unwrap_or_else(|| "—".to_owned());
        StampView { time: at, word: page.t(plain), mark, checks: checks(page, stamp) }
    });
    let (what, fix) = if page.chinese() { ("what", "fix") } else { ("what_en", "fix_en") };
    let defects = list(verdict, "defects").iter().map(|defect| {
        let text = |name| string(defect, name).unwrap_or_default();
        (format!("{} {}", text("id"), text(what)), text(fix).to_owned())
    });
    let at = time(string(verdict, "at")).unwrap_or_default();
    VerdictPage {
        page,
        agency,
        receipt: receipt.to_owned(),
        file: string(verdict, "file").unwrap_or_default().to_owned(),
        sha256: string(verdict, "sha256").unwrap_or_default().to_owned(),
        outcome: page.t(word),
        mark,
        word: page.t(plain),
        indication: indication(verdict),
        as_of: text::DESK_AS_OF.with(page.language, &[&at]),
        signatures: signatures.collect(),
        timestamps: timestamps.collect(),
        defects: defects.collect(),
        json: serde_json::to_string_pretty(verdict).unwrap_or_default(),
    }
}
