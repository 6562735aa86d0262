//! Raising a signature's level: judged first, material gathered, time-stamps asked for, the result judged again; only a passing one
//! is released.

use super::sign::{Bench, blocking};
use super::timestamp_client::Authority;
use super::verify::{offline, online};
use crate::doc::source::ByteSource;
use crate::doc::{self, Facts, ReadOptions, facts::SignatureKind};
use crate::fault::{Fault, code};
use crate::sign::{self, Level, Output, Refusal, Stamping, add_material, archive, material};
use crate::verify::{Evidence, Options, Verdict, licence, verdict::Indication};
use crate::world::{Clock, Dice, random};
use std::sync::Arc;

/// What is raised, how far, with what.
#[derive(Clone)]
pub struct Raising {
    /// The signed document.
    pub document: Arc<dyn ByteSource>,
    /// What a detached signature covers.
    pub content: Option<Arc<dyn ByteSource>>,
    /// The level asked for.
    pub level: Level,
    /// Anchors, revocation data, rules, the way out.
    pub bench: Bench,
    /// Where time-stamps come from.
    pub authority: Option<Authority>,
}

/// Raises every signature of the document to the level; one that has it already is renewed at B-LTA by another time-stamp over
/// everything, below it is left as it is.
///
/// # Errors
/// `SIGN_LEVEL` where a signature does not pass the judge before or after; nothing comes out then.
pub async fn raise(raising: &Raising, clock: &dyn Clock, dice: &dyn Dice) -> Result<Output, Fault> {
    let mut work = Work { raising, known: raising.bench.evidence.clone(), output: Output::UNCHANGED, clock };
    work.pass("as it stands").await?;
    if raising.level >= Level::T {
        let (document, facts) = (work.document(), work.facts().await?);
        let nonces = Nonces::enough(&facts, dice);
        let stamping = blocking(move || Ok(sign::stamp(&*document, &facts, nonces.one_by_one())?));
        if let Some(stamping) = stamping.await? {
            work.stamped(stamping).await?;
        }
    }
    if raising.level >= Level::Lt {
        work.pass("with its time-stamps").await?;
        let (document, facts, known) = (work.document(), work.facts().await?, work.known.clone());
        let (now, nonce) = (clock.now(), random(dice));
        let added = blocking(move || {
            let found = material(&facts, &known, now);
            Ok(add_material(&*document, &facts, &found, nonce)?)
        });
        work.add(added.await?);
        // From here on the document must bring everything but the anchors itself.
        passed(&work.by_anchors().await?, "by the material put in")?;
    }
    if raising.level >= Level::Lta {
        let (document, content, facts) = (work.document(), raising.content.clone(), work.facts().await?);
        let nonces = Nonces::enough(&facts, dice);
        let stamping = blocking(move || Ok(archive(&*document, content.as_deref(), &facts, nonces.one_by_one())?));
        work.stamped(stamping.await?).await?;
    }
    let with_all = work.pass("when raised").await?;
    if raising.level >= Level::Lt {
        reached(&work.by_anchors().await?, &with_all, raising.level)?;
    }
    Ok(work.output)
}

/// Nonces drawn beforehand, since the pure steps draw none themselves.
struct Nonces(Vec<[u8; 16]>);

impl Nonces {
    /// One for each signer's request, and two for an update of a PDF.
    fn enough(facts: &Facts, dice: &dyn Dice) -> Self {
        Self((0..facts.signatures.len() + 2).map(|_| random(dice)).collect())
    }

    fn one_by_one(self) -> impl FnMut() -> [u8; 16] {
        let mut left = self.0.into_iter();
        move || left.next().unwrap_or_default()
    }
}

struct Work<'a> {
    raising: &'a Raising,
    known: Evidence,
    output: Output,
    clock: &'a dyn Clock,
}

impl Work<'_> {
    fn document(&self) -> Arc<dyn ByteSource> {
        self.output.document(&self.raising.document)
    }

    fn add(&mut self, next: Output) {
        self.output = std::mem::replace(&mut self.output, Output::UNCHANGED).then(next);
    }

    async fn facts(&self) -> Result<Facts, Fault> {
        let (document, content, certificates) = (self.document(), self.raising.content.clone(), self.known.certificates.clone());
        blocking(move || {
            let options = ReadOptions { content: content.as_deref(), certificates: &certificates };
            doc::read(&*document, &options).map_err(|error| Refusal::from(error).into())
        })
        .await
    }

    fn options(&self) -> Options {
        Options { file: String::new(), at: self.clock.now(), at_given: false, revocation: self.raising.bench.revocation }
    }

    /// Every signature must pass with all that is known and can be fetched; what was fetched is kept.
    async fn pass(&mut self, when: &str) -> Result<Verdict, Fault> {
        let (document, bench, options) = (self.document(), &self.raising.bench, self.options());
        let content = self.raising.content.as_deref();
        let verdict = match &bench.net {
            None => offline(&*document, content.as_slice(), &self.known, &bench.policy, &options),
            Some(net) => {
                let asked = online(&*document, content.as_slice(), &self.known, &bench.policy, &options, net).await;
                asked.map(|(verdict, fetched)| {
                    self.known.extend(fetched);
                    verdict
                })
            }
        };
        let verdict = verdict.map_err(|error| Fault::new(code::FILE).because(error))?;
        passed(&verdict, when)?;
        Ok(verdict)
    }

    /// The verdict by the anchors and what the document itself brings.
    async fn by_anchors(&self) -> Result<Verdict, Fault> {
        let (document, content, bench, options) =
            (self.document(), self.raising.content.clone(), self.raising.bench.clone(), self.options());
        blocking(move || {
            let anchors = Evidence { anchors: bench.evidence.anchors.clone(), ..Evidence::default() };
            let verdict = offline(&*document, content.as_deref().as_slice(), &anchors, &bench.policy, &options);
            verdict.map_err(|error| Fault::new(code::FILE).because(error))
        })
        .await
    }

    async fn stamped(&mut self, stamping: Stamping) -> Result<(), Fault> {
        let missing = Refusal::Request("this level needs a time-stamp authority; name one with --tsa");
        let authority = self.raising.authority.as_ref().ok_or(missing)?;
        let mut tokens = Vec::new();
        for request in stamping.requests() {
            tokens.push(authority.stamp(request).await?);
        }
        self.add(stamping.complete(&tokens)?);
        Ok(())
    }
}

/// Refuses where the judge names a lower level than the one asked for, by what the document brings. The newest time-stamp at B-LTA
/// may be of an authority whose own status comes into the document with the next one only: it passes by what was fetched. A
/// signature without CAdES attributes has no level.
fn reached(verdict: &Verdict, with_all: &Verdict, asked: Level) -> Result<(), Fault> {
    let stamps_pass = !with_all.timestamps.is_empty() && with_all.timestamps.iter().all(|stamp| stamp.indication == Indication::Passed);
    let needed = if asked == Level::Lta && stamps_pass { Level::Lt } else { asked };
    for entry in &verdict.signatures {
        if let Some(level) = entry.level
            && level.parse::<Level>().is_ok_and(|level| level < needed)
        {
            return Err(Refusal::Level(format!("the signature {} reaches {level}, not {}", entry.id, asked.name())).into());
        }
    }
    Ok(())
}

/// Refuses where a signature or seal does not pass, with the reason.
fn passed(verdict: &Verdict, when: &str) -> Result<(), Fault> {
    let signatures = verdict.signatures.iter().filter(|entry| entry.kind != SignatureKind::DocumentTimestamp.name());
    let mut seen = false;
    for entry in signatures {
        seen = true;
        if entry.indication != Indication::Passed {
            let why = entry.sub_indication.as_deref().unwrap_or_default();
            let text = format!("the signature {} does not pass {when}: {} {why}", entry.id, entry.indication.name());
            return Err(Refusal::Level(text).into());
        }
    }
    // The signatures of a licence that ended are kept provable all the same.
    let licence_alone = verdict.sub_indication.as_deref() == Some(licence::SUB_INDICATION);
    if seen && (verdict.indication == Indication::Passed || licence_alone) {
        return Ok(());
    }
    let why = verdict.sub_indication.as_deref().unwrap_or("NO_SIGNATURE");
    Err(Refusal::Level(format!("the document does not pass {when}: {} {why}", verdict.indication.name())).into())
}
