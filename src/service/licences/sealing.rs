//! The seal of a type's issuer, and its use on the two files of a licence.

use crate::config::LicenceSeal;
use crate::doc::seal::Seal;
use crate::doc::source::ByteSource as _;
use crate::fault::{Fault, code};
use crate::files;
use crate::ids::{AgencyId, SealId};
use crate::keys::{self, Identity, Password};
use crate::licence::LicenceType;
use crate::service::policies;
use crate::service::seals::{self, Actor};
use crate::service::sign::{self, Bench, Order, Wish};
use crate::service::timestamp_client::Authority;
use crate::service::verifications::{Asker, trusted};
use crate::sign::seal::register::State;
use crate::sign::{Format, Level, Mark, Picture, Place};
use crate::verify::{Evidence, Revocation};
use crate::world::World;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Points of a millimetre.
const POINT: f64 = 72.0 / 25.4;

/// Where the seal's octets come from.
enum Source {
    /// A file that the operator named.
    File(Arc<[u8]>),
    /// The register: every use takes its leave there.
    Register(SealId),
}

/// A seal that is ready to be used.
pub(super) struct Sealing {
    identity: Arc<Identity>,
    source: Source,
    authority: Option<Authority>,
    bench: Bench,
}

fn refused(text: impl Into<String>) -> Fault {
    Fault::new(code::LICENCE_SEAL).detail(text)
}

impl Sealing {
    /// The seal of the type's issuer with the type's purpose.
    ///
    /// # Errors
    /// [`code::LICENCE_SEAL`] where none is configured or it cannot be read.
    pub async fn open(world: &World, agency: &AgencyId, kind: &LicenceType) -> Result<Self, Fault> {
        let fits = |seal: &&LicenceSeal| seal.issuer == kind.issuer.code && seal.purpose == kind.seal.purpose;
        let missing =
            || refused(format!("no licence_seal is configured for issuer {} and purpose {}", kind.issuer.code, kind.seal.purpose));
        let place = world.config.licence_seals.iter().find(fits).ok_or_else(missing)?;
        let folder = &world.config.folder;
        let read = |path: &std::path::Path| {
            let path = folder.join(path);
            files::read(&path).map_err(|error| refused(format!("{}: {error}", path.display())))
        };
        let password = place.password.as_ref().map(|path| Password::from_file(&folder.join(path))).transpose()?;
        let device = place.key.starts_with("pkcs11:");
        let key = if device { place.key.clone() } else { folder.join(&place.key).display().to_string() };
        let identity = keys::open(&key, password.as_ref())?;
        let mut certificates = Vec::new();
        for path in &place.certificates {
            certificates.extend(keys::read_certificates(&read(path)?)?);
        }
        let source = match &place.seal {
            Some(path) => {
                let octets = read(path)?;
                let parsed = Seal::parse(&octets).map_err(|error| refused(error.to_string()))?;
                if kind.seal.id.as_ref().is_some_and(|id| *id != parsed.id) {
                    return Err(refused(format!("the type asks for another seal than {}", parsed.id)));
                }
                Source::File(octets.into())
            }
            None => Source::Register(registered(world, agency, kind).await?),
        };
        let evidence = Evidence { anchors: trusted(world).await?, ..Evidence::default() };
        // Status is judged over the finished files, where revocation data is asked for; here only the arithmetic and the chain.
        let bench = Bench { evidence, policy: policies::choose(&world.config, agency, None)?, revocation: Revocation::Soft, net: None };
        let authority = world.config.timestamp.first().map(|url| Authority { net: world.net.clone(), url: url.clone() });
        Ok(Self { identity: Arc::new(identity.with_certificates(certificates)), source, authority, bench })
    }

    /// The seal's octets for one use on this file: from the register only by its leave, which counts the use.
    async fn octets(&self, world: &World, asker: &Asker, kind: &LicenceType, file: &[u8]) -> Result<Arc<[u8]>, Fault> {
        let id = match &self.source {
            Source::File(octets) => return Ok(Arc::clone(octets)),
            Source::Register(id) => id,
        };
        let actor = &Actor::on_behalf(asker.agency.clone(), asker.actor.clone(), asker.party.clone());
        let leave = &seals::leave(world, &asker.agency, id).await?;
        let document = &format!("sha256:{}", hex::encode(Sha256::digest(file)));
        let now = world.clock.now();
        let used = world.store.write("use a seal on a licence", |tx| {
            Box::pin(async move {
                let wanted = seals::Use { actor, document, licence_type: Some(&kind.code), now };
                seals::authorise_use(tx, leave, &wanted).await
            })
        });
        let used = used.await?;
        if used.owner_code != kind.issuer.code {
            return Err(refused("the seal's owner is not the issuer"));
        }
        Ok(used.seal.to_vec().into())
    }

    /// The package under the seal, nothing of it left uncovered.
    pub async fn ofd(&self, world: &World, asker: &Asker, kind: &LicenceType, file: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let seal = self.octets(world, asker, kind, &file).await?;
        let (sides, _) = mark(kind, &seal)?;
        let page = u32::try_from(kind.seal.page).unwrap_or(1);
        let wish = Wish { level: self.level(), ..Wish::sealing(Format::Ofd, seal, vec![Place::Rectangle { page, sides }]) };
        self.use_on(world, asker, file, wish).await
    }

    /// The PDF signed with the signatory's key; the seal's picture stands where the mark is.
    pub async fn pdf(&self, world: &World, asker: &Asker, kind: &LicenceType, file: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let seal = self.octets(world, asker, kind, &file).await?;
        let ([left, top, right, bottom], picture) = mark(kind, &seal)?;
        let height = f64::from(kind.template.height);
        let rect = [left * POINT, (height - bottom) * POINT, right * POINT, (height - top) * POINT];
        let mark = match picture {
            Some(_) => Some(Mark::new(u32::try_from(kind.seal.page).unwrap_or(1), rect)?),
            None => None,
        };
        let wish = Wish { format: Some(Format::Pades), level: self.level(), mark, picture, ..Wish::plain() };
        self.use_on(world, asker, file, wish).await
    }

    const fn level(&self) -> Level {
        if self.authority.is_some() { Level::T } else { Level::B }
    }

    async fn use_on(&self, world: &World, asker: &Asker, file: Vec<u8>, wish: Wish) -> Result<Vec<u8>, Fault> {
        let order = Order { document: Arc::new(file), identity: Arc::clone(&self.identity), wish, authority: self.authority.clone() };
        let who = sign::Asker { agency: &asker.agency, party: asker.party.as_ref(), actor: &asker.actor };
        let document = Arc::clone(&order.document);
        let released = sign::recorded(&world.store, who, order, &self.bench, &*world.clock, &*world.dice).await?;
        let joined = released.output.over(&*document);
        let length = usize::try_from(joined.len()).unwrap_or(usize::MAX);
        joined.slice(0, length).map_err(|error| Fault::new(code::SYSTEM).because(error))
    }
}

/// The issuer's active seal of the type's purpose in the agency's register; by its code where the type names one.
async fn registered(world: &World, agency: &AgencyId, kind: &LicenceType) -> Result<SealId, Fault> {
    let mut after = None;
    loop {
        let listed = seals::list(world, agency, after.as_ref()).await?;
        let fits = listed.iter().find(|seal| {
            let named = kind.seal.id.as_ref().is_none_or(|id| *id == seal.es_id || *id == seal.id.as_str());
            named && seal.state == State::Active && seal.owner_code == kind.issuer.code && seal.purpose.zh() == kind.seal.purpose
        });
        match (fits, listed.last()) {
            (Some(seal), _) => return Ok(seal.id.clone()),
            (None, Some(last)) if Some(&last.id) != after.as_ref() => after = Some(last.id.clone()),
            _ => return Err(refused(format!("the register has no active seal of {} for {}", kind.issuer.code, kind.seal.purpose))),
        }
    }
}

/// Where the mark stands (left, top, right, bottom, millimetres) and its picture, where a PDF can show it.
fn mark(kind: &LicenceType, seal: &[u8]) -> Result<([f64; 4], Option<Picture>), Fault> {
    let parsed = Seal::parse(seal).map_err(|error| refused(error.to_string()))?;
    // Some producers write nonsense here; no mark is larger than a page.
    let side = |millimetres: u64| f64::from(u32::try_from(millimetres).unwrap_or(u32::MAX)).clamp(5.0, 200.0);
    let size = (side(parsed.picture.width), side(parsed.picture.height));
    let page = (f64::from(kind.template.width), f64::from(kind.template.height));
    let sides = around(f64::from(kind.seal.x), f64::from(kind.seal.y), size, page);
    Ok((sides, Picture::decode(parsed.picture.data).ok()))
}

/// A box of this size around a point, moved onto the page where it would reach beyond: left, top, right, bottom.
fn around(x: f64, y: f64, (width, height): (f64, f64), page: (f64, f64)) -> [f64; 4] {
    let left = (x - width / 2.0).clamp(0.0, (page.0 - width).max(0.0));
    let top = (y - height / 2.0).clamp(0.0, (page.1 - height).max(0.0));
    [left, top, left + width, top + height]
}
