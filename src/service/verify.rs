//! Verification: read the document, gather what is missing, judge. The same call serves the command line, the API and the desk.

use super::trust::{certificates, unreadable};
use crate::{
    crypto::Hash,
    doc::{
        self, Facts, ReadOptions,
        facts::{Imprint, Integrity},
        source::ByteSource,
    },
    fault::{Fault, code},
    files,
    net::{Budget, Net},
    pki::{
        bundle,
        ocsp::OcspResponse,
        path::{self, PathInput, PathResult},
    },
    verify::{self, Evidence, Options, Policy, TrustAnchor, Verdict},
    world::World,
};
use std::{borrow::Cow, path::PathBuf};
use url::Url;

/// Most rounds of asking for missing evidence.
const ROUNDS: usize = 3;
/// Most addresses that are asked for one document.
const MAX_CALLS: usize = 16;

/// Reads a document; of several contents supplied, the one counts that was signed or stamped, otherwise the first.
fn read(source: &dyn ByteSource, contents: &[&dyn ByteSource], evidence: &mut Evidence) -> std::io::Result<Facts> {
    let mut hashes: Vec<Hash> = evidence.records.iter().map(|record| record.hash).filter(|hash| *hash != Hash::Sha256).collect();
    hashes.sort_unstable();
    hashes.dedup();
    evidence.document = hashes.into_iter().map(|hash| Ok((hash, digest(source, hash)?))).collect::<std::io::Result<_>>()?;
    facts(source, contents, evidence)
}

fn facts(source: &dyn ByteSource, contents: &[&dyn ByteSource], evidence: &Evidence) -> std::io::Result<Facts> {
    let with = |content| doc::read(source, &ReadOptions { content, certificates: &evidence.certificates });
    let Some((first, others)) = contents.split_first() else { return with(None) };
    let facts = with(Some(*first))?;
    if others.is_empty() || is_on_content(&facts) {
        return Ok(facts);
    }
    for other in others {
        let other = with(Some(*other))?;
        if is_on_content(&other) {
            return Ok(other);
        }
    }
    Ok(facts)
}

/// The digest of a whole document.
pub(super) fn digest(source: &dyn ByteSource, hash: Hash) -> std::io::Result<Vec<u8>> {
    let mut hasher = hash.hasher();
    source.stream(0, source.len(), &mut |piece| hasher.update(piece))?;
    Ok(hasher.finish())
}

fn is_on_content(facts: &Facts) -> bool {
    let stamped = facts.timestamp.as_ref().and_then(|stamp| stamp.token.as_ref());
    stamped.is_some_and(|token| token.imprint == Imprint::Matches)
        || facts.signatures.iter().any(|entry| matches!(entry.signer.integrity, Integrity::Intact | Integrity::BadSignature))
}

/// Judges a document with the evidence at hand, asking nobody.
pub fn offline(
    source: &dyn ByteSource,
    contents: &[&dyn ByteSource],
    evidence: &Evidence,
    policy: &Policy,
    options: &Options,
) -> std::io::Result<Verdict> {
    // With many anchors at hand a copy costs more than a small document; only records need one.
    let mut evidence = Cow::Borrowed(evidence);
    let facts = if evidence.records.is_empty() && evidence.document.is_empty() {
        facts(source, contents, &evidence)?
    } else {
        read(source, contents, evidence.to_mut())?
    };
    Ok(verify::judge(&facts, &evidence, policy, options))
}

/// Judges a document; revocation data that is missing is asked for at the addresses in the certificates, as far as they are on
/// the allow-list. What cannot be had stays missing, and the verdict says so. Returns what was fetched too, as evidence.
pub async fn online(
    source: &dyn ByteSource,
    contents: &[&dyn ByteSource],
    evidence: &Evidence,
    policy: &Policy,
    options: &Options,
    net: &Net,
) -> std::io::Result<(Verdict, Evidence)> {
    recognised(source, contents, evidence, policy, options, (net, None)).await.map(|(verdict, fetched, _)| (verdict, fetched))
}

/// Judges like [`online`]; tells too what the document is recognised by when it comes again ([`verify::identities`]). Of an
/// installation, the registers of its seals are asked too.
pub async fn recognised(
    source: &dyn ByteSource,
    contents: &[&dyn ByteSource],
    evidence: &Evidence,
    policy: &Policy,
    options: &Options,
    (net, world): (&Net, Option<&World>),
) -> std::io::Result<(Verdict, Evidence, Vec<[u8; 32]>)> {
    let mut known = evidence.clone();
    let facts = read(source, contents, &mut known)?;
    let mut fetched = Evidence::default();
    if let Some(world) = world {
        fetched.seals = super::seals::gather(world, &facts, &known.seals).await.map_err(std::io::Error::other)?;
        known.seals.extend(fetched.seals.iter().cloned());
    }
    let mut asked: Vec<verify::Need> = Vec::new();
    for _ in 0..ROUNDS {
        let more = gather(&verify::needs(&facts, &known, options), net, &mut asked).await;
        if more.crls.is_empty() && more.ocsps.is_empty() && more.certificates.is_empty() {
            break;
        }
        known.extend(more.clone());
        fetched.extend(more);
    }
    Ok((verify::judge(&facts, &known, policy, options), fetched, verify::identities(&facts)))
}

/// Judges a certificate's path, asking for what is missing like [`online`] does.
pub async fn online_path(question: &PathInput<'_>, net: &Net) -> PathResult {
    let mut result = path::validate(question);
    let mut known = Evidence {
        certificates: question.intermediates.to_vec(),
        crls: question.crls.to_vec(),
        ocsps: question.ocsps.to_vec(),
        ..Evidence::default()
    };
    let mut asked: Vec<verify::Need> = Vec::new();
    for _ in 0..ROUNDS {
        let more = gather(&verify::path_needs(&result), net, &mut asked).await;
        if more.crls.is_empty() && more.ocsps.is_empty() && more.certificates.is_empty() {
            break;
        }
        known.extend(more);
        let PathInput { policies, host, .. } = question.clone();
        result = path::validate(&PathInput {
            intermediates: &known.certificates,
            crls: &known.crls,
            ocsps: &known.ocsps,
            policies,
            host,
            ..*question
        });
    }
    result
}

async fn gather(needs: &[verify::Need], net: &Net, asked: &mut Vec<verify::Need>) -> Evidence {
    let mut found = Evidence::default();
    for need in needs {
        let Ok(url) = Url::parse(need.url()) else { continue };
        if !net.allows(&url) || asked.contains(need) || asked.len() >= MAX_CALLS {
            continue;
        }
        asked.push(need.clone());
        let answer = match need {
            verify::Need::Ocsp { request, .. } => {
                net.post(&url, "application/ocsp-request", "application/ocsp-response", request.clone(), Budget::default()).await
            }
            verify::Need::Crl { .. } => net.get(&url, "application/pkix-crl", Budget::default()).await,
            verify::Need::Issuer { .. } => net.get(&url, "application/pkix-cert", Budget::default()).await,
        };
        match answer {
            Ok(answer) => match need {
                verify::Need::Ocsp { .. } => found.ocsps.extend(OcspResponse::from_der(&answer.body).ok()),
                verify::Need::Crl { .. } => found.crls.extend(bundle::crls(&answer.body)),
                verify::Need::Issuer { .. } => found.certificates.extend(bundle::certificates(&answer.body).unwrap_or_default()),
            },
            Err(error) => tracing::info!(host = url.host_str().unwrap_or_default(), %error, "evidence could not be fetched"),
        }
    }
    found
}

/// Where the evidence of a command lies.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Files and folders with anchors that serve every purpose.
    pub trust: Vec<PathBuf>,
    /// Anchors from the trust store, with their purposes.
    pub anchors: Vec<TrustAnchor>,
    /// Files and folders with further certificates.
    pub certificates: Vec<PathBuf>,
    /// Files with CRLs.
    pub crls: Vec<PathBuf>,
    /// Files with OCSP responses.
    pub ocsps: Vec<PathBuf>,
}

impl Sources {
    /// Reads everything; an error names the file.
    pub fn load(&self) -> Result<Evidence, Fault> {
        let mut evidence = Evidence { anchors: self.anchors.clone(), ..Evidence::default() };
        evidence.anchors.extend(certificates(&self.trust)?.into_iter().map(TrustAnchor::for_all));
        evidence.certificates = certificates(&self.certificates)?;
        evidence.crls = objects(&self.crls, "CRL", bundle::crls)?;
        evidence.ocsps = objects(&self.ocsps, "OCSP response", bundle::ocsps)?;
        Ok(evidence)
    }
}

/// What files and folders hold. A file named by itself must hold something; notes beside it in a folder need not.
fn objects<T>(paths: &[PathBuf], what: &str, read: fn(&[u8]) -> Vec<T>) -> Result<Vec<T>, Fault> {
    let mut found = Vec::new();
    for path in paths {
        let listed = files::list(path).map_err(|error| unreadable(path, &error))?;
        let folder = listed.as_slice() != [path.clone()];
        for file in listed {
            let objects = read(&files::read(&file).map_err(|error| unreadable(&file, &error))?);
            if objects.is_empty() && !folder {
                return Err(Fault::new(code::FILE).detail(format!("{}: no {what} in it; PEM or DER is read", file.display())));
            }
            found.extend(objects);
        }
    }
    Ok(found)
}
