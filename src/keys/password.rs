//! Passwords and PINs: from a file or the environment, wiped when dropped, never shown.

use super::KeyError;
use std::{fmt, path::Path};
use zeroize::Zeroizing;

/// Where a password is looked for when no file is named.
pub const ENVIRONMENT: &str = "XINYIN_PASSWORD";

/// A password or PIN, UTF-8.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The first line of a file.
    ///
    /// # Errors
    /// [`KeyError::File`] if it cannot be read or is not UTF-8.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let bytes = crate::files::read(path).map_err(|error| KeyError::File(format!("{}: {error}", path.display())))?;
        let text = Zeroizing::new(String::from_utf8(bytes).map_err(|_| KeyError::File(format!("{}: not UTF-8", path.display())))?);
        Ok(Self::new(text.lines().next().unwrap_or_default()))
    }

    /// From `file` if one is named, otherwise from the environment ([`ENVIRONMENT`]); `None` where neither is given.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn find(file: Option<&Path>) -> Result<Option<Self>, KeyError> {
        match file {
            Some(file) => Self::from_file(file).map(Some),
            None => Ok(std::env::var(ENVIRONMENT).ok().map(Self::new)),
        }
    }

    /// The text. For a key derivation or a device only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of it.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
