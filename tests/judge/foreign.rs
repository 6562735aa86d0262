//! Foreign judges: what xinyin makes, others accept; what is altered, they refuse.

use crate::peers;
use std::process::Command;

/// The judges themselves are alive: without this a broken peer would look like a strict one.
#[test]
fn the_peers_run() {
    if let Some(openssl) = peers::program("the_peers_run", "openssl") {
        let output = peers::run(Command::new(openssl).arg("version"), 10);
        assert!(peers::said(&output).starts_with("OpenSSL 3."), "{}", peers::said(&output));
    }
    if let Some(pdfsig) = peers::program("the_peers_run", "pdfsig") {
        let output = peers::run(Command::new(pdfsig).arg("-v"), 10);
        assert!(peers::said(&output).contains("pdfsig version"), "{}", peers::said(&output));
    }
    if let Some(python) = peers::python("the_peers_run") {
        let output = peers::run(Command::new(python).args(["-c", "import pyhanko, gmssl_pyx; print('both')"]), 60);
        assert!(peers::said(&output).contains("both"), "{}", peers::said(&output));
    }
}
