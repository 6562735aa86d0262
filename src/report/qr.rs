//! QR codes of addresses (ISO/IEC 18004).

use fast_qr::qr::QRBuilder;

/// The dark modules by column and row, and how many there are in a row; none if the text is too long for a code.
pub fn modules(text: &str) -> Option<(usize, Vec<(usize, usize)>)> {
    let code = QRBuilder::new(text).ecl(fast_qr::ECL::M).build().ok()?;
    let mut dark = Vec::new();
    for row in 0..code.size {
        let line = code.data.get(row * code.size..(row + 1) * code.size)?;
        dark.extend(line.iter().enumerate().filter(|(_, module)| module.value()).map(|(column, _)| (column, row)));
    }
    Some((code.size, dark))
}

/// The code as SVG, with its quiet zone.
pub fn svg(text: &str) -> Option<String> {
    let (size, dark) = modules(text)?;
    let whole = size + 8;
    let mut path = String::new();
    for (column, row) in dark {
        path.push_str(&format!("M{} {}h1v1h-1z", column + 4, row + 4));
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" width=\"160\" height=\"160\" role=\"img\" \
         aria-label=\"QR\" shape-rendering=\"crispEdges\"><rect width=\"{whole}\" height=\"{whole}\" fill=\"#fff\"/><path d=\"{path}\"/></svg>"
    ))
}
