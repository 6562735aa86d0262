//! Verdicts that agencies ask for and keep: the API and the clerk's desk.
//!
//! The document is judged by [`super::verify`], with the installation's anchors. The verdict's exact octets are kept with the
//! evidence that was fetched for it, in one transaction with its audit entry; the receipt id names them from then on, and only
//! for the agency that asked.

use super::{acceptance, policies, verify};
use crate::crypto::Hash;
use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, EvidenceId, PartyId, ReceiptId};
use crate::login::Client;
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::store::{anchors, audit, evidence, sightings, verdicts};
use crate::verify::{Evidence, Indication, Options, Policy, Purpose, Revocation, TrustAnchor, Verdict, frozen};
use crate::world::World;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// How long an `Idempotency-Key` is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// How many documents are judged at once; the others wait.
static PLACES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get)));

/// Who asks, for which agency.
#[derive(Debug, Clone)]
pub struct Asker {
    pub(super) agency: AgencyId,
    pub(super) actor: String,
    pub(super) party: Option<PartyId>,
}

impl Asker {
    /// A portal or program of an agency.
    pub fn portal(client: &Client) -> Self {
        Self { agency: client.agency.clone(), actor: format!("client:{}", client.id), party: None }
    }

    /// The agency.
    pub fn agency(&self) -> &AgencyId {
        &self.agency
    }

    /// Somebody at the machine itself.
    pub fn operator(agency: AgencyId) -> Self {
        Self { agency, actor: "operator".into(), party: None }
    }

    /// A clerk at an agency's desk.
    pub fn clerk(agency: AgencyId, clerk: PartyId) -> Self {
        Self { agency, actor: format!("clerk:{clerk}"), party: Some(clerk) }
    }
}

/// What is to be judged.
pub struct Submission {
    /// The file's name as the caller gave it; the verdict bears its last part.
    pub file: String,
    /// The document.
    pub document: Arc<dyn ByteSource>,
    /// What a detached signature covers.
    pub content: Option<Box<dyn ByteSource>>,
    /// Policy by name.
    pub policy: Option<String>,
    /// The time for which the verdict is asked; now where none is given.
    pub at: Option<Moment>,
}

/// A verdict with what it rests on.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) rested_on: Evidence,
    /// What the document is recognised by when it comes again.
    pub(super) identities: Vec<[u8; 32]>,
    /// Of an accepted document: its digests, for the time-stamp over its evidence.
    digests: Vec<(Hash, Vec<u8>)>,
}

impl Judged {
    /// Everything that was seen with it.
    fn seen(&self, now: Moment) -> Vec<[u8; 32]> {
        let beside = frozen::first_seen(&self.rested_on, now).into_iter().map(|(id, _)| id);
        self.identities.iter().copied().chain(beside).collect()
    }
}

/// A kept verdict.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What names it.
    pub receipt: ReceiptId,
    /// Its JSON, byte for byte.
    pub body: Zeroizing<Vec<u8>>,
    /// Whether this answers a request that was made before.
    pub repeated: bool,
}

impl From<verdicts::StoredVerdict> for Kept {
    fn from(stored: verdicts::StoredVerdict) -> Self {
        Self { receipt: stored.id, body: stored.body, repeated: true }
    }
}

/// Judges a document and keeps the verdict. `key` is the caller's `Idempotency-Key`: the same request under the same key gets
/// the first answer; another request under it is refused.
pub async fn submit(world: &Arc<World>, asker: &Asker, submission: Submission, key: Option<&str>) -> Result<Kept, Fault> {
    let policy = policies::choose(&world.config, &asker.agency, submission.policy.as_deref())?;
    let digest = match key {
        Some(_) => request_digest(&submission).map_err(unreadable)?,
        None => String::new(),
    };
    if let Some(key) = key
        && let Some(kept) = answered(world, asker, key, &digest).await?
    {
        return Ok(kept);
    }
    let now = world.clock.now();
    let options = Options {
        file: base_name(&submission.file).to_owned(),
        at: submission.at.unwrap_or(now),
        at_given: submission.at.is_some(),
        revocation: Revocation::Hard,
    };
    let known = Evidence { anchors: trusted(world).await?, ..Evidence::default() };
    let judged = judge(world.clone(), submission, known, policy.clone(), options.clone()).await?;
    let Judged { verdict, rested_on, .. } = &judged;
    let document = hex::decode(&verdict.sha256).ok().and_then(|digest| digest.try_into().ok()).unwrap_or_default();
    let record = match accepted(verdict) && !acceptance::is_stamped(world, verdict).await? {
        true => acceptance::stamped(world, rested_on, &judged.digests).await,
        false => None,
    };
    let stamped = record.is_some();
    let added = record.map(|record| Evidence { records: vec![record], ..Evidence::default() });
    let bundle = frozen::freeze_under(rested_on, added.as_ref(), &policy, &options, &document);
    let body = serde_json::to_vec(&verdict).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    keep(world, asker, &judged, body, (&bundle, stamped), key.map(|key| (key, digest.as_str())), now).await
}

/// Whether a verdict accepts a document as of now.
fn accepted(verdict: &Verdict) -> bool {
    verdict.indication == Indication::Passed && !verdict.policy.at_given
}

/// The frozen evidence of a verdict, for the agency that asked for it: what `xinyin verify --evidence FILE --replay` takes.
pub async fn evidence_of(world: &World, agency: &AgencyId, receipt: &ReceiptId) -> Result<Option<Vec<u8>>, Fault> {
    let found = world.store.read("recall evidence", |tx| {
        Box::pin(async move {
            let Some(verdict) = verdicts::find(tx, agency, receipt).await? else { return Ok(None) };
            let Some(id) = verdict.evidence else { return Ok(None) };
            Ok(evidence::find(tx, &id).await?.map(|found| found.body))
        })
    });
    found.await
}

/// The verdict that a receipt names, for the agency that asked for it; another agency's is not found.
pub async fn recall(world: &World, agency: &AgencyId, receipt: &ReceiptId) -> Result<Option<Kept>, Fault> {
    let found = world.store.read("recall a verdict", |tx| Box::pin(async move { Ok(verdicts::find(tx, agency, receipt).await?) }));
    Ok(found.await?.map(Kept::from))
}

/// The service's anchors with their purposes.
pub(super) async fn trusted(world: &World) -> Result<Vec<TrustAnchor>, Fault> {
    let stored = world.store.read("trust anchors", |tx| Box::pin(async move { Ok(anchors::list(tx).await?) })).await?;
    let read = |anchor: &anchors::StoredAnchor| {
        let certificate = Certificate::from_der(&anchor.certificate).ok()?;
        let purposes: Vec<Purpose> = anchor.purposes.iter().filter_map(|name| name.parse().ok()).collect();
        Some(TrustAnchor { certificate, purposes, rows: anchor.rows.clone() })
    };
    Ok(stored.iter().filter(|anchor| world.config.demo || !anchor.is_lab).filter_map(read).collect())
}

/// On a thread of its own: hashing and arithmetic would hold up the others.
pub(super) async fn judge(
    world: Arc<World>,
    submission: Submission,
    known: Evidence,
    policy: Policy,
    options: Options,
) -> Result<Judged, Fault> {
    let _place = PLACES.acquire().await.map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let runtime = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let content = submission.content.as_deref();
        let document = &*submission.document;
        runtime.block_on(async {
            let (verdict, fetched, identities) =
                verify::recognised(document, content.as_slice(), &known, &policy, &options, (&world.net, Some(&*world)))
                    .await
                    .map_err(unreadable)?;
            let mut rested_on = known.clone();
            rested_on.extend(fetched);
            let mut judged = Judged { verdict, rested_on, identities, digests: Vec::new() };
            if judged.verdict.indication != Indication::Passed {
                // What is known of it from before is asked only where it matters: a verdict that needs none of it can be replayed anywhere.
                let remembered = acceptance::remembered(&world, &judged).await?;
                if !remembered.first_seen.is_empty() || !remembered.records.is_empty() {
                    let mut more = judged.rested_on.clone();
                    more.extend(remembered);
                    let (again, fetched, _) =
                        verify::recognised(document, content.as_slice(), &more, &policy, &options, (&world.net, Some(&*world)))
                            .await
                            .map_err(unreadable)?;
                    if again.indication == Indication::Passed {
                        more.extend(fetched);
                        judged = Judged { verdict: again, rested_on: more, ..judged };
                    }
                }
            }
            // What our own register says of a licence is asked only where the file names one that is in it.
            if let Some(status) = super::licences::status_of(&world, &judged.verdict, options.at).await? {
                let mut more = judged.rested_on.clone();
                more.licences.push(status);
                let (verdict, fetched, _) =
                    verify::recognised(document, content.as_slice(), &more, &policy, &options, (&world.net, Some(&*world)))
                        .await
                        .map_err(unreadable)?;
                more.extend(fetched);
                judged = Judged { verdict, rested_on: more, ..judged };
            }
            if accepted(&judged.verdict) {
                judged.digests = super::evidence::digests(document)?;
            }
            Ok(judged)
        })
    });
    work.await.map_err(|error| Fault::new(code::SYSTEM).because(error))?
}

async fn keep(
    world: &World,
    asker: &Asker,
    judged: &Judged,
    body: Vec<u8>,
    (bundle, stamped): (&[u8], bool),
    key: Option<(&str, &str)>,
    now: Moment,
) -> Result<Kept, Fault> {
    let verdict = &judged.verdict;
    let kind = if accepted(verdict) { acceptance::kind(stamped) } else { "verification" };
    let seen = &judged.seen(now);
    let body = Zeroizing::new(body);
    let octets = &body;
    let facts = json!({
        "actor": asker.actor, "document": verdict.sha256, "indication": verdict.indication.name(),
        "policy": verdict.policy.digest, "sub_indication": verdict.sub_indication,
    });
    let facts = &facts;
    let receipt = world.store.write("keep a verdict", |tx| {
        Box::pin(async move {
            if let Some((key, digest)) = key {
                match verdicts::repeated(tx, &asker.agency, &asker.actor, key, digest, now).await? {
                    verdicts::Repeated::New => {}
                    verdicts::Repeated::Same(receipt) => return Ok((receipt, true)),
                    verdicts::Repeated::Different => return Err(reused_key()),
                }
            }
            let bundle: EvidenceId = evidence::add(
                tx,
                evidence::NewEvidence {
                    agency: Some(&asker.agency),
                    kind,
                    source: &verdict.sha256,
                    privacy: evidence::Privacy::Public,
                    body: bundle,
                    seen_at: now,
                    this_update: None,
                    next_update: None,
                },
            )
            .await?;
            sightings::add(tx, seen, now).await?;
            let receipt = verdicts::add(
                tx,
                verdicts::NewVerdict {
                    agency: &asker.agency,
                    actor: &asker.actor,
                    document_sha256: &verdict.sha256,
                    policy_id: &verdict.policy.id,
                    policy_digest: &verdict.policy.digest,
                    judged_at: verdict.at,
                    indication: verdict.indication.name(),
                    sub_indication: verdict.sub_indication.as_deref(),
                    body: octets,
                    evidence: Some(&bundle),
                    created_at: now,
                },
            )
            .await?;
            if let Some((key, digest)) = key {
                verdicts::remember(tx, &asker.agency, &asker.actor, key, digest, receipt.as_str(), now, REMEMBERED).await?;
            }
            let entry = audit::Entry {
                agency: Some(&asker.agency),
                party: asker.party.as_ref(),
                at: now,
                event: "verdict.given",
                facts,
                personal: None,
            };
            audit::append(tx, entry).await?;
            Ok((receipt.as_str().to_owned(), false))
        })
    });
    let (receipt, repeated) = receipt.await?;
    let receipt: ReceiptId = receipt.parse().map_err(|error: crate::ids::NotAnId| Fault::new(code::SYSTEM).because(error))?;
    if !repeated {
        return Ok(Kept { receipt, body, repeated });
    }
    recall(world, &asker.agency, &receipt).await?.ok_or_else(|| Fault::new(code::SYSTEM))
}

/// The answer that the same request under this key got before.
async fn answered(world: &World, asker: &Asker, key: &str, digest: &str) -> Result<Option<Kept>, Fault> {
    let now = world.clock.now();
    let found = world.store.read("look up an idempotency key", |tx| {
        Box::pin(async move { Ok(verdicts::repeated(tx, &asker.agency, &asker.actor, key, digest, now).await?) })
    });
    match found.await? {
        verdicts::Repeated::New => Ok(None),
        verdicts::Repeated::Different => Err(reused_key()),
        verdicts::Repeated::Same(receipt) => {
            let receipt = receipt.parse().map_err(|error: crate::ids::NotAnId| Fault::new(code::SYSTEM).because(error))?;
            recall(world, &asker.agency, &receipt).await
        }
    }
}

fn reused_key() -> Fault {
    Fault::new(code::IDEMPOTENCY_KEY)
}

fn unreadable(error: std::io::Error) -> Fault {
    Fault::new(code::FILE).because(error)
}

/// What tells one request from another under the same key.
fn request_digest(submission: &Submission) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut part = |source: &dyn ByteSource| {
        hash.update(source.len().to_be_bytes());
        source.stream(0, source.len(), &mut |piece| hash.update(piece))
    };
    part(&*submission.document)?;
    match &submission.content {
        Some(content) => part(&**content)?,
        None => part(&Vec::new())?,
    }
    let rest = json!([submission.file, submission.content.is_some(), submission.policy, submission.at.map(Moment::millis)]);
    hash.update(rest.to_string());
    Ok(hex::encode(hash.finalize()))
}

/// The last part of a name, as the command line names files.
pub(super) fn base_name(name: &str) -> &str {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let end = last.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 255).last().unwrap_or(0);
    match last.get(..end) {
        Some("" | "." | "..") | None => "document",
        Some(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_folders() {
        for (given, kept) in
            [("a.pdf", "a.pdf"), ("/x/a.pdf", "a.pdf"), ("C:\\x\\合同.pdf", "合同.pdf"), ("", "document"), ("a/..", "document")]
        {
            assert_eq!(base_name(given), kept);
        }
        assert_eq!(base_name(&"名".repeat(100)).len(), 255);
    }

    #[test]
    fn each_part_of_a_request_tells_it_apart() {
        let submission = |file: &str, document: &[u8], content: Option<&[u8]>, policy: Option<&str>, at: Option<i64>| {
            request_digest(&Submission {
                file: file.into(),
                document: Arc::new(document.to_vec()),
                content: content.map(|content| Box::new(content.to_vec()) as Box<dyn ByteSource>),
                policy: policy.map(Into::into),
                at: at.map(Moment::from_millis),
            })
            .unwrap()
        };
        let all = [
            submission("a", b"1", None, None, None),
            submission("b", b"1", None, None, None),
            submission("a", b"2", None, None, None),
            submission("a", b"1", Some(b""), None, None),
            submission("a", b"", Some(b"1"), None, None),
            submission("a", b"1", None, Some("strict"), None),
            submission("a", b"1", None, None, Some(1)),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
