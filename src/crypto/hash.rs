//! Digests.

use super::{Oid, oid};
use digest::Digest;
use std::fmt;

/// A digest algorithm; those that ended, and the shorter ones of a family, come first: of two the lesser is the weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    /// With 512 bits of output (RFC 8419 §2.3).
    Shake256,
    Sm3,
}

impl Hash {
    /// Every digest known here.
    pub const ALL: [Self; 12] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
        Self::Shake256,
        Self::Sm3,
    ];

    /// The digest that an object identifier names; the aliases in use for SM3 included.
    pub fn from_oid(oid: &Oid) -> Option<Self> {
        if [oid::SM3_UNKEYED, oid::SM3_KEYED].contains(oid) {
            return Some(Self::Sm3);
        }
        if *oid == oid::SHAKE256_LEN {
            return Some(Self::Shake256);
        }
        Self::ALL.into_iter().find(|hash| hash.oid() == *oid)
    }

    /// The object identifier.
    pub const fn oid(self) -> Oid {
        match self {
            Self::Md5 => oid::MD5,
            Self::Sha1 => oid::SHA1,
            Self::Sha224 => oid::SHA224,
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
            Self::Sha3_224 => oid::SHA3_224,
            Self::Sha3_256 => oid::SHA3_256,
            Self::Sha3_384 => oid::SHA3_384,
            Self::Sha3_512 => oid::SHA3_512,
            Self::Shake256 => oid::SHAKE256,
            Self::Sm3 => oid::SM3,
        }
    }

    /// `sha256`, `sm3`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Sha3_224 => "sha3-224",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_384 => "sha3-384",
            Self::Sha3_512 => "sha3-512",
            Self::Shake256 => "shake256",
            Self::Sm3 => "sm3",
        }
    }

    /// Length of the digest in octets.
    #[expect(clippy::len_without_is_empty, reason = "a digest is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha3_256 | Self::Sm3 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 | Self::Shake256 => 64,
        }
    }

    /// The digest of `message`.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            // Those that are asked for most, without a state on the heap.
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sm3 => sm3::Sm3::digest(message).to_vec(),
            _ => {
                let mut hasher = self.hasher();
                hasher.update(message);
                hasher.finish()
            }
        }
    }

    /// A hasher that takes the message in pieces.
    pub fn hasher(self) -> Hasher {
        let fixed: Box<dyn Running> = match self {
            Self::Md5 => Box::new(md5::Md5::new()),
            Self::Sha1 => Box::new(sha1::Sha1::new()),
            Self::Sha224 => Box::new(sha2::Sha224::new()),
            Self::Sha256 => Box::new(sha2::Sha256::new()),
            Self::Sha384 => Box::new(sha2::Sha384::new()),
            Self::Sha512 => Box::new(sha2::Sha512::new()),
            Self::Sha3_224 => Box::new(sha3::Sha3_224::new()),
            Self::Sha3_256 => Box::new(sha3::Sha3_256::new()),
            Self::Sha3_384 => Box::new(sha3::Sha3_384::new()),
            Self::Sha3_512 => Box::new(sha3::Sha3_512::new()),
            Self::Shake256 => return Hasher { hash: self, state: State::Shake(Box::default()) },
            Self::Sm3 => Box::new(sm3::Sm3::new()),
        };
        Hasher { hash: self, state: State::Fixed(fixed) }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest in the making. A clone goes on from what was taken so far.
#[derive(Clone)]
pub struct Hasher {
    hash: Hash,
    state: State,
}

#[derive(Clone)]
enum State {
    Fixed(Box<dyn Running>),
    Shake(Box<sha3::Shake256>),
}

/// A digest of any algorithm, that may be copied midway and sent to another thread.
trait Running: Send + Sync {
    fn update(&mut self, octets: &[u8]);
    fn finish(self: Box<Self>) -> Vec<u8>;
    fn fork(&self) -> Box<dyn Running>;
}

impl<D: Digest + Clone + Send + Sync + 'static> Running for D {
    fn update(&mut self, octets: &[u8]) {
        Digest::update(self, octets);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.finalize().to_vec()
    }

    fn fork(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Running> {
    fn clone(&self) -> Self {
        self.as_ref().fork()
    }
}

impl Hasher {
    /// Which digest this is.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Takes the next octets of the message.
    pub fn update(&mut self, octets: &[u8]) {
        match &mut self.state {
            State::Fixed(state) => state.update(octets),
            State::Shake(state) => digest::Update::update(state.as_mut(), octets),
        }
    }

    /// The digest of everything taken.
    pub fn finish(self) -> Vec<u8> {
        match self.state {
            State::Fixed(state) => state.finish(),
            State::Shake(state) => {
                let mut output = vec![0; self.hash.len()];
                digest::ExtendableOutput::finalize_xof_into(*state, &mut output);
                output
            }
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digests_of_abc() {
        // FIPS 180-4, FIPS 202, RFC 1321, GB/T 32905.
        for (hash, hex) in [
            (Hash::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Hash::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (Hash::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
            (Hash::Sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ] {
            assert_eq!(hex::encode(hash.digest(b"abc")), hex, "{hash}");
        }
        for hash in Hash::ALL {
            assert_eq!(hash.digest(b"").len(), hash.len(), "{hash}");
            let mut pieces = hash.hasher();
            pieces.update(b"a");
            pieces.update(b"bc");
            assert_eq!(pieces.finish(), hash.digest(b"abc"), "{hash}");
            assert_eq!(Hash::from_oid(&hash.oid()), Some(hash));
        }
    }
}
