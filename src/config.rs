//! Configuration.

use crate::ids::AgencyId;

/// The checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer: scheme, host and port as browsers see the service, without a trailing slash.
    pub issuer: String,
    /// The agency that runs the service.
    pub agency: AgencyId,
    /// Whether this is the demo, on loopback.
    pub demo: bool,
}
