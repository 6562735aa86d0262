//! The report as one self-contained page: no script, nothing fetched, to be read and printed anywhere.

use super::view::{Tongue, View};
use super::{Frame, Report, ReportError, qr, text as words};
use askama::Template;

/// The sheet of all pages.
const SHEET: &str = include_str!("../../static/xinyin.css");

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    v: View,
    css: &'static str,
    qr: Option<String>,
    address: String,
    unfolded: bool,
}

/// The page, Chinese first, English second.
///
/// # Errors
/// None that a verdict could cause.
pub fn html(report: &Report, frame: &Frame) -> Result<String, ReportError> {
    let address = frame.address.clone().unwrap_or_default();
    let page = Page {
        v: View::new(report, frame, Tongue::Both),
        css: SHEET,
        qr: frame.address.as_deref().and_then(qr::svg),
        address,
        unfolded: true,
    };
    Ok(page.render()?)
}
