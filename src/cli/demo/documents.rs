//! Sample documents, signed by people of the stand-in province with the program's own `sign`, as anybody would sign them; and
//! the revocation lists that judging them offline needs.

use super::place::Place;
use super::province::{Description, Held, Person};
use super::write;
use crate::fault::{Fault, code};
use crate::files::{self, Access};
use crate::keys;
use crate::moment::Moment;
use crate::net::{Budget, Net, NetOptions, Origin};
use crate::pki::Certificate;
use crate::service::sign::{Order, Wish, alone};
use crate::world::{Clock, SystemDice};
use std::path::Path;
use std::sync::Arc;
use tokio::process::Command;

/// One sample: its name, whose key, and how.
struct Sample {
    name: &'static str,
    family: &'static str,
    condition: &'static str,
    /// With a time-stamp of the authority of this family.
    stamped: Option<&'static str>,
    more: &'static [&'static str],
}

const fn sample(name: &'static str, family: &'static str, condition: &'static str, stamped: Option<&'static str>) -> Sample {
    Sample { name, family, condition, stamped, more: &[] }
}

const SAMPLES: [Sample; 6] = [
    sample("good.pdf", "p256", "valid", Some("p256")),
    sample("good-sm2.pdf", "sm2", "valid", Some("sm2")),
    sample("good-rsa.pdf", "rsa", "valid", Some("p256")),
    sample("without-timestamp.pdf", "p256", "valid", None),
    sample("revoked.pdf", "p256", "revoked", None),
    Sample { more: &["--format", "cades", "--detached"], ..sample("plain.pdf.p7s", "sm2", "valid", Some("sm2")) },
];

/// Makes what is missing, and fetches fresh revocation lists.
pub(super) async fn make(place: &Place, lab: &Description) -> Result<(), Fault> {
    let folder = place.path("documents");
    let plain = folder.join("plain.pdf");
    if !there(&plain)? {
        write(&plain, &plain_pdf(), Access::Public)?;
    }
    let signer = lab.person("zhang-wei")?;
    for sample in &SAMPLES {
        let output = folder.join(sample.name);
        if !there(&output)? {
            sign(sample, held(signer, sample.family, sample.condition)?, lab, &plain, &output).await?;
        }
    }
    let expired = folder.join("expired.pdf");
    if !there(&expired)? {
        sign_while_valid(held(signer, "p256", "expired")?, &plain, &expired).await?;
    }
    let (good, tampered) = (folder.join("good.pdf"), folder.join("tampered.pdf"));
    if there(&good)? && !there(&tampered)? {
        let changed = tamper(super::read(&good)?);
        write(&tampered, &changed, Access::Public)?;
    }
    revocation(place, lab).await
}

fn there(path: &Path) -> Result<bool, Fault> {
    let found = files::read_if_there(path).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display())))?;
    Ok(found.is_some())
}

fn held<'a>(signer: &'a Person, family: &str, condition: &str) -> Result<&'a Held, Fault> {
    let missing = || Fault::new(code::SYSTEM).detail(format!("the stand-in province issued no {condition} {family} certificate"));
    signer.held(family, condition).ok_or_else(missing)
}

/// A clock that stands still.
struct Stopped(Moment);

impl Clock for Stopped {
    fn now(&self) -> Moment {
        self.0
    }
}

/// Signs as the holder of an expired certificate did in its last month. The command would refuse it today.
async fn sign_while_valid(held: &Held, input: &Path, output: &Path) -> Result<(), Fault> {
    let identity = keys::open(&held.key.display().to_string(), None)?;
    let wrong = |error: &dyn std::fmt::Display| Fault::new(code::FILE).detail(format!("{}: {error}", held.certificate.display()));
    let mut certificates = Vec::new();
    for path in [&held.certificate, &held.chain] {
        certificates.extend(keys::read_certificates(&super::read(path)?).map_err(|error| wrong(&error))?);
    }
    let own = certificates.first().ok_or_else(|| wrong(&"no certificate"))?;
    let own = Certificate::from_der(own).map_err(|error| wrong(&error))?;
    let then = Stopped(own.not_after().minus(std::time::Duration::from_secs(30 * 24 * 3600)));
    let identity = Arc::new(identity.with_certificates(certificates));
    let order = Order { document: Arc::new(super::read(input)?), identity, wish: Wish::plain(), authority: None };
    let signed = alone(order.clone(), None, &then, &SystemDice).await?;
    let written = files::write_atomic_from(output, &signed.over(&*order.document), Access::Public);
    written.map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", output.display())))
}

async fn sign(sample: &Sample, held: &Held, lab: &Description, input: &Path, output: &Path) -> Result<(), Fault> {
    let broken = |error: std::io::Error| Fault::new(code::SYSTEM).because(error);
    let mut command = Command::new(std::env::current_exe().map_err(broken)?);
    command.arg("sign").arg("--key").arg(&held.key).arg("--cert").arg(&held.certificate).arg("--chain").arg(&held.chain);
    command.args(sample.more);
    if let Some(family) = sample.stamped {
        let authority = lab.timestamp_authorities.iter().find(|authority| authority.family == family);
        let url = authority.map(|authority| authority.url.as_str()).unwrap_or_default();
        command.args(["--level", "B-T", "--tsa", url]);
    }
    let done = command.arg(input).arg(output).kill_on_drop(true).output().await.map_err(broken)?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(Fault::new(code::SYSTEM).detail(format!("the sample document {} could not be made: {said}", sample.name)));
    }
    Ok(())
}

/// One letter of the signed text changed.
fn tamper(mut document: Vec<u8>) -> Vec<u8> {
    const SENTENCE: &[u8] = b"The applicant declares";
    if let Some(at) = document.windows(SENTENCE.len()).position(|window| window == SENTENCE)
        && let Some(letter) = document.get_mut(at)
    {
        *letter = b'H';
    }
    document
}

async fn revocation(place: &Place, lab: &Description) -> Result<(), Fault> {
    let system = |error: crate::net::NetError| Fault::new(code::SYSTEM).because(error);
    let origin: Origin = lab.public.parse().map_err(system)?;
    let net = Net::new(NetOptions { allow: vec![origin], ..NetOptions::default() }).map_err(system)?;
    for authority in &lab.authorities {
        for (name, url) in [(authority.family.clone(), &authority.crl), (format!("{}-root", authority.family), &authority.root_crl)] {
            let url = url.parse().map_err(|error: url::ParseError| Fault::new(code::SYSTEM).because(error))?;
            match net.get(&url, "application/pkix-crl", Budget::default()).await {
                Ok(answer) => write(&place.path("revocation").join(format!("{name}.crl")), &answer.body, Access::Public)?,
                // The province may be told to misbehave; the lists of the last start stay.
                Err(error) => tracing::warn!(%error, name, "a revocation list could not be fetched"),
            }
        }
    }
    Ok(())
}

/// A one-page PDF 1.7 in plain text, so that everybody can see what was signed.
pub(super) fn plain_pdf() -> Vec<u8> {
    let lines = [
        "XINYIN DEMO - SAMPLE APPLICATION",
        "",
        "To: Administrative Approval Bureau of the Sample District",
        "Matter: food business licence, first issue",
        "",
        "The applicant declares that all statements and materials are true,",
        "and asks for the licence to be issued electronically.",
        "",
        "This document was made for trying out electronic signatures.",
        "Its people, numbers and certificates are not real.",
    ];
    let mut content = String::from("BT /F1 12 Tf 72 760 Td 18 TL\n");
    for line in lines {
        content.push_str(&format!("({line}) Tj T*\n"));
    }
    content.push_str("ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = b"%PDF-1.7\n%\xe4\xbf\xa1\xe5\x8d\xb0\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        offsets.push(file.len());
        file.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let start = file.len();
    file.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        file.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let trailer = format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.extend_from_slice(trailer.as_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_document_can_be_altered_in_one_letter() {
        let plain = plain_pdf();
        let changed = tamper(plain.clone());
        assert_eq!(plain.iter().zip(&changed).filter(|(a, b)| a != b).count(), 1);
    }
}
