//! Pages of a document as pictures, drawn in a process of its own (`xinyin preview`): whoever made the document chose how much work it
//! is, so that time and memory are bounded from outside, and a crash hits nobody else.
//!
//! The desk and public pages call [`draw`]; [`keep`] and [`kept`] hold pictures for a short while for those who look at a verdict.

use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ReceiptId};
use crate::moment::Moment;
use crate::preview::{LARGEST, NotDrawn};
use crate::store::previews::{self, StoredPage};
use crate::world::World;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

/// Most pages that are drawn for one look.
pub const PAGES: u16 = 5;
/// Longest that drawing may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Kilobytes of memory that the process may have, and seconds of processor time.
const MEMORY: u32 = 1_500_000;
const PROCESSOR: u32 = 20;
/// Most that it may answer.
const ANSWER: u64 = 64 << 20;
/// How long pictures are kept.
const KEPT: Duration = Duration::from_secs(3600);
/// How many documents are drawn at once; the others wait.
static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// A page for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its number, from 1; 0 stands for the whole document.
    pub number: u32,
    /// How many pages the document has; 0 where that is not known.
    pub pages: u32,
    /// PNG, or why there is none.
    pub picture: Result<Vec<u8>, Why>,
}

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Why {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<NotDrawn> for Why {
    fn from(why: NotDrawn) -> Self {
        Self { zh: why.zh.into(), en: why.en.into() }
    }
}

/// One line of the process.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    page: u32,
    #[serde(default)]
    pages: u32,
    png: Option<String>,
    error: Option<Why>,
}

fn nothing(why: NotDrawn) -> Vec<Page> {
    vec![Page { number: 0, pages: 0, picture: Err(why.into()) }]
}

/// The first pages of a document, [`PAGES`] at most. What cannot be drawn says so in the answer; this never fails.
pub async fn draw(document: &dyn ByteSource) -> Vec<Page> {
    match std::env::current_exe() {
        Ok(program) => draw_by(program, document).await,
        Err(_) => nothing(NotDrawn::LIMIT),
    }
}

/// The same by this program, which is `xinyin` wherever it is installed.
pub async fn draw_by(program: PathBuf, document: &dyn ByteSource) -> Vec<Page> {
    if document.len() > LARGEST {
        return nothing(NotDrawn::SIZE);
    }
    let Ok(octets) = document.slice(0, usize::try_from(document.len()).unwrap_or(0)) else { return nothing(NotDrawn::UNREADABLE) };
    // Other files need no process to say so.
    let pdf = octets.get(..octets.len().min(1024)).unwrap_or_default().windows(5).any(|window| window == b"%PDF-");
    if !pdf && !octets.starts_with(b"PK\x03\x04") {
        return nothing(NotDrawn::KIND);
    }
    let Ok(_place) = PLACES.acquire().await else { return nothing(NotDrawn::LIMIT) };
    match tokio::time::timeout(PATIENCE, ask(program, octets)).await {
        Ok(Ok(lines)) => pages(&lines),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a preview could not be drawn");
            nothing(NotDrawn::LIMIT)
        }
        Err(_) => nothing(NotDrawn::LIMIT),
    }
}

/// Runs the process; dropped, it is ended.
async fn ask(program: PathBuf, octets: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut command = tokio::process::Command::new("/bin/sh");
    let limits = format!("ulimit -v {MEMORY}; ulimit -t {PROCESSOR}; exec \"$@\"");
    command.args(["-c", &limits, "preview"]).arg(program).args(["preview", "-", "--format", "json", "--count", &PAGES.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let give = async move {
        if let Some(mut stdin) = stdin {
            // It may have said already that it draws no such file.
            let _ = stdin.write_all(&octets).await;
        }
    };
    let take = async move {
        let mut lines = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(ANSWER).read_to_end(&mut lines).await?;
        }
        Ok::<_, std::io::Error>(lines)
    };
    let ((), lines) = tokio::join!(give, take);
    let _ = child.wait().await;
    lines
}

fn pages(lines: &[u8]) -> Vec<Page> {
    let read = |line: &[u8]| {
        let line: Line = serde_json::from_slice(line).ok()?;
        let png = line.png.and_then(|png| BASE64_STANDARD.decode(png).ok());
        let picture = png.filter(|png| png.starts_with(b"\x89PNG")).ok_or_else(|| line.error.unwrap_or_else(|| NotDrawn::PAGE.into()));
        Some(Page { number: line.page, pages: line.pages, picture })
    };
    let mut found: Vec<Page> = lines.split(|octet| *octet == b'\n').filter_map(read).take(PAGES.into()).collect();
    // It ended in the middle: out of memory or time.
    if found.is_empty() {
        found = nothing(NotDrawn::LIMIT);
    }
    found
}

/// Keeps pictures for those who look at a verdict, for an hour.
pub async fn keep(world: &World, agency: &AgencyId, receipt: &ReceiptId, drawn: &[Page]) -> Result<(), Fault> {
    let until: Moment = world.clock.now().plus(KEPT);
    let kept = world.store.write("keep a preview", |tx| {
        Box::pin(async move {
            for page in drawn {
                let (body, why) = match &page.picture {
                    Ok(png) => (png.as_slice(), None),
                    Err(why) => (&[][..], Some(serde_json::to_string(why).unwrap_or_default())),
                };
                let stored = StoredPage { number: page.number, pages: page.pages, why, body: zeroize::Zeroizing::new(body.to_vec()) };
                previews::add(tx, agency, receipt, &stored, until).await?;
            }
            Ok(())
        })
    });
    kept.await
}

/// The pages that are kept of a verdict's document; none after an hour.
pub async fn kept(world: &World, agency: &AgencyId, receipt: &ReceiptId) -> Result<Vec<Page>, Fault> {
    let now = world.clock.now();
    let found = world.store.read("a preview", |tx| Box::pin(async move { Ok(previews::list(tx, agency, receipt, now).await?) })).await?;
    let read = |page: StoredPage| {
        let picture = match page.why {
            None => Ok(page.body.to_vec()),
            Some(why) => Err(serde_json::from_str(&why).map_err(|error| Fault::new(code::SYSTEM).because(error))?),
        };
        Ok(Page { number: page.number, pages: page.pages, picture })
    };
    found.into_iter().map(read).collect()
}
