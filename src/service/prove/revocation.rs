//! Chain and revocation of a certificate that somebody logs in with. Closed: what is not known to be good lets nobody in.

use crate::fault::{Fault, code};
use crate::moment::Moment;
use crate::net::Budget;
use crate::pki::build::encode::octet_string;
use crate::pki::build::ocsp::{cert_id, request};
use crate::pki::path::{Anchor, FaultKind, Outcome, PathInput, PathResult, Purpose, Revocation, validate};
use crate::pki::{Certificate, Crl, OcspResponse, bundle};
use crate::store::anchors;
use crate::world::{World, random};
use std::time::Duration;
use url::Url;

/// What one answer of an authority may cost: a login waits for it.
const BUDGET: Budget = Budget { time: Duration::from_secs(5), bytes: 4 << 20 };
/// How many addresses are asked for one login.
const CALLS: usize = 12;
/// How many authorities may stand between.
const DEPTH: usize = 4;

/// A good certificate, with what says so.
pub(super) struct Status {
    /// From the certificate to the anchor.
    pub(super) path: Vec<Certificate>,
    /// OCSP responses heard now.
    pub(super) ocsps: Vec<OcspResponse>,
    /// Lists fetched now.
    pub(super) crls: Vec<Crl>,
}

/// What was gathered, and how many calls are left.
struct Gathered {
    chain: Vec<Certificate>,
    ocsps: Vec<OcspResponse>,
    crls: Vec<Crl>,
    calls: usize,
}

/// Builds and validates the path to an anchor of this purpose (`person`, `organisation`), and asks the authorities for the state
/// of every certificate on it. Nothing cached is used: a login wants to know now.
///
/// # Errors
/// One code for each reason; [`code::CA_UNAVAILABLE`] where the state stays unknown.
pub(super) async fn check(
    world: &World,
    certificate: &Certificate,
    chain: &[Certificate],
    purpose: &'static str,
    now: Moment,
) -> Result<Status, Fault> {
    let stored = world.store.read("anchors of a login", |tx| Box::pin(async move { Ok(anchors::list(tx).await?) })).await?;
    let trusted = stored.iter().filter(|anchor| anchor.purposes.iter().any(|one| one == purpose));
    let anchors: Vec<Anchor> = trusted.filter_map(|anchor| Certificate::from_der(&anchor.certificate).ok()).map(Anchor::from).collect();
    let mut gathered = Gathered { chain: chain.to_vec(), ocsps: Vec::new(), crls: Vec::new(), calls: CALLS };
    fetch_issuers(world, certificate, &anchors, &mut gathered, now).await;
    // First without revocation: strangers' certificates make this host call nobody.
    let path = decided(&ask(certificate, &anchors, &gathered, Revocation::Off, now))?;
    let unanswered = ask_responders(world, &path, &mut gathered).await;
    fetch_lists(world, unanswered, &mut gathered).await;
    let mut result = ask(certificate, &anchors, &gathered, Revocation::Hard, now);
    if result.reason.as_ref().is_some_and(|reason| reason.kind == FaultKind::RevocationUnknown) {
        // A responder answered what does not count: the lists have the word.
        fetch_lists(world, path.iter().collect(), &mut gathered).await;
        result = ask(certificate, &anchors, &gathered, Revocation::Hard, now);
    }
    let path = decided(&result)?;
    Ok(Status { path, ocsps: gathered.ocsps, crls: gathered.crls })
}

fn ask(certificate: &Certificate, anchors: &[Anchor], gathered: &Gathered, revocation: Revocation, now: Moment) -> PathResult {
    let mut input = PathInput::new(certificate, anchors, now);
    input.intermediates = &gathered.chain;
    input.crls = &gathered.crls;
    input.ocsps = &gathered.ocsps;
    input.purpose = Purpose::Sign;
    input.revocation = revocation;
    validate(&input)
}

fn decided(result: &PathResult) -> Result<Vec<Certificate>, Fault> {
    if result.outcome == Outcome::Accepted {
        return Ok(result.path.clone());
    }
    let leaf = result.reason.as_ref().is_some_and(|reason| reason.certificate == Some(0));
    let kind = result.reason.as_ref().map(|reason| reason.kind);
    let code = match kind {
        Some(FaultKind::Revoked) => code::CERTIFICATE_REVOKED,
        Some(FaultKind::Expired) if leaf => code::CERTIFICATE_EXPIRED,
        Some(FaultKind::NotYetValid) if leaf => code::CERTIFICATE_NOT_YET,
        Some(FaultKind::KeyUsage | FaultKind::ExtendedKeyUsage) if leaf => code::CERTIFICATE_USE,
        Some(FaultKind::RevocationUnknown) => code::CA_UNAVAILABLE,
        _ => code::CERTIFICATE_UNTRUSTED,
    };
    Err(Fault::new(code).detail(kind.map_or("unknown", FaultKind::name)))
}

/// Follows the addresses of issuers while the chain given does not reach an anchor.
async fn fetch_issuers(world: &World, certificate: &Certificate, anchors: &[Anchor], gathered: &mut Gathered, now: Moment) {
    for _ in 0..DEPTH {
        let result = ask(certificate, anchors, gathered, Revocation::Off, now);
        if !result.faults.iter().any(|fault| fault.kind == FaultKind::NoChain) {
            return;
        }
        let ends: Vec<Url> = [certificate]
            .into_iter()
            .chain(&gathered.chain)
            .flat_map(Certificate::issuer_urls)
            .filter_map(|url| url.parse().ok())
            .collect();
        let before = gathered.chain.len();
        for url in ends {
            if let Some(body) = get(world, &url, "application/pkix-cert", gathered).await {
                for found in bundle::certificates(&body).unwrap_or_default() {
                    if !gathered.chain.contains(&found) {
                        gathered.chain.push(found);
                    }
                }
            }
        }
        if gathered.chain.len() == before {
            return;
        }
    }
}

/// Asks for the state of every certificate below the anchor by OCSP; returns those for which nothing came.
async fn ask_responders<'p>(world: &World, path: &'p [Certificate], gathered: &mut Gathered) -> Vec<&'p Certificate> {
    let mut unanswered = Vec::new();
    for pair in path.windows(2) {
        let [subject, issuer] = pair else { continue };
        if !ocsp(world, subject, issuer, gathered).await {
            unanswered.push(subject);
        }
    }
    unanswered
}

/// Fetches the lists that these certificates name.
async fn fetch_lists(world: &World, certificates: Vec<&Certificate>, gathered: &mut Gathered) {
    for url in certificates.into_iter().flat_map(Certificate::crl_urls).filter_map(|url| Url::parse(url).ok()) {
        if let Some(body) = get(world, &url, "application/pkix-crl", gathered).await {
            gathered.crls.extend(read_crl(&body));
        }
    }
}

fn read_crl(body: &[u8]) -> Option<Crl> {
    Crl::from_der(body).ok().or_else(|| bundle::pem_blocks(body).iter().find_map(|(_, der)| Crl::from_der(der).ok()))
}

/// Whether a response about this certificate came; whether it counts is the path's business.
async fn ocsp(world: &World, subject: &Certificate, issuer: &Certificate, gathered: &mut Gathered) -> bool {
    let Ok(key) = issuer.public_key() else { return false };
    let id = cert_id(crate::crypto::Hash::Sha1, issuer.subject(), key, subject.serial());
    let nonce: [u8; 16] = random(&*world.dice);
    let question = request(&[id], &nonce);
    let mut came = false;
    for url in subject.ocsp_urls().filter_map(|url| Url::parse(url).ok()) {
        if gathered.calls == 0 || !world.net.allows(&url) {
            continue;
        }
        gathered.calls -= 1;
        match world.net.post(&url, "application/ocsp-request", "application/ocsp-response", question.clone(), BUDGET).await {
            Ok(answer) => {
                if let Ok(response) = OcspResponse::from_der(&answer.body) {
                    // An old answer that somebody kept does not carry our nonce. A responder may leave nonces out (RFC 9654 §2.1).
                    if response.nonce().is_none_or(|theirs| theirs == octet_string(&nonce)) {
                        gathered.ocsps.push(response);
                        came = true;
                    }
                }
            }
            Err(error) => tracing::info!(host = url.host_str().unwrap_or_default(), %error, "no OCSP answer"),
        }
    }
    came
}

async fn get(world: &World, url: &Url, accept: &str, gathered: &mut Gathered) -> Option<Vec<u8>> {
    if gathered.calls == 0 || !world.net.allows(url) {
        return None;
    }
    gathered.calls -= 1;
    match world.net.get(url, accept, BUDGET).await {
        Ok(answer) => Some(answer.body),
        Err(error) => {
            tracing::info!(host = url.host_str().unwrap_or_default(), %error, "nothing fetched");
            None
        }
    }
}
