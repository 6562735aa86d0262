//! Login: states, levels, OpenID messages, claims, tokens.
//!
//! A login is a chain of states that consume themselves: Asked → Proved → Granted → Spent ([`states`]). How sure we are of a
//! Party is computed from its [`Proof`]s ([`level`], [`session`]), never stored as a wish. Nothing here reads a clock, draws
//! randomness or touches a database: `service::log_in` brings those, and the store keeps what the transitions return.

pub mod cas;
pub mod challenge;
pub mod claims;
pub mod client;
pub mod event;
pub mod jose;
pub mod level;
pub mod mandate;
pub mod policy;
pub mod proof;
pub mod request;
pub mod session;
pub mod states;

pub use client::{Client, ClientAuthentication, IdTokenAlgorithm, Registration, Release, SubjectKind, SubjectType};
pub use event::AuditEvent;
pub use level::Level;
pub use policy::{GrantType, Policy};
pub use proof::{Method, Proof};
pub use session::{Acting, Session, SessionEvents};
