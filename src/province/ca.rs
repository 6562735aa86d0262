//! Certification authorities: whether a certificate is in force, by OCSP (RFC 6960), else by CRL (RFC 5280 section 6.3).
//!
//! The addresses come from the configuration, by issuer: those inside certificates are often intranet or loopback places, and
//! following them would let a certificate's maker choose whom this host calls. What comes back is checked here only so far
//! that it can be told from an outage or a lie; the judge checks it again, with the whole path.

use super::{Heard, System, Unavailable, Untrusted, Why};
use crate::{
    crypto::{Hash, PublicKey},
    moment::Moment,
    net::{Budget, Net, NetOptions, Origin},
    pki::{
        Certificate, Crl, OcspResponse, Reason,
        build::{encode, ocsp},
        extensions::oid,
        ocsp::CertStatus,
    },
    world::{Clock, Dice, random},
};
use serde::Deserialize;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// The `[province.ca]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The authorities whose certificates' status can be asked.
    pub issuers: Vec<Issuer>,
    /// Milliseconds one exchange may take.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Seconds by which an authority's clock may differ from ours.
    #[serde(default = "max_skew_seconds")]
    pub max_skew_seconds: u64,
    /// Largest CRL taken, in octets.
    #[serde(default = "max_crl_bytes")]
    pub max_crl_bytes: usize,
}

const fn timeout_ms() -> u64 {
    5_000
}

const fn max_skew_seconds() -> u64 {
    300
}

const fn max_crl_bytes() -> usize {
    64 << 20
}

/// One authority and its places.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its certificate, PEM or DER.
    pub certificate: PathBuf,
    /// Its OCSP responder.
    pub ocsp: Option<Url>,
    /// Its CRL.
    pub crl: Option<Url>,
}

/// What was fetched, parsed.
#[derive(Debug, Clone)]
pub enum Material {
    /// An OCSP answer.
    Ocsp(OcspResponse),
    /// A complete CRL.
    Crl(Crl),
}

/// A certificate's status.
#[derive(Debug, Clone)]
pub struct Status {
    /// Good, revoked, or unknown to its own authority; only good lets anybody in.
    pub status: CertStatus,
    /// Where it stands; [`Heard::evidence`] has its octets.
    pub material: Material,
    /// Until when the authority vouches for it.
    pub next_update: Moment,
}

struct Authority {
    certificate: Certificate,
    key: PublicKey,
    ocsp: Option<Url>,
    crl: Option<Url>,
}

/// The connector.
pub struct Authorities {
    net: Net,
    authorities: Vec<Authority>,
    time: Duration,
    crl_bytes: usize,
    skew: Duration,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
}

impl Authorities {
    pub(super) fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, String> {
        let authority = |issuer: &Issuer| {
            let shown = issuer.certificate.display();
            let bytes = read(&issuer.certificate).map_err(|error| format!("{shown}: {error}"))?;
            let certificate = Certificate::from_pem_or_der(&bytes).map_err(|error| format!("{shown}: {error}"))?;
            let key = certificate.public_key().map_err(|error| format!("{shown}: {error}"))?.clone();
            Ok(Authority { certificate, key, ocsp: issuer.ocsp.clone(), crl: issuer.crl.clone() })
        };
        let authorities = config.issuers.iter().map(authority).collect::<Result<Vec<_>, String>>()?;
        let urls = config.issuers.iter().flat_map(|issuer| issuer.ocsp.iter().chain(&issuer.crl));
        let origin = |url: &Url| Origin::named(url).ok_or_else(|| format!("{url} is no http or https address"));
        let allow = urls.map(origin).collect::<Result<_, _>>()?;
        Ok(Self {
            net: Net::new(NetOptions { allow, ..NetOptions::default() }).map_err(|error| error.to_string())?,
            authorities,
            time: Duration::from_millis(config.timeout_ms),
            crl_bytes: config.max_crl_bytes,
            skew: Duration::from_secs(config.max_skew_seconds),
            clock,
            dice,
        })
    }

    /// The certificates of the configured authorities; they may stand in a path, and are trusted for nothing.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.authorities.iter().map(|authority| &authority.certificate)
    }

    /// The status of a certificate of a configured authority: by OCSP, or by CRL where OCSP is not configured or gives nothing
    /// that counts.
    pub async fn status(&self, certificate: &Certificate) -> Result<Heard<Status>, Unavailable> {
        // Names alone do not make an issuer: anybody can take them.
        let authority = self
            .authorities
            .iter()
            .find(|authority| {
                authority.certificate.subject() == certificate.issuer() && certificate.verify_signed_by(&authority.key).is_ok()
            })
            .ok_or(unavailable(Why::NotConfigured))?;
        let by_ocsp = match &authority.ocsp {
            Some(url) => Some(self.by_ocsp(authority, certificate, url).await),
            None => None,
        };
        match (by_ocsp, &authority.crl) {
            (Some(Ok(heard)), _) => Ok(heard),
            (Some(Err(why)), None) => Err(unavailable(why)),
            (None, None) => Err(unavailable(Why::NotConfigured)),
            (first, Some(url)) => {
                if let Some(Err(why)) = first {
                    tracing::warn!(%why, "OCSP gave nothing that counts; asking the CRL");
                }
                self.by_crl(authority, certificate, url).await.map_err(unavailable)
            }
        }
    }

    fn budget(&self, bytes: usize) -> Budget {
        Budget { time: self.time, bytes }
    }

    async fn by_ocsp(&self, authority: &Authority, certificate: &Certificate, url: &Url) -> Result<Heard<Status>, Why> {
        let nonce = random::<16>(&*self.dice);
        // SHA-1 here is an index, and the one that every responder knows (RFC 5019 section 2.1.1).
        let id = ocsp::cert_id(Hash::Sha1, authority.certificate.subject(), &authority.key, certificate.serial());
        let request = ocsp::request(&[id], &nonce);
        let (asks, answers) = ("application/ocsp-request", "application/ocsp-response");
        let answer = self.net.post(url, asks, answers, request, self.budget(1 << 20)).await?;
        let response = OcspResponse::from_der(&answer.body).map_err(|_| Untrusted::Form)?;
        let now = self.clock.now();
        let signed = |by: &Certificate| by.public_key().is_ok_and(|key| response.is_by(by) && response.verify_signed_by(key).is_ok());
        let delegated = |by: &&Certificate| is_responder(by, authority, now) && signed(by);
        if !signed(&authority.certificate) && response.certificates().iter().find(delegated).is_none() {
            return Err(Untrusted::Signature.into());
        }
        if response.unknown_critical() {
            return Err(Untrusted::Form.into());
        }
        // A responder may answer without a nonce (RFC 9654); then the times alone show that the answer is new.
        if response.nonce().is_some_and(|echoed| echoed != encode::octet_string(&nonce)) {
            return Err(Untrusted::Nonce.into());
        }
        let about = response.responses().iter().find(|single| {
            single.id.matches(certificate.serial(), authority.certificate.subject(), &authority.key) && !single.unknown_critical
        });
        let single = about.ok_or(Untrusted::Question)?;
        // Without a next update newer information is there at any time (section 4.2.2.1): this one holds for its own moment.
        let next_update = self.fresh(single.this_update, single.next_update.or(Some(single.this_update)))?;
        let (at, status) = (response.produced_at(), single.status);
        Ok(Heard { said: Status { status, material: Material::Ocsp(response), next_update }, at, evidence: answer.body })
    }

    async fn by_crl(&self, authority: &Authority, certificate: &Certificate, url: &Url) -> Result<Heard<Status>, Why> {
        let answer = self.net.get(url, "application/pkix-crl", self.budget(self.crl_bytes)).await?;
        let crl = Crl::from_der(&answer.body).map_err(|_| Untrusted::Form)?;
        if crl.issuer() != authority.certificate.subject() {
            return Err(Untrusted::Question.into());
        }
        crl.verify_signed_by(&authority.key).map_err(|_| Untrusted::Signature)?;
        let covers = crl.distribution_point().is_none_or(|scope| {
            let kind = if certificate.is_ca() { !scope.only_user } else { !scope.only_ca };
            kind && !scope.indirect && !scope.only_attribute && scope.only_reasons.is_none()
        });
        if crl.is_delta() || !covers {
            return Err(Untrusted::Question.into());
        }
        let next_update = self.fresh(crl.this_update(), crl.next_update())?;
        let status = match crl.find(certificate) {
            Some(revoked) if revoked.reason != Reason::RemoveFromCrl => CertStatus::Revoked { at: revoked.at, reason: revoked.reason },
            _ => CertStatus::Good,
        };
        let at = crl.this_update();
        Ok(Heard { said: Status { status, material: Material::Crl(crl), next_update }, at, evidence: answer.body })
    }

    /// What has no end, is over or has not begun says nothing of now.
    fn fresh(&self, this_update: Moment, next_update: Option<Moment>) -> Result<Moment, Untrusted> {
        let now = self.clock.now();
        let next = next_update.ok_or(Untrusted::Time)?;
        if this_update > now.plus(self.skew) || next.plus(self.skew) < now { Err(Untrusted::Time) } else { Ok(next) }
    }
}

/// RFC 6960 section 4.2.2.2: issued by the authority itself, for OCSP signing, and valid.
fn is_responder(certificate: &Certificate, authority: &Authority, now: Moment) -> bool {
    certificate.issuer() == authority.certificate.subject()
        && certificate.extended_key_usage().is_some_and(|purposes| purposes.contains(&oid::OCSP_SIGNING))
        && certificate.is_valid_at(now)
        && certificate.verify_signed_by(&authority.key).is_ok()
}

fn unavailable(why: Why) -> Unavailable {
    Unavailable { system: System::Ca, why }
}
