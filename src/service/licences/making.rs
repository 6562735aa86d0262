//! Making the two files of a licence or copy: laid out, sealed, judged.

use super::sealing::Sealing;
use crate::fault::{Fault, code};
use crate::files::fonts;
use crate::id::LicenceIdentifier;
use crate::licence::{self, Checked, CopyNote, Fonts, LicenceType, MakeError};
use crate::moment::Moment;
use crate::service::acceptance;
use crate::service::evidence::digests;
use crate::service::policies;
use crate::service::sign::blocking;
use crate::service::verifications::{Asker, Submission, judge, trusted};
use crate::store::licences::File;
use crate::verify::licence::LicenceStatus;
use crate::verify::{Evidence, Options, Policy, Revocation, frozen};
use crate::world::World;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// What a licence is made from.
pub(super) struct Plan {
    pub kind: LicenceType,
    pub identifier: LicenceIdentifier,
    pub checked: Checked,
    /// When its making began: the time in the files.
    pub created: Moment,
    /// What stands in its QR code.
    pub address: String,
    /// Identifies the document: the licence's row, or the copy's.
    pub document_id: String,
    pub copy: Option<CopyNote>,
}

/// Files that passed, and the evidence on which they did.
pub(super) struct Made {
    pub files: Vec<File>,
    /// Evidence of the OFD's verdict, frozen.
    pub evidence: Vec<u8>,
    /// Whether a time-stamp stands over it.
    pub stamped: bool,
    /// SHA-256 of the OFD.
    pub ofd_sha256: String,
}

/// The fonts, read once: those that `XINYIN_FONT` names, then the machine's, then those that have rare characters.
fn fonts() -> Result<&'static Fonts, Fault> {
    static FONTS: OnceLock<Fonts> = OnceLock::new();
    if let Some(fonts) = FONTS.get() {
        return Ok(fonts);
    }
    let named = std::env::var_os("XINYIN_FONT").unwrap_or_default();
    let named: Vec<PathBuf> = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
    let read = fonts::all(&named, fonts::Style::Serif).map_err(|error| Fault::new(code::FONT).because(error))?;
    if read.is_empty() {
        return Err(Fault::new(code::FONT));
    }
    Ok(FONTS.get_or_init(|| Fonts::new(read)))
}

impl From<MakeError> for Fault {
    fn from(error: MakeError) -> Self {
        let code = match error {
            MakeError::Glyph { .. } => code::LICENCE_GLYPH,
            MakeError::Fit(_) => code::LICENCE_FIT,
            MakeError::Picture(_) => code::LICENCE_APPLICATION,
            MakeError::Address | MakeError::File(_) => code::SYSTEM,
        };
        Self::new(code).detail(error.to_string())
    }
}

/// Whether everything can be drawn: told before an identifier is given.
pub(super) async fn rehearse(plan: Plan) -> Result<(), Fault> {
    blocking(move || {
        let faces = fonts()?.open();
        let metadata = licence::metadata(&plan.kind, &plan.identifier, &plan.checked, plan.created, plan.copy.as_ref());
        licence::lay_out(&plan.kind, &metadata, &plan.checked, &plan.address, &faces)?;
        Ok(())
    })
    .await
}

/// Makes, seals and judges.
///
/// # Errors
/// Nothing comes out unless both files pass as licences in force.
pub(super) async fn make(world: &Arc<World>, asker: &Asker, plan: Plan) -> Result<Made, Fault> {
    let sealing = Sealing::open(world, &asker.agency, &plan.kind).await?;
    let kind = plan.kind.clone();
    let status = LicenceStatus {
        identifier: plan.identifier.to_string(),
        state: "in-force".into(),
        state_zh: "有效".into(),
        since: plan.created,
        reason: String::new(),
        replaced_by: None,
        source: world.config.issuer.clone(),
        asked_at: world.clock.now(),
    };
    let (ofd, pdf) = blocking(move || {
        let faces = fonts()?.open();
        let metadata = licence::metadata(&plan.kind, &plan.identifier, &plan.checked, plan.created, plan.copy.as_ref());
        let sheet = licence::lay_out(&plan.kind, &metadata, &plan.checked, &plan.address, &faces)?;
        let ofd = licence::ofd(&sheet, &metadata, &plan.document_id, &faces)?;
        let pdf = licence::pdf(&sheet, &metadata, &plan.document_id, plan.created, &faces)?;
        Ok((ofd, pdf))
    })
    .await?;
    let ofd = sealing.ofd(world, asker, &kind, ofd).await?;
    let pdf = sealing.pdf(world, asker, &kind, pdf).await?;
    let passed = pass(world, asker, &kind, &ofd, "ofd", &status).await?;
    pass(world, asker, &kind, &pdf, "pdf", &status).await?;
    let (evidence, stamped) = passed.frozen(world, &ofd).await?;
    let file = |format: &str, body: Vec<u8>| File {
        format: format.into(),
        sha256: hex::encode(Sha256::digest(&body)),
        body: Zeroizing::new(body),
    };
    let files = vec![file("ofd", ofd), file("pdf", pdf)];
    let ofd_sha256 = files.first().map(|file| file.sha256.clone()).unwrap_or_default();
    Ok(Made { files, evidence, stamped, ofd_sha256 })
}

/// Revocation data of the last minutes, by issuer: a thousand licences ask for it once.
static RECENT: LazyLock<Mutex<HashMap<String, (Moment, Evidence)>>> = LazyLock::new(Mutex::default);
/// For how long it is used again.
const RECENTLY: Duration = Duration::from_secs(300);

/// A file that passed, with what its verdict rests on.
struct Passed {
    rested_on: Evidence,
    policy: Policy,
    options: Options,
    document: [u8; 32],
}

impl Passed {
    /// The evidence, frozen under a time-stamp where an authority gives one: it has to outlive whoever issued it.
    async fn frozen(&self, world: &World, file: &[u8]) -> Result<(Vec<u8>, bool), Fault> {
        let digests = digests(&file.to_vec())?;
        let record = acceptance::stamped(world, &self.rested_on, &digests).await;
        let stamped = record.is_some();
        let added = record.map(|record| Evidence { records: vec![record], ..Evidence::default() });
        Ok((frozen::freeze_under(&self.rested_on, added.as_ref(), &self.policy, &self.options, &self.document), stamped))
    }
}

/// Judges a finished file like anybody would.
async fn pass(
    world: &Arc<World>,
    asker: &Asker,
    kind: &LicenceType,
    file: &[u8],
    ending: &str,
    status: &LicenceStatus,
) -> Result<Passed, Fault> {
    let now = world.clock.now();
    let key = format!("{}/{}", world.config.database, kind.issuer.code);
    let recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let mut known = match recent {
        Some((at, evidence)) if now.since(at) < RECENTLY => evidence,
        _ => Evidence::default(),
    };
    let fresh = known.anchors.is_empty();
    known.anchors = trusted(world).await?;
    known.licences = vec![status.clone()];
    let policy = policies::choose(&world.config, &asker.agency, None)?;
    let options = Options { file: format!("licence.{ending}"), at: now, at_given: false, revocation: Revocation::Hard };
    let submission = Submission { file: options.file.clone(), document: Arc::new(file.to_vec()), content: None, policy: None, at: None };
    let judged = judge(Arc::clone(world), submission, known, policy.clone(), options.clone()).await?;
    let verdict = &judged.verdict;
    if verdict.verdict != "valid" || verdict.licence.is_none() {
        let defects: Vec<&str> = verdict.defects.iter().map(|defect| defect.what_en.as_str()).take(5).collect();
        let sub = verdict.sub_indication.clone().unwrap_or_default();
        return Err(Fault::new(code::LICENCE_CHECK).detail(format!("{ending}: {} {sub}: {}", verdict.verdict, defects.join("; "))));
    }
    if fresh {
        let mut kept = judged.rested_on.clone();
        (kept.licences, kept.first_seen, kept.records, kept.tokens) = Default::default();
        RECENT.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (now, kept));
    }
    let document = hex::decode(&verdict.sha256).ok().and_then(|digest| digest.try_into().ok()).unwrap_or_default();
    Ok(Passed { rested_on: judged.rested_on, policy, options, document })
}
