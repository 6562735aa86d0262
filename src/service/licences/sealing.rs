//! The seal of a type's issuer, and its use on the two files of a licence.

use crate::config::LicenceSeal;
use crate::doc::seal::Seal;
use crate::fault::{Fault, code};
use crate::files;
use crate::keys::{self, Identity, Password};
use crate::licence::LicenceType;
use crate::service::policies;
use crate::service::sign::{self, Bench, Order, Wish};
use crate::service::timestamp_client::Authority;
use crate::service::verifications::{Asker, trusted};
use crate::sign::{Format, Level, Mark, Picture, Place};
use crate::verify::{Evidence, Revocation};
use crate::world::World;
use std::sync::Arc;

/// Points of a millimetre.
const POINT: f64 = 72.0 / 25.4;

/// A seal that is ready to be used.
pub(super) struct Sealing {
    identity: Arc<Identity>,
    seal: Arc<[u8]>,
    /// Width and height of its mark, millimetres.
    size: (f64, f64),
    picture: Option<Picture>,
    authority: Option<Authority>,
    bench: Bench,
}

impl Sealing {
    /// The seal of the type's issuer with the type's purpose.
    ///
    /// # Errors
    /// [`code::LICENCE_SEAL`] where none is configured or it cannot be read.
    pub async fn open(world: &World, agency: &crate::ids::AgencyId, kind: &LicenceType) -> Result<Self, Fault> {
        let fits = |seal: &&LicenceSeal| seal.issuer == kind.issuer.code && seal.purpose == kind.seal.purpose;
        let missing = || {
            let text = format!("no licence_seal is configured for issuer {} and purpose {}", kind.issuer.code, kind.seal.purpose);
            Fault::new(code::LICENCE_SEAL).detail(text)
        };
        let place = world.config.licence_seals.iter().find(fits).ok_or_else(missing)?;
        let folder = &world.config.folder;
        let read = |path: &std::path::Path| {
            let path = folder.join(path);
            files::read(&path).map_err(|error| Fault::new(code::LICENCE_SEAL).detail(format!("{}: {error}", path.display())))
        };
        let password = place.password.as_ref().map(|path| Password::from_file(&folder.join(path))).transpose()?;
        let device = place.key.starts_with("pkcs11:");
        let key = if device { place.key.clone() } else { folder.join(&place.key).display().to_string() };
        let identity = keys::open(&key, password.as_ref())?;
        let mut certificates = Vec::new();
        for path in &place.certificates {
            certificates.extend(keys::read_certificates(&read(path)?)?);
        }
        let seal = read(&place.seal)?;
        let parsed = Seal::parse(&seal).map_err(|error| Fault::new(code::LICENCE_SEAL).detail(error.to_string()))?;
        if let Some(id) = &kind.seal.id
            && *id != parsed.id
        {
            return Err(Fault::new(code::LICENCE_SEAL).detail(format!("the type asks for seal {id}, and {} is configured", parsed.id)));
        }
        // Some producers write nonsense here; no mark is larger than a page.
        let side = |millimetres: u64| f64::from(u32::try_from(millimetres).unwrap_or(u32::MAX)).clamp(5.0, 200.0);
        let size = (side(parsed.picture.width), side(parsed.picture.height));
        let picture = Picture::decode(parsed.picture.data).ok();
        let evidence = Evidence { anchors: trusted(world).await?, ..Evidence::default() };
        // Status is judged over the finished files, where revocation data is asked for; here only the arithmetic and the chain.
        let bench = Bench { evidence, policy: policies::choose(&world.config, agency, None)?, revocation: Revocation::Soft, net: None };
        let authority = world.config.timestamp.first().map(|url| Authority { net: world.net.clone(), url: url.clone() });
        Ok(Self { identity: Arc::new(identity.with_certificates(certificates)), seal: seal.into(), size, picture, authority, bench })
    }

    /// The package under the seal, nothing of it left uncovered.
    pub async fn ofd(&self, world: &World, asker: &Asker, kind: &LicenceType, file: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let (x, y) = (f64::from(kind.seal.x), f64::from(kind.seal.y));
        let (width, height) = (f64::from(kind.template.width), f64::from(kind.template.height));
        let sides = around(x, y, self.size, (width, height));
        let page = u32::try_from(kind.seal.page).unwrap_or(1);
        let wish =
            Wish { level: self.level(), ..Wish::sealing(Format::Ofd, Arc::clone(&self.seal), vec![Place::Rectangle { page, sides }]) };
        self.use_on(world, asker, file, wish).await
    }

    /// The PDF signed with the signatory's key; the seal's picture stands where the mark is.
    pub async fn pdf(&self, world: &World, asker: &Asker, kind: &LicenceType, file: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let (x, y) = (f64::from(kind.seal.x), f64::from(kind.seal.y));
        let (width, height) = (f64::from(kind.template.width), f64::from(kind.template.height));
        let [left, top, right, bottom] = around(x, y, self.size, (width, height));
        let rect = [left * POINT, (height - bottom) * POINT, right * POINT, (height - top) * POINT];
        let mark = match self.picture {
            Some(_) => Some(Mark::new(u32::try_from(kind.seal.page).unwrap_or(1), rect)?),
            None => None,
        };
        let wish = Wish { format: Some(Format::Pades), level: self.level(), mark, picture: self.picture.clone(), ..Wish::plain() };
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
        let length = usize::try_from(crate::doc::source::ByteSource::len(&joined)).unwrap_or(usize::MAX);
        crate::doc::source::ByteSource::slice(&joined, 0, length).map_err(|error| Fault::new(code::SYSTEM).because(error))
    }
}

/// A box of this size around a point, moved onto the page where it would reach beyond: left, top, right, bottom.
fn around(x: f64, y: f64, (width, height): (f64, f64), page: (f64, f64)) -> [f64; 4] {
    let left = (x - width / 2.0).clamp(0.0, (page.0 - width).max(0.0));
    let top = (y - height / 2.0).clamp(0.0, (page.1 - height).max(0.0));
    [left, top, left + width, top + height]
}
