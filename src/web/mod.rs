//! Router, OpenID, API, pages.
