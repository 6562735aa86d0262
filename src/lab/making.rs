//! The first start: new keys, authorities, and certificates for the people and organisations of the registers.

use super::{
    authority::{self, Authorities, Ca, Ledger},
    folder::Folder,
    profile::{self, Family, Holder, Issuer, Places, Terms, Use},
    registry::Registry,
};
use crate::{
    crypto::{KeyKind, PublicKey, Signer as _},
    keys::{Password, SoftKey, pkcs12},
    moment::Moment,
    pki::{Certificate, Reason},
    world::{Dice, SystemDice, random},
};
use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The password of every PKCS#12 file of the lab; the same keys lie beside them in the clear.
pub const P12_PASSWORD: &str = "xinyin-lab";

/// Few: the keys lie readable beside these files, and a first start writes many.
const P12_ITERATIONS: u64 = 2048;

/// What is special about a certificate of a person or organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing.
    Valid,
    /// Revoked thirty days before the lab was made, for keyCompromise.
    Revoked,
    /// Ended a year before the lab was made.
    Expired,
    /// Begins a year after the lab was made.
    NotYetValid,
    /// Issued by another authority that bears the names of ours.
    Foreign,
}

impl Condition {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Valid => "",
            Self::Revoked => "-revoked",
            Self::Expired => "-expired",
            Self::NotYetValid => "-not-yet-valid",
            Self::Foreign => "-foreign",
        }
    }

    fn validity(self, made: Moment) -> (Moment, Moment) {
        match self {
            Self::Valid | Self::Foreign => (made.minus(DAY), made.plus(3 * YEAR)),
            Self::Revoked => (made.minus(YEAR), made.plus(2 * YEAR)),
            Self::Expired => (made.minus(3 * YEAR), made.minus(YEAR)),
            Self::NotYetValid => (made.plus(YEAR), made.plus(4 * YEAR)),
        }
    }
}

/// A certificate with its key, as `province.json` lists it. Files are `certs/NAME.pem`, `keys/KEY.pem`, `p12/NAME.p12`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Short name of the person or organisation.
    pub holder: String,
    /// Hierarchy.
    pub family: Family,
    /// Signing or encryption.
    #[serde(rename = "use")]
    pub for_use: Use,
    /// What is special about it.
    pub condition: Condition,
    /// File name without folder and ending.
    pub name: String,
    /// File name of the key, without folder and ending.
    pub key: String,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// Since when it is revoked.
    pub revoked_at: Option<Moment>,
}

/// What a lab remembers of its first start; written last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Made {
    /// When.
    pub at: Moment,
    /// The port, for a later start with port 0.
    pub port: u16,
    /// Certificates of people and organisations.
    pub credentials: Vec<Credential>,
}

/// A credential to be made.
struct Plan {
    holder: String,
    family: Family,
    for_use: Use,
    condition: Condition,
}

impl Plan {
    fn name(&self) -> String {
        let encryption = if self.for_use == Use::Encryption { "-encryption" } else { "" };
        format!("{}-{}{encryption}{}", self.holder, self.family.id(), self.condition.suffix())
    }

    /// Where RSA keys take long to find, the odd certificates of a holder share its key, as a renewal would.
    fn key(&self) -> String {
        if self.family == Family::Rsa && self.condition != Condition::Foreign { format!("{}-rsa", self.holder) } else { self.name() }
    }
}

/// The person and the organisation that have one of everything.
const COMPLETE: [&str; 2] = ["zhang-wei", "xinyin-sample"];

fn plans(registry: &Registry) -> Vec<Plan> {
    let people = registry.persons.iter().filter(|person| person.phone.is_some()).map(|person| &person.id);
    let holders = people.chain(registry.organisations.iter().map(|entry| &entry.id));
    let mut plans = Vec::new();
    for holder in holders {
        let complete = COMPLETE.contains(&holder.as_str());
        for family in Family::ALL {
            if family == Family::Rsa && !complete {
                continue;
            }
            let mut plan = |for_use, condition| plans.push(Plan { holder: holder.clone(), family, for_use, condition });
            plan(Use::Signing, Condition::Valid);
            if family == Family::Sm2 || complete {
                plan(Use::Encryption, Condition::Valid);
            }
            if complete {
                for condition in [Condition::Revoked, Condition::Expired, Condition::NotYetValid, Condition::Foreign] {
                    plan(Use::Signing, condition);
                }
            }
        }
    }
    plans
}

/// The keys that are not somebody's: name and kind.
fn house_keys() -> Vec<(String, KeyKind)> {
    let of_family = |family: Family| {
        ["-root", "", "-ocsp", "-tsa", "-foreign-root", "-foreign"].map(|part| (format!("{}{part}", family.id()), family.kind()))
    };
    let single = [
        ("answers", KeyKind::Sm2),
        ("tls-ca", KeyKind::P256),
        ("tls-server", KeyKind::P256),
        ("tls-client", KeyKind::P256),
        ("tls-stranger", KeyKind::P256),
    ];
    Family::ALL.into_iter().flat_map(of_family).chain(single.map(|(name, kind)| (name.to_owned(), kind))).collect()
}

/// Makes all keys, on all processors: finding RSA primes takes seconds.
fn generate(mut wanted: Vec<(String, KeyKind)>) -> anyhow::Result<BTreeMap<String, SoftKey>> {
    wanted.sort_by_key(|(name, kind)| (!matches!(kind, KeyKind::Rsa(_)), name.clone()));
    wanted.dedup();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut made = Vec::new();
        while let Some((name, kind)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            made.push((name.clone(), SoftKey::generate(*kind, &SystemDice)?));
        }
        anyhow::Ok(made)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().map_err(|_| anyhow!("key generation failed"))?;
        threads.into_iter().map(join).collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(made.into_iter().flatten().collect())
}

fn serial(dice: &dyn Dice) -> [u8; 16] {
    let mut serial: [u8; 16] = random(dice);
    // Positive, and always of the same length.
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}

/// Serial number and validity of a new certificate.
pub fn terms(from: Moment, to: Moment) -> Terms {
    Terms { serial: serial(&SystemDice), from, to }
}

struct Maker<'a> {
    folder: &'a Folder,
    places: Places,
    made: Moment,
    keys: BTreeMap<String, SoftKey>,
}

impl Maker<'_> {
    fn key(&self, name: &str) -> anyhow::Result<&SoftKey> {
        self.keys.get(name).with_context(|| format!("no key {name}"))
    }

    fn public(&self, name: &str) -> anyhow::Result<&PublicKey> {
        Ok(self.key(name)?.public_key())
    }

    fn long(&self) -> Terms {
        terms(self.made.minus(6 * YEAR), self.made.plus(30 * YEAR))
    }

    /// Root and issuing certificate of a hierarchy; the foreign one takes the same names.
    fn hierarchy(&self, family: Family, part: &str) -> anyhow::Result<(Certificate, Certificate)> {
        let id = family.id();
        let (root_key, issuing_key) = (format!("{id}{part}-root"), format!("{id}{part}"));
        let root_name = profile::lab_name(&format!("Sample Province Root {}", id.to_uppercase()))?;
        let name = profile::lab_name(&format!("Sample Province CA {}", id.to_uppercase()))?;
        let root = profile::root(&root_name, self.key(&root_key)?, self.long())?;
        let issuer = Issuer { id: &format!("{id}-root"), certificate: &root, key: self.key(&root_key)? };
        let issuing = profile::issuing(issuer, &self.places, &name, self.public(&issuing_key)?, self.long())?;
        self.folder.save_certificates(&root_key, &[&root])?;
        self.folder.save_certificates(&issuing_key, &[&issuing])?;
        self.folder.save_certificates(&format!("{id}{part}-chain"), &[&issuing, &root])?;
        Ok((root, issuing))
    }

    fn family(&self, family: Family) -> anyhow::Result<Vec<Certificate>> {
        let id = family.id();
        let (_, issuing) = self.hierarchy(family, "")?;
        let issuer = Issuer { id, certificate: &issuing, key: self.key(id)? };
        let name = |what: &str| profile::lab_name(&format!("Sample Province {what} {}", id.to_uppercase()));
        let responder = profile::responder(issuer, &name("OCSP")?, self.public(&format!("{id}-ocsp"))?, self.long())?;
        let tsa = profile::time_stamping(issuer, &self.places, &name("TSA")?, self.public(&format!("{id}-tsa"))?, self.long())?;
        self.folder.save_certificates(&format!("{id}-ocsp"), &[&responder])?;
        self.folder.save_certificates(&format!("{id}-tsa"), &[&tsa])?;
        let mut issued = vec![responder, tsa];
        if family == Family::Sm2 {
            let answers = profile::answers(issuer, &self.places, &name("Registers")?, self.public("answers")?, self.long())?;
            self.folder.save_certificates("answers", &[&answers])?;
            issued.push(answers);
        }
        Ok(issued)
    }

    fn tls(&self) -> anyhow::Result<()> {
        let make_root = |common: &str, key: &str| {
            let name = profile::lab_name(common)?;
            anyhow::Ok(profile::root(&name, self.key(key)?, self.long())?)
        };
        let ca = make_root("TLS CA", "tls-ca")?;
        let issuer = Issuer { id: "tls-ca", certificate: &ca, key: self.key("tls-ca")? };
        let server = profile::tls_server(issuer, &profile::lab_name("TLS server")?, self.public("tls-server")?, self.long())?;
        let client = profile::tls_client(issuer, &profile::lab_name("xinyin")?, self.public("tls-client")?, self.long())?;
        // Somebody whom the lab does not know, under a CA of the same name.
        let other = make_root("TLS CA", "tls-stranger")?;
        let issuer = Issuer { id: "tls-ca", certificate: &other, key: self.key("tls-stranger")? };
        let stranger = profile::tls_client(issuer, &profile::lab_name("xinyin")?, self.public("tls-stranger")?, self.long())?;
        for (name, certificate) in [("tls-ca", &ca), ("tls-server", &server), ("tls-client", &client), ("tls-stranger", &stranger)] {
            self.folder.save_certificates(name, &[certificate])?;
        }
        for name in ["tls-client", "tls-stranger"] {
            let certificate = super::pem("CERTIFICATE", self.folder.certificate(name)?.der());
            let key = self.key(name)?.to_pkcs8_pem();
            let both = zeroize::Zeroizing::new(format!("{certificate}{}", key.as_str()));
            self.folder.write(&format!("keys/{name}-identity.pem"), both.as_bytes())?;
        }
        Ok(())
    }

    fn credential(&self, plan: &Plan, registry: &Registry) -> anyhow::Result<(Credential, Certificate)> {
        let id = plan.family.id();
        let part = if plan.condition == Condition::Foreign { "-foreign" } else { "" };
        let issuing = self.folder.certificate(&format!("{id}{part}"))?;
        let root = self.folder.certificate(&format!("{id}{part}-root"))?;
        let issuer = Issuer { id, certificate: &issuing, key: self.key(&format!("{id}{part}"))? };
        let person = registry.person_by_id(&plan.holder).map(|person| Holder::Person(&person.name, &person.number));
        let organisation = || registry.organisation_by_id(&plan.holder).map(|entry| Holder::Organisation(&entry.name, &entry.uscc));
        let holder = person.or_else(organisation).with_context(|| format!("nobody is called {}", plan.holder))?;
        let (name, key_name) = (plan.name(), plan.key());
        let (from, to) = plan.condition.validity(self.made);
        let key = self.key(&key_name)?;
        let certificate = profile::holder(issuer, &self.places, holder, key.public_key(), plan.for_use, terms(from, to))?;
        self.folder.save_certificates(&name, &[&certificate])?;
        let shown = match holder {
            Holder::Person(name, _) | Holder::Organisation(name, _) => name,
        };
        let chain = [certificate.der(), issuing.der(), root.der()];
        let file = pkcs12::build(&key.to_pkcs8_der(), &chain, shown, &Password::new(P12_PASSWORD), P12_ITERATIONS, &SystemDice)?;
        self.folder.write(&format!("p12/{name}.p12"), &file)?;
        let credential = Credential {
            holder: plan.holder.clone(),
            family: plan.family,
            for_use: plan.for_use,
            condition: plan.condition,
            name,
            key: key_name,
            serial: certificate.serial_hex(),
            revoked_at: (plan.condition == Condition::Revoked).then(|| Moment::from_secs(self.made.minus(30 * DAY).secs())),
        };
        Ok((credential, certificate))
    }
}

/// Makes everything that a lab keeps. `lab.json` comes last: a start that was cut short begins anew.
pub fn make(folder: &Folder, places: &Places, port: u16, registry: &Registry, now: Moment) -> anyhow::Result<Made> {
    let plans = plans(registry);
    let own = plans.iter().map(|plan| (plan.key(), plan.family.kind()));
    let keys = generate(house_keys().into_iter().chain(own).collect())?;
    for (name, key) in &keys {
        folder.save_key(name, key)?;
    }
    let maker = Maker { folder, places: places.clone(), made: Moment::from_secs(now.secs()), keys };
    let mut issued: BTreeMap<Family, Vec<Certificate>> = BTreeMap::new();
    for family in Family::ALL {
        issued.insert(family, maker.family(family)?);
        maker.hierarchy(family, "-foreign")?;
    }
    maker.tls()?;
    let mut credentials = Vec::new();
    for plan in &plans {
        let (credential, certificate) = maker.credential(plan, registry)?;
        if plan.condition != Condition::Foreign {
            issued.entry(plan.family).or_default().push(certificate);
        }
        credentials.push(credential);
    }
    // A first start that was cut short may have left some.
    for id in Family::ALL.iter().flat_map(|family| [family.id(), root_id(*family)]) {
        folder.save(&authority::ledger_file(id), &Ledger::default())?;
    }
    let authorities = open(folder)?;
    for family in Family::ALL {
        let ca = authorities.issuing(family).context("no such authority")?;
        ca.enter(issued.get(&family).into_iter().flatten())?;
        let root = authorities.ca(root_id(family)).context("no such authority")?;
        root.enter([&ca.certificate])?;
        for credential in credentials.iter().filter(|credential| credential.family == family) {
            if let Some(at) = credential.revoked_at {
                ca.revoke(&credential.serial, Reason::KeyCompromise, at)?;
            }
        }
    }
    let made = Made { at: maker.made, port, credentials };
    folder.save("lab.json", &made)?;
    Ok(made)
}

const fn root_id(family: Family) -> &'static str {
    match family {
        Family::Sm2 => "sm2-root",
        Family::P256 => "p256-root",
        Family::Rsa => "rsa-root",
    }
}

/// The authorities, from the folder.
pub fn open(folder: &Folder) -> anyhow::Result<Authorities> {
    let mut all = Vec::new();
    for family in Family::ALL {
        let (id, root) = (family.id(), root_id(family));
        all.push(Ca::open(root, family, folder.certificate(root)?, folder.key(root)?, None, folder)?);
        let ocsp = format!("{id}-ocsp");
        let responder = (folder.certificate(&ocsp)?, folder.key(&ocsp)?);
        all.push(Ca::open(id, family, folder.certificate(id)?, folder.key(id)?, Some(responder), folder)?);
    }
    Ok(Authorities(all))
}
