//! Uploads: a multipart form read part by part, documents into a spool, everything bounded.

use super::App;
use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::files::Spool;
use crate::moment::Moment;
use crate::service::verifications::Submission;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};

/// Largest upload in octets, all parts together.
pub const LIMIT: usize = 512 << 20;
/// Longest text part.
const TEXT: usize = 4096;
/// Most parts.
const PARTS: usize = 32;

/// Reads the parts of a verification: `file`, and optionally `content`, `policy`, `at`. Parts of other names are passed over.
pub async fn submission(app: &App, mut form: Multipart) -> Result<Submission, Fault> {
    let mut file: Option<(String, Box<dyn ByteSource>)> = None;
    let mut content = None;
    let (mut policy, mut at) = (None, None);
    for _ in 0..PARTS {
        let Some(mut field) = form.next_field().await.map_err(refused)? else {
            let Some((name, document)) = file else {
                return Err(Fault::new(code::BAD_REQUEST).detail("the multipart form needs a part named file"));
            };
            return Ok(Submission { file: name, document: document.into(), content, policy, at });
        };
        match field.name().unwrap_or_default() {
            "file" if file.is_some() => return Err(Fault::new(code::BAD_REQUEST).detail("one file at a time")),
            "file" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                file = Some((name, spooled(app, &mut field).await?));
            }
            "content" => {
                let chosen = field.file_name().is_some_and(|name| !name.is_empty());
                let octets = spooled(app, &mut field).await?;
                // A browser sends an empty part where no file was chosen.
                content = (chosen || !octets.is_empty()).then_some(octets);
            }
            "policy" => policy = Some(text(&mut field).await?).filter(|text| !text.is_empty()),
            "at" => {
                let text = text(&mut field).await?;
                let parse = |text: &str| {
                    let wrong = || Fault::new(code::BAD_REQUEST).detail("at: a time as 2026-11-23T08:00:00Z is expected");
                    text.parse::<Moment>().map_err(|_| wrong())
                };
                at = Some(text.trim()).filter(|text| !text.is_empty()).map(parse).transpose()?;
            }
            _ => while field.chunk().await.map_err(refused)?.is_some() {},
        }
    }
    Err(Fault::new(code::BAD_REQUEST).detail("the multipart form has too many parts"))
}

/// Every part of a small form with its octets; the body's limit bounds them all together.
pub async fn parts(mut form: Multipart) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut parts = Vec::new();
    while let Some(mut field) = form.next_field().await.map_err(refused)? {
        if parts.len() >= PARTS {
            return Err(Fault::new(code::BAD_REQUEST).detail("the multipart form has too many parts"));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let mut octets = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(refused)? {
            octets.extend_from_slice(&piece);
        }
        parts.push((name, octets));
    }
    Ok(parts)
}

/// What a stranger hands in at the check page.
pub enum HandedIn {
    /// A printed code.
    Code(String),
    /// A file with its name.
    File(String, Box<dyn ByteSource>),
}

/// Reads the one part that is asked about: `file` or `code`.
pub async fn checked(app: &App, mut form: Multipart) -> Result<HandedIn, Fault> {
    for _ in 0..PARTS {
        let Some(mut field) = form.next_field().await.map_err(refused)? else { break };
        match field.name().unwrap_or_default() {
            "code" => return Ok(HandedIn::Code(text(&mut field).await?)),
            "file" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                return Ok(HandedIn::File(name, spooled(app, &mut field).await?));
            }
            _ => while field.chunk().await.map_err(refused)?.is_some() {},
        }
    }
    Err(Fault::new(code::BAD_REQUEST).detail("a file or a code is expected"))
}

async fn spooled(app: &App, field: &mut Field<'_>) -> Result<Box<dyn ByteSource>, Fault> {
    let place = app.world.config.data.join("uploads");
    let full = |error: std::io::Error| Fault::new(code::FILE).because(error);
    let mut spool = Spool::new();
    while let Some(piece) = field.chunk().await.map_err(refused)? {
        spool.write(&piece, &place).map_err(full)?;
    }
    spool.finish().map_err(full)
}

async fn text(field: &mut Field<'_>) -> Result<String, Fault> {
    let mut octets = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(refused)? {
        if octets.len() + piece.len() > TEXT {
            return Err(Fault::new(code::TOO_LARGE).detail("a text part is too long"));
        }
        octets.extend_from_slice(&piece);
    }
    String::from_utf8(octets).map_err(|_| Fault::new(code::BAD_REQUEST).detail("a text part is not UTF-8"))
}

fn refused(error: MultipartError) -> Fault {
    let code = if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE { code::TOO_LARGE } else { code::BAD_REQUEST };
    Fault::new(code).because(error)
}
