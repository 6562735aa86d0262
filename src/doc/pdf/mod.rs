//! Reading signed PDFs (ISO 32000-2, ETSI EN 319 142): revisions, signature fields, coverage, what follows a signature.

pub mod changes;
pub mod content;
pub mod document;
pub mod extract;
pub mod fields;
pub mod filter;
pub mod input;
pub mod lexer;
pub mod licence;
pub mod mdp;
pub mod object;
pub mod pages;
mod read;
pub mod seed;
pub mod signature;
pub mod store;
pub mod text;
mod views;
pub mod xref;

pub use read::read;
