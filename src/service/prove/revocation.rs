//! Chain and revocation of a certificate that somebody logs in with. Closed: what is not known to be good lets nobody in.

use crate::fault::{Fault, code};
use crate::moment::Moment;
use crate::pki::path::{Anchor, FaultKind, Outcome, PathInput, PathResult, Purpose, Revocation, validate};
use crate::pki::{Certificate, Crl, OcspResponse};
use crate::province::ca::Material;
use crate::store::anchors;
use crate::world::World;

/// A good certificate, with what says so.
pub(super) struct Status {
    /// From the certificate to the anchor.
    pub(super) path: Vec<Certificate>,
    /// OCSP responses heard now.
    pub(super) ocsps: Vec<OcspResponse>,
    /// Lists fetched now.
    pub(super) crls: Vec<Crl>,
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
    let authorities = world.province.ca();
    let mut pool = chain.to_vec();
    // The configured authorities may stand between, too, where the holder's key file has no chain.
    pool.extend(authorities.iter().flat_map(|authorities| authorities.certificates()).cloned());
    let mut heard = Status { path: Vec::new(), ocsps: Vec::new(), crls: Vec::new() };
    // First without revocation: no authority is asked about a stranger's certificate.
    let path = decided(&ask(certificate, &anchors, &pool, &heard, Revocation::Off, now))?;
    let authorities = authorities?;
    for subject in path.iter().take(path.len().saturating_sub(1)) {
        match authorities.status(subject).await?.said.material {
            Material::Ocsp(response) => heard.ocsps.push(response),
            Material::Crl(crl) => heard.crls.push(crl),
        }
    }
    heard.path = decided(&ask(certificate, &anchors, &pool, &heard, Revocation::Hard, now))?;
    Ok(heard)
}

fn ask(
    certificate: &Certificate,
    anchors: &[Anchor],
    pool: &[Certificate],
    heard: &Status,
    revocation: Revocation,
    now: Moment,
) -> PathResult {
    let mut input = PathInput::new(certificate, anchors, now);
    input.intermediates = pool;
    input.crls = &heard.crls;
    input.ocsps = &heard.ocsps;
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
