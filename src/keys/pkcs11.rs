//! Keys in a device behind PKCS#11, named by a URI (RFC 7512):
//! `pkcs11:token=xinyin;object=alice?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin`.
//!
//! The PIN comes from the caller (file or environment) or from `pin-source`; a `pin-value` in the URI would stand on the
//! command line and is refused. We hash, the device signs the digest: `CKM_ECDSA` and `CKM_RSA_PKCS` exist on every device. No
//! module at hand offers SM2 under a standard mechanism, so an SM2 key in a device is refused by name.

use super::{Identity, KeyError, Password};
use crate::crypto::tlv::{Tlv, tag};
use crate::crypto::{Hash, KeyKind, PublicKey, Scheme, SignError, SignatureAlgorithm, Signer, oid};
use crate::pki::build::encode;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Names the driver where the URI does not.
const MODULE_ENVIRONMENT: &str = "XINYIN_PKCS11_MODULE";

/// A driver is initialised once in a process and stays.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// Opens the one private key that the URI names, and the certificates with its identifier.
pub(super) fn open(uri: &str, pin: Option<&Password>) -> Result<Identity, KeyError> {
    let uri = Uri::parse(uri)?;
    let module = module(&uri)?;
    let session = module.open_ro_session(uri.slot(&module)?).map_err(device)?;
    let from_source = uri.pin()?;
    if let Some(pin) = pin.or(from_source.as_ref()) {
        match session.login(UserType::User, Some(&AuthPin::new(pin.expose().into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid, _)) => {
                return Err(KeyError::WrongPassword);
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => return Err(KeyError::Device("the PIN is locked".into())),
            Err(error) => return Err(device(error)),
        }
    }
    let found = session.find_objects(&uri.template(ObjectClass::PRIVATE_KEY)).map_err(device)?;
    let key = match found.as_slice() {
        [key] => *key,
        [] if pin.is_none() && from_source.is_none() => return Err(KeyError::PasswordNeeded),
        [] => return Err(KeyError::Uri("names no private key on the token")),
        _ => return Err(KeyError::Uri("names several private keys; add object= or id=")),
    };
    let id = session.get_attributes(key, &[AttributeType::Id]).map_err(device)?.into_iter().find_map(|attribute| match attribute {
        Attribute::Id(id) if !id.is_empty() => Some(id),
        _ => None,
    });
    let certificates = certificates(&session, id.as_deref(), &uri)?;
    let public = match certificates.iter().find_map(|der| super::spki(der)) {
        Some(spki) => PublicKey::from_spki(spki).map_err(|error| KeyError::Device(error.to_string()))?,
        None => public_key(&session, id.as_deref(), &uri)?,
    };
    let scheme = match public.kind() {
        KeyKind::P256 => Scheme::Ecdsa(Hash::Sha256),
        KeyKind::P384 => Scheme::Ecdsa(Hash::Sha384),
        KeyKind::P521 => Scheme::Ecdsa(Hash::Sha512),
        KeyKind::Rsa(_) => Scheme::RsaPkcs1(Hash::Sha256),
        other => return Err(KeyError::Unsupported(format!("a key of kind {other} in a PKCS#11 device"))),
    };
    Ok(Identity::new(Box::new(DeviceKey { session: Mutex::new(session), key, public, scheme }), certificates))
}

fn device(error: Error) -> KeyError {
    KeyError::Device(error.to_string())
}

fn module(uri: &Uri) -> Result<Pkcs11, KeyError> {
    let path = match uri.query.get("module-path") {
        Some(path) => PathBuf::from(String::from_utf8_lossy(path).into_owned()),
        None => std::env::var_os(MODULE_ENVIRONMENT)
            .map(PathBuf::from)
            .ok_or(KeyError::Uri("names no driver: add ?module-path=… or set XINYIN_PKCS11_MODULE"))?,
    };
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(&path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(&path).map_err(device)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(device(error)),
    }
    modules.insert(path, module.clone());
    Ok(module)
}

/// Certificates that bear the key's identifier, or its label where it has none.
fn certificates(session: &Session, id: Option<&[u8]>, uri: &Uri) -> Result<Vec<Vec<u8>>, KeyError> {
    let mut certificates = Vec::new();
    for object in session.find_objects(&companion(ObjectClass::CERTIFICATE, id, uri)).map_err(device)? {
        for attribute in session.get_attributes(object, &[AttributeType::Value]).map_err(device)? {
            if let Attribute::Value(der) = attribute {
                certificates.push(der);
            }
        }
    }
    Ok(certificates)
}

fn companion(class: ObjectClass, id: Option<&[u8]>, uri: &Uri) -> Vec<Attribute> {
    match id {
        Some(id) => vec![Attribute::Class(class), Attribute::Id(id.to_vec())],
        None => uri.template(class),
    }
}

/// The public half from the token's public key object.
fn public_key(session: &Session, id: Option<&[u8]>, uri: &Uri) -> Result<PublicKey, KeyError> {
    let objects = session.find_objects(&companion(ObjectClass::PUBLIC_KEY, id, uri)).map_err(device)?;
    let object =
        *objects.first().ok_or_else(|| KeyError::Device("neither certificate nor public key stands beside the private key".into()))?;
    let wanted = [AttributeType::EcParams, AttributeType::EcPoint, AttributeType::Modulus, AttributeType::PublicExponent];
    let (mut params, mut point, mut modulus, mut exponent) = (None, None, None, None);
    for attribute in session.get_attributes(object, &wanted).map_err(device)? {
        match attribute {
            Attribute::EcParams(value) => params = Some(value),
            Attribute::EcPoint(value) => point = Some(value),
            Attribute::Modulus(value) => modulus = Some(value),
            Attribute::PublicExponent(value) => exponent = Some(value),
            _ => {}
        }
    }
    let (algorithm, bits) = match (params, point, modulus, exponent) {
        (Some(params), Some(point), ..) => {
            // PKCS#11 wants the point inside an OCTET STRING; some devices give it bare.
            let bare = Tlv::parse(&point).ok().filter(|inner| inner.tag == tag::OCTET_STRING).map(|inner| inner.value.to_vec());
            (encode::sequence([encode::oid(&oid::EC_PUBLIC_KEY), params]), bare.unwrap_or(point))
        }
        (_, _, Some(modulus), Some(exponent)) => (
            encode::sequence([encode::oid(&oid::RSA_ENCRYPTION), encode::null()]),
            encode::sequence([encode::integer(&modulus), encode::integer(&exponent)]),
        ),
        _ => return Err(KeyError::Device("the public key object is incomplete".into())),
    };
    let spki = encode::sequence([algorithm, encode::bit_string(&bits)]);
    PublicKey::from_spki(&spki).map_err(|error| KeyError::Device(error.to_string()))
}

/// A private key that never leaves its device.
struct DeviceKey {
    session: Mutex<Session>,
    key: ObjectHandle,
    public: PublicKey,
    scheme: Scheme,
}

impl Signer for DeviceKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::new(self.scheme)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: Error| SignError::Device(error.to_string());
        match self.scheme {
            Scheme::Ecdsa(hash) => {
                let raw = session.sign(&Mechanism::Ecdsa, self.key, &hash.digest(message)).map_err(failed)?;
                let (r, s) = raw.split_at_checked(raw.len() / 2).unwrap_or_default();
                Ok(encode::sequence([encode::integer(r), encode::integer(s)]))
            }
            Scheme::RsaPkcs1(hash) => {
                // DigestInfo (RFC 8017 §9.2): the device pads and raises.
                let algorithm = encode::sequence([encode::oid(&hash.oid()), encode::null()]);
                let digest_info = encode::sequence([algorithm, encode::octet_string(&hash.digest(message))]);
                session.sign(&Mechanism::RsaPkcs, self.key, &digest_info).map_err(failed)
            }
            other => Err(SignError::Key(format!("{other:?} is not made in a PKCS#11 device"))),
        }
    }
}

/// The parts of a PKCS#11 URI, percent-decoded.
struct Uri {
    path: BTreeMap<String, Vec<u8>>,
    query: BTreeMap<String, Vec<u8>>,
}

impl Uri {
    fn parse(uri: &str) -> Result<Self, KeyError> {
        const LONGEST: usize = 4096;
        let rest = uri.strip_prefix("pkcs11:").filter(|rest| rest.len() <= LONGEST).ok_or(KeyError::Uri("is malformed"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let parsed = Self { path: attributes(path, ';')?, query: attributes(query, '&')? };
        if parsed.query.contains_key("pin-value") {
            return Err(KeyError::Uri("holds a PIN: give it by --password-file, the environment or pin-source instead"));
        }
        Ok(parsed)
    }

    /// The slot whose token matches every attribute given.
    fn slot(&self, module: &Pkcs11) -> Result<Slot, KeyError> {
        let mut matching = Vec::new();
        for slot in module.get_slots_with_initialized_token().map_err(device)? {
            let info = module.get_token_info(slot).map_err(device)?;
            let facts = [
                ("token", info.label()),
                ("serial", info.serial_number()),
                ("model", info.model()),
                ("manufacturer", info.manufacturer_id()),
            ];
            let named = self.path.get("slot-id").is_none_or(|id| slot.id().to_string().as_bytes() == id);
            if named && facts.iter().all(|(name, value)| self.path.get(*name).is_none_or(|told| told == value.trim_end().as_bytes())) {
                matching.push(slot);
            }
        }
        match matching.as_slice() {
            [slot] => Ok(*slot),
            [] => Err(KeyError::Uri("names no token that is present")),
            _ => Err(KeyError::Uri("names several tokens; add token= or serial=")),
        }
    }

    fn template(&self, class: ObjectClass) -> Vec<Attribute> {
        let mut template = vec![Attribute::Class(class)];
        template.extend(self.path.get("object").map(|label| Attribute::Label(label.clone())));
        template.extend(self.path.get("id").map(|id| Attribute::Id(id.clone())));
        template
    }

    fn pin(&self) -> Result<Option<Password>, KeyError> {
        let Some(source) = self.query.get("pin-source") else { return Ok(None) };
        let source = std::str::from_utf8(source).map_err(|_| KeyError::Uri("has a pin-source that is not UTF-8"))?;
        let path = source.strip_prefix("file:").unwrap_or(source);
        let path = path.strip_prefix("//").unwrap_or(path);
        Password::from_file(Path::new(path)).map(Some)
    }
}

fn attributes(text: &str, separator: char) -> Result<BTreeMap<String, Vec<u8>>, KeyError> {
    let mut map = BTreeMap::new();
    for pair in text.split(separator).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(KeyError::Uri("is malformed"))?;
        if map.insert(name.to_owned(), percent_decoded(value)?).is_some() {
            return Err(KeyError::Uri("names an attribute twice"));
        }
    }
    Ok(map)
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, KeyError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if octet == b'%' {
            let digits = [octets.next(), octets.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
            let [Some(high), Some(low)] = digits else { return Err(KeyError::Uri("has a broken percent escape")) };
            decoded.push(u8::try_from(high << 4 | low).unwrap_or(0));
        } else {
            decoded.push(octet);
        }
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_taken_apart() {
        let uri =
            Uri::parse("pkcs11:token=My%20token;object=%e5%bc%a0;id=%01%ff?module-path=/usr/lib/x.so&pin-source=file:/run/pin").unwrap();
        assert_eq!(uri.path["token"], b"My token");
        assert_eq!(uri.path["object"], "张".as_bytes());
        assert_eq!(uri.path["id"], [1, 0xff]);
        assert_eq!(uri.query["module-path"], b"/usr/lib/x.so");
        for bad in ["pkcs11:token", "pkcs11:a=%4", "pkcs11:a=%zz", "pkcs11:a=1;a=2", "pkcs11:?pin-value=1234", "file:x"] {
            assert!(matches!(Uri::parse(bad), Err(KeyError::Uri(_))), "{bad}");
        }
    }

    #[test]
    fn a_missing_driver_is_a_device_error() {
        assert!(matches!(open("pkcs11:token=x?module-path=/nowhere/x.so", None), Err(KeyError::Device(_))));
    }
}
