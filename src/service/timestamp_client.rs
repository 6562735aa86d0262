//! Asking a time-stamp authority over HTTP (RFC 3161 section 3.4).

use crate::fault::{Fault, code};
use crate::net::{Budget, Net};
use crate::sign::TimestampRequest;
use std::time::Duration;
use url::Url;

/// What one answer may cost: a token with its certificates is a few thousand octets.
const BUDGET: Budget = Budget { time: Duration::from_secs(15), bytes: 256 << 10 };

/// A time-stamp authority that may be called.
#[derive(Clone)]
pub struct Authority {
    /// The way out.
    pub net: Net,
    /// Where it answers.
    pub url: Url,
}

impl Authority {
    /// The token for a request, checked: over the right octets, for this request, its signature intact. Whether the authority
    /// is trusted is the judge's business.
    ///
    /// # Errors
    /// `SIGN_TIMESTAMP` if the authority gives no usable answer.
    pub async fn stamp(&self, request: &TimestampRequest) -> Result<Vec<u8>, Fault> {
        let asked = self.net.post(&self.url, "application/timestamp-query", "application/timestamp-reply", request.der.clone(), BUDGET);
        let answer = asked.await.map_err(|error| Fault::new(code::SIGN_TIMESTAMP).detail(error.to_string()))?;
        Ok(request.accept(&answer.body)?)
    }
}
