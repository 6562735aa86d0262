//! Reports: one verdict as a page, as a printable PDF/A, as an ETSI TS 119 102-2 report.
//!
//! All of them are views of the verdict's JSON and of nothing else, so that a verdict that was kept years ago reports the same.
//! Equal octets (and the same font, for the PDF) give equal reports.
//!
//! ```text
//! let report = Report::from_json(&octets)?;
//! report::html(&report, &Frame::default())?;
//! report::pdf(&report, &Frame::default(), &fonts)?;
//! report::etsi_xml(&report)?;
//! ```

mod etsi;
mod flow;
mod font;
mod model;
mod page;
mod pdf;
mod qr;
pub mod text;
pub mod view;

pub use etsi::etsi_xml;
pub use font::Fonts;
pub use model::Report;
pub use page::html;
pub use pdf::pdf;

/// What stands around the verdict on a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Receipt id, if the verdict is kept.
    pub receipt: Option<String>,
    /// Where it can be looked up; as a QR code on paper.
    pub address: Option<String>,
    /// Whether the caller named the trust anchors.
    pub bare_trust: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Not a verdict's JSON.
    #[error("not a verdict: {0}")]
    Verdict(#[from] serde_json::Error),
    /// The page or the XML could not be written.
    #[error("the report could not be written: {0}")]
    Render(#[from] askama::Error),
    /// No font that has Chinese.
    #[error("no font with Chinese characters could be used")]
    Font,
    /// What the PDF/A validator refused.
    #[error("the PDF/A validator refused the report: {0}")]
    Pdf(String),
}
