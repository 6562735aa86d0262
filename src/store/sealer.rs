//! What keeps people's numbers unreadable at rest: SM4-GCM sealing, HMAC-SM3 lookups, one data key for each Party.
//!
//! The keys live in a file outside the database ([`Sealer::new_key_file`], mode 0600). Sealed bytes are
//! `format (1) ‖ key version (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, bound to a context (table, column, row) as associated
//! data, so that a value moved to another row does not open. GB/T 32907 (SM4), GB/T 32905 (SM3), NIST SP 800-38D, RFC 2104;
//! GB/T 39786-2021 8.4 e) asks for confidentiality of stored numbers.

use crate::ids::PartyId;
use crate::world::{Dice, random};
use aes_gcm::aead::{Aead, KeyInit, Payload, array::Array, consts::U12};
use aes_gcm::{AesGcm, Nonce};
use hmac::{Hmac, Mac};
use sm3::Sm3;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

type Sm4Gcm = AesGcm<sm4::Sm4, U12>;

const FORMAT: u8 = 1;
const HEADER: usize = 1 + 4 + 12;
/// Key version that stands for "the Party's own key".
const PARTY: u32 = 0;

/// Why sealed bytes cannot be read or a key file is no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not of this format, altered, or moved from another row.
    #[error("sealed bytes were altered or do not belong here")]
    Altered,
    /// Sealed under a key that the key file does not hold.
    #[error("sealed under key version {0}, which the key file does not hold")]
    UnknownVersion(u32),
    /// The key file cannot be used.
    #[error("key file: {0}")]
    KeyFile(String),
}

/// A secret that stays out of `Debug` and is wiped on drop.
struct Key<const N: usize>(Zeroizing<[u8; N]>);

/// Seals, opens and hashes with the installation's keys. Cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<Inner>);

struct Inner {
    /// Sealing keys by version; versions start at 1.
    seal: BTreeMap<u32, Key<16>>,
    current: u32,
    /// One for the life of the installation: equal numbers must give equal hashes.
    lookup: Key<32>,
    dice: Arc<dyn Dice>,
}

#[derive(serde::Deserialize, Zeroize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    current: u32,
    lookup: String,
    #[zeroize(skip)]
    master: BTreeMap<String, String>,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.lookup.zeroize();
        self.master.values_mut().for_each(Zeroize::zeroize);
    }
}

impl Sealer {
    /// Text of a new key file with fresh keys. Whoever has this file and the database can read everything; whoever loses it,
    /// nothing.
    pub fn new_key_file(dice: &dyn Dice) -> Zeroizing<String> {
        let lookup = Zeroizing::new(hex::encode(*Zeroizing::new(random::<32>(dice))));
        let master = Zeroizing::new(hex::encode(*Zeroizing::new(random::<32>(dice))));
        Zeroizing::new(format!(
            "# Sealing keys of this installation. Keep a copy apart from the database and its backups.\ncurrent = 1\n\
             lookup = \"{}\"\n\n[master]\n1 = \"{}\"\n",
            *lookup, *master
        ))
    }

    /// From the text of a key file.
    pub fn from_key_file(text: &str, dice: Arc<dyn Dice>) -> Result<Self, SealError> {
        // The parser's own message may quote the line, hence the key: say only that it is wrong.
        let file: KeyFile = toml::from_str(text).map_err(|_| SealError::KeyFile("not of the form that `xinyin init` writes".into()))?;
        let mut seal = BTreeMap::new();
        for (version, master) in &file.master {
            let number = version.parse::<u32>().ok().filter(|&n| n != PARTY);
            let number = number.ok_or_else(|| SealError::KeyFile(format!("{version:?} is no key version")))?;
            let master = key32(master).ok_or_else(|| SealError::KeyFile(format!("master key {version} is not 64 hexadecimal digits")))?;
            seal.insert(number, Key(derive::<16>(&master, "seal")));
        }
        if !seal.contains_key(&file.current) {
            return Err(SealError::KeyFile(format!("the current master key, {}, is missing", file.current)));
        }
        let lookup = key32(&file.lookup).ok_or_else(|| SealError::KeyFile("the lookup key is not 64 hexadecimal digits".into()))?;
        Ok(Self(Arc::new(Inner { seal, current: file.current, lookup: Key(derive(&lookup, "lookup")), dice })))
    }

    /// The version that new values are sealed under.
    pub fn version(&self) -> u32 {
        self.0.current
    }

    /// Random octets for identifiers and salts.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        random(&*self.0.dice)
    }

    /// Seals under the current master key, bound to `context`.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        match self.0.seal.get(&self.0.current) {
            Some(key) => encrypt(&key.0, self.0.current, context, plain, self.random()),
            None => Vec::new(), // not reached: the constructor holds the current key; empty bytes never open
        }
    }

    /// Opens what [`seal`](Self::seal) made for the same context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let version = version_of(sealed)?;
        let key = self.0.seal.get(&version).ok_or(SealError::UnknownVersion(version))?;
        decrypt(&key.0, context, sealed)
    }

    /// The keyed hash by which an equal value is found again: HMAC-SM3 over `kind ‖ 0 ‖ value`, in hexadecimal.
    pub fn lookup(&self, kind: &str, value: &[u8]) -> String {
        hex::encode(mac(&self.0.lookup.0[..], &[kind.as_bytes(), &[0], value]))
    }

    /// A fresh data key for a Party and its wrapped form for the database.
    pub fn new_party_key(&self, party: &PartyId) -> (PartyKey, Vec<u8>) {
        let key = Zeroizing::new(self.random::<16>());
        let wrapped = self.seal(&format!("party_keys/{party}"), &key[..]);
        (PartyKey { party: party.clone(), key: Key(key), sealer: self.clone() }, wrapped)
    }

    /// The Party's data key from its wrapped form.
    pub fn party_key(&self, party: &PartyId, wrapped: &[u8]) -> Result<PartyKey, SealError> {
        let plain = self.open(&format!("party_keys/{party}"), wrapped)?;
        let key = <[u8; 16]>::try_from(&plain[..]).map_err(|_| SealError::Altered)?;
        Ok(PartyKey { party: party.clone(), key: Key(Zeroizing::new(key)), sealer: self.clone() })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(version {})", self.0.current)
    }
}

/// Seals what belongs to one Party. When its wrapped form is deleted, nothing sealed with it can be read again.
pub struct PartyKey {
    party: PartyId,
    key: Key<16>,
    sealer: Sealer,
}

impl PartyKey {
    /// Seals under the Party's key, bound to the Party and to `context`.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        encrypt(&self.key.0, PARTY, &format!("{}/{context}", self.party), plain, self.sealer.random())
    }

    /// Opens what [`seal`](Self::seal) made for the same Party and context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match version_of(sealed)? {
            PARTY => decrypt(&self.key.0, &format!("{}/{context}", self.party), sealed),
            other => Err(SealError::UnknownVersion(other)),
        }
    }
}

impl fmt::Debug for PartyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartyKey({})", self.party)
    }
}

fn encrypt(key: &[u8; 16], version: u32, context: &str, plain: &[u8], nonce: [u8; 12]) -> Vec<u8> {
    let cipher = Sm4Gcm::new(&Array::from(*key));
    let mut sealed = Vec::with_capacity(HEADER + plain.len() + 16);
    sealed.push(FORMAT);
    sealed.extend_from_slice(&version.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    match cipher.encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: context.as_bytes() }) {
        Ok(ciphertext) => sealed.extend_from_slice(&ciphertext),
        Err(_) => sealed.clear(), // only beyond 64 GiB; empty bytes never open
    }
    sealed
}

fn decrypt(key: &[u8; 16], context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (header, ciphertext) = sealed.split_at_checked(HEADER).ok_or(SealError::Altered)?;
    let nonce = header.last_chunk::<12>().ok_or(SealError::Altered)?;
    let cipher = Sm4Gcm::new(&Array::from(*key));
    let plain = cipher.decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: context.as_bytes() });
    plain.map(Zeroizing::new).map_err(|_| SealError::Altered)
}

fn version_of(sealed: &[u8]) -> Result<u32, SealError> {
    let header = sealed.first_chunk::<5>().filter(|header| header.first() == Some(&FORMAT)).ok_or(SealError::Altered)?;
    Ok(u32::from_be_bytes([header[1], header[2], header[3], header[4]]))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sm3> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// One key for one use, so that none serves two algorithms.
fn derive<const N: usize>(master: &[u8; 32], purpose: &str) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 32) };
    let full = Zeroizing::new(mac(master, &[b"xinyin key 1\0", purpose.as_bytes()]));
    let mut key = Zeroizing::new([0; N]);
    key.copy_from_slice(&full[..N]);
    key
}

fn key32(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, &mut key[..]).ok().map(|()| key)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::world::SystemDice;

    pub(crate) fn sealer() -> Sealer {
        Sealer::from_key_file(&Sealer::new_key_file(&SystemDice), Arc::new(SystemDice)).unwrap()
    }

    #[test]
    fn sealed_values_open_only_where_they_belong() {
        let sealer = sealer();
        let sealed = sealer.seal("evidence/1", b"350899199001010018");
        assert_eq!(&sealer.open("evidence/1", &sealed).unwrap()[..], b"350899199001010018");
        assert_eq!(sealer.open("evidence/2", &sealed), Err(SealError::Altered));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(sealer.open("evidence/1", &altered).is_err(), "octet {at}");
            assert!(sealer.open("evidence/1", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_ne!(sealed, sealer.seal("evidence/1", b"350899199001010018"), "nonces are fresh");
    }

    #[test]
    fn a_party_key_opens_nothing_of_another_party() {
        let sealer = sealer();
        let (one, two) = (PartyId::from_random([1; 16]), PartyId::from_random([2; 16]));
        let (key, wrapped) = sealer.new_party_key(&one);
        let sealed = key.seal("name", "阿依古丽·买买提".as_bytes());
        let again = sealer.party_key(&one, &wrapped).unwrap();
        assert_eq!(&again.open("name", &sealed).unwrap()[..], "阿依古丽·买买提".as_bytes());
        assert!(sealer.party_key(&two, &wrapped).is_err(), "a wrapped key is bound to its Party");
        assert!(sealer.new_party_key(&one).0.open("name", &sealed).is_err());
        assert!(sealer.open("name", &sealed).is_err());
    }

    #[test]
    fn old_versions_still_open_and_lookups_stay() {
        let hex = |byte: u8| hex::encode([byte; 32]);
        let one = format!("current = 1\nlookup = \"{}\"\n[master]\n1 = \"{}\"\n", hex(9), hex(1));
        let two = format!("current = 2\nlookup = \"{}\"\n[master]\n1 = \"{}\"\n2 = \"{}\"\n", hex(9), hex(1), hex(2));
        let [one, two] = [one, two].map(|text| Sealer::from_key_file(&text, Arc::new(SystemDice)).unwrap());
        let sealed = one.seal("x", b"value");
        assert_eq!(&two.open("x", &sealed).unwrap()[..], b"value");
        assert_eq!(one.open("x", &two.seal("x", b"value")), Err(SealError::UnknownVersion(2)));
        assert_eq!(one.lookup("phone", b"1"), two.lookup("phone", b"1"));
        assert_ne!(one.lookup("phone", b"1"), one.lookup("name", b"1"));
    }

    #[test]
    fn a_bad_key_file_is_refused_without_quoting_it() {
        for bad in ["", "current = 1", "current = 1\nlookup = \"5ec2e7\"\n[master]\n1 = \"5ec2e7\"", "current = 2\nlookup = 5ec2e7"] {
            let error = Sealer::from_key_file(bad, Arc::new(SystemDice)).unwrap_err();
            assert!(!error.to_string().contains("5ec2e7"), "{error}");
        }
        let other = Sealer::new_key_file(&SystemDice).replace("current = 1", "current = 7");
        assert!(Sealer::from_key_file(&other, Arc::new(SystemDice)).unwrap_err().to_string().contains('7'));
    }
}
