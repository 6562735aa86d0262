//! Tells the stand-in province's certificates from real ones: `serve` refuses such anchors outside the demo.

/// Stands in the organisation name of every certificate authority of the lab.
pub const LAB_MARKER: &str = "xinyin lab (not for real use)";

/// Whether the certificate bears the lab's mark anywhere in its octets. A lab's keys lie readable on the disk of whoever
/// started it, so nothing it certifies means anything.
pub fn is_lab_anchor(certificate_der: &[u8]) -> bool {
    certificate_der.windows(LAB_MARKER.len()).any(|window| window == LAB_MARKER.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_anywhere() {
        assert!(is_lab_anchor(format!("\u{0}O={LAB_MARKER}, CN=x").as_bytes()));
        assert!(!is_lab_anchor(b"O=FJCA"));
        assert!(!is_lab_anchor(b""));
    }
}
