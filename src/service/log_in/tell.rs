//! Telling portals that a session ended: notices are written with the end itself, and sent by the running server until the
//! portal answers or a day has passed. The notice stays as the receipt that its holder sees.

use super::{Provider, client};
use crate::fault::{Fault, code};
use crate::files;
use crate::login::Client;
use crate::login::request::Reply;
use crate::login::states::Granted;
use crate::moment::Moment;
use crate::net::{Budget, Net, NetError, NetOptions, Origin, certificates};
use crate::store::grants::Grant;
use crate::store::logout_notices::{self, NewNotice, Notice, NoticeKind};
use crate::store::{StoreError, Tx};
use crate::world::World;
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use std::time::Duration;
use url::Url;

/// How long a portal may take to answer, and how much it may say.
const BUDGET: Budget = Budget { time: Duration::from_secs(5), bytes: 64 * 1024 };
/// While one machine sends, no other does.
const KEEP: Duration = Duration::from_secs(60);
/// After this long nobody is told any more: what the portal got from us has lapsed.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);

/// What a message says, in the portal's own names.
#[derive(Serialize, Deserialize)]
struct Said {
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
}

/// Writes the notice for one grant whose session ends. Call it before the grant is revoked.
pub(in crate::service) async fn note(tx: &mut Tx<'_>, grant: &Grant, why: &str, now: Moment) -> Result<(), Fault> {
    let Some(portal) = client(tx, &grant.client).await? else { return Ok(()) };
    let granted: Granted = serde_json::from_slice(&grant.body).map_err(|_| StoreError::Corrupt("grants.body"))?;
    let (kind, target) = match (granted.request.reply, &portal.backchannel_logout_uri) {
        (Reply::Ticket, _) => (NoticeKind::Cas, granted.request.redirect_uri.as_str()),
        (Reply::Code, Some(address)) => (NoticeKind::BackChannel, address.as_str()),
        (Reply::Code, None) => (NoticeKind::None, ""),
    };
    let said = Said { sub: granted.sub.clone(), sid: granted.sid.clone(), ticket: granted.ticket.clone() };
    let body = zeroize::Zeroizing::new(serde_json::to_vec(&said).map_err(|error| Fault::new(code::SYSTEM).because(error))?);
    let notice = NewNotice { party: &grant.party, client: &grant.client, kind, target, body: &body, why };
    Ok(logout_notices::add(tx, notice, now).await?)
}

/// Whether a grant was made for the time after the session, too (OpenID Connect Core §11).
pub(super) fn offline(grant: &Grant) -> Result<bool, Fault> {
    let granted: Granted = serde_json::from_slice(&grant.body).map_err(|_| StoreError::Corrupt("grants.body"))?;
    Ok(granted.request.scope.contains("offline_access"))
}

/// Sends what is due; returns how many portals answered.
pub async fn tell(world: &World, provider: &Provider) -> Result<usize, Fault> {
    let now = world.clock.now();
    if !world.store.read("logout notices", |tx| Box::pin(async move { Ok(logout_notices::any_due(tx, now).await?) })).await? {
        return Ok(0);
    }
    let take = world.store.write("take logout notices", |tx| {
        Box::pin(async move {
            let mut taken = Vec::new();
            for notice in logout_notices::take(tx, now, KEEP).await? {
                let portal = client(tx, &notice.client).await?;
                taken.push((notice, portal));
            }
            Ok(taken)
        })
    });
    let taken = take.await?;
    let sent = futures_util::future::join_all(taken.iter().map(|(notice, portal)| send(world, provider, notice, portal.as_ref(), now)));
    let outcomes: Vec<_> = taken.iter().map(|(notice, _)| notice).zip(sent.await).collect();
    let (outcomes, done) = (&outcomes, world.clock.now());
    let kept = world.store.write("receipts of logout", |tx| {
        Box::pin(async move {
            for (notice, outcome) in outcomes {
                match outcome {
                    Ok(()) => logout_notices::delivered(tx, &notice.id, done).await?,
                    Err(failure) => logout_notices::failed(tx, &notice.id, failure, again(notice, done)).await?,
                }
            }
            Ok(outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count())
        })
    });
    kept.await
}

/// 5 s, 20 s, 80 s, … at most an hour; nothing after a day.
fn again(notice: &Notice, now: Moment) -> Option<Moment> {
    let wait = 5_u64.saturating_mul(4_u64.saturating_pow(u32::try_from(notice.attempts).unwrap_or(u32::MAX))).min(3600);
    let next = now.plus(Duration::from_secs(wait));
    (next < notice.created_at.plus(GIVE_UP)).then_some(next)
}

#[derive(Template)]
#[template(path = "cas_logout.xml")]
struct LogoutRequest<'a> {
    id: &'a str,
    at: String,
    ticket: &'a str,
}

/// One message. The failure is for the operator; it holds no address beyond scheme, host and port.
async fn send(world: &World, provider: &Provider, notice: &Notice, portal: Option<&Client>, now: Moment) -> Result<(), String> {
    let portal = portal.ok_or("the portal was switched off")?;
    // As registered now: an address that was taken out gets nothing.
    let registered = match notice.kind {
        NoticeKind::BackChannel => portal.backchannel_logout_uri.as_deref() == Some(notice.target.as_str()),
        NoticeKind::Cas => portal.is_service(&notice.target),
        NoticeKind::None => false,
    };
    if !registered {
        return Err("the address is not registered any more".into());
    }
    let said: Said = serde_json::from_slice(&notice.body).map_err(|_| "the notice cannot be read")?;
    let (name, message) = match notice.kind {
        NoticeKind::BackChannel => {
            // Back-Channel Logout 1.0 §2.4; no nonce.
            let mut claims = Map::from_iter([
                ("iss".to_owned(), json!(provider.issuer())),
                ("aud".to_owned(), json!(portal.id)),
                ("sub".to_owned(), json!(said.sub)),
                ("iat".to_owned(), json!(now.secs())),
                ("exp".to_owned(), json!(now.plus(Duration::from_secs(120)).secs())),
                ("jti".to_owned(), json!(notice.id)),
                ("events".to_owned(), json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
            ]);
            if let Some(sid) = &said.sid {
                claims.insert("sid".to_owned(), json!(sid));
            }
            let token = provider.sign(world, portal.id_token_alg, "logout+jwt", &claims).await;
            ("logout_token", token.map_err(|fault| fault.code.id)?)
        }
        _ => {
            let ticket = said.ticket.as_deref().unwrap_or_default();
            let request = LogoutRequest { id: &notice.id, at: now.to_string(), ticket };
            ("logoutRequest", request.render().map_err(|error| error.to_string())?)
        }
    };
    let body = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, &message).finish();
    let url = Url::parse(&notice.target).map_err(|error| error.to_string())?;
    let net = net(world, &url).map_err(|error| error.to_string())?;
    let sent = net.post(&url, "application/x-www-form-urlencoded", "*/*", body.into_bytes(), BUDGET).await;
    // A redirect is no answer, and is not followed.
    sent.map(drop).map_err(|error| error.to_string())
}

/// A client for this one registered origin, and no other.
fn net(world: &World, url: &Url) -> Result<Net, NetError> {
    let mut roots = Vec::new();
    for path in &world.config.portal_anchors {
        let pem = files::read(&world.config.folder.join(path)).map_err(|fault| NetError::Settings(fault.to_string()))?;
        roots.extend(certificates(&pem)?);
    }
    Net::new(NetOptions { allow: Origin::named(url).into_iter().collect(), roots, identity: None })
}
