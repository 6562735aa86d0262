use super::*;
use crate::files::fonts::{Style, chinese};

/// A font of this machine; the tests say so where there is none.
fn font(test: &str) -> Option<Vec<u8>> {
    let octets = chinese(None, Style::Serif).unwrap();
    if octets.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no Chinese font is installed (fonts-noto-cjk)");
        eprintln!("SKIPPED {test}: no Chinese font is installed (fonts-noto-cjk)");
    }
    octets
}

fn inside(drawing: &Drawing) -> bool {
    let points = drawing.shapes.iter().flat_map(|shape| &shape.steps).flat_map(|step| match *step {
        Step::Move(end) | Step::Line(end) => vec![end],
        Step::Quad(control, end) => vec![control, end],
        Step::Cubic(first, second, end) => vec![first, second, end],
        Step::Close => vec![],
    });
    let room = |place: f64, size: u32| place >= -0.01 && place <= f64::from(size) + 0.01;
    points.into_iter().all(|point| room(point.x, drawing.width) && room(point.y, drawing.height))
}

#[test]
fn round_seals_of_short_and_long_names() {
    let Some(octets) = font("round_seals_of_short_and_long_names") else { return };
    let font = Font::read(&octets).unwrap();
    let long = "福建省信印实验区测试综合行政审批与政务服务数据管理委员会办公室";
    for (owner, purpose, code) in [
        ("测试区行政审批局", Some("行政审批专用章"), Some("11350899MB00000021")),
        ("测试局", None, None),
        (long, Some("不动产登记电子证照专用章"), Some("11350899MB00000021")),
    ] {
        let drawing = Round { owner, purpose, code, diameter: 42 }.draw(&font).unwrap();
        let letters = owner.chars().count() + purpose.map_or(0, |text| text.chars().count()) + code.map_or(0, str::len);
        assert_eq!(drawing.shapes.len(), letters + 2, "{owner}");
        assert!(inside(&drawing), "{owner}");
        let picture = png(&drawing).unwrap();
        assert!(picture.starts_with(b"\x89PNG"));
        // The middle is the star's red, the corner is nothing.
        let pixels = tiny_skia::Pixmap::decode_png(&picture).unwrap();
        let middle = pixels.pixel(21 * DENSITY, 21 * DENSITY).unwrap();
        assert_eq!((middle.red(), middle.green(), middle.alpha()), (0xdc, 0, 0xff));
        assert_eq!(pixels.pixel(1, 1).unwrap().alpha(), 0);
        let svg = drawing.svg();
        assert_eq!(svg.matches("<path").count(), drawing.shapes.len());
        if let Some(folder) = std::env::var_os("XINYIN_SHOW") {
            crate::files::write_atomic(
                &std::path::PathBuf::from(folder).join(format!("{owner}.png")),
                &picture,
                crate::files::Access::Public,
            )
            .unwrap();
        }
    }
}

#[test]
fn square_seals_of_persons() {
    let Some(octets) = font("square_seals_of_persons") else { return };
    let font = Font::read(&octets).unwrap();
    for (owner, letters) in [("张伟", 4), ("王小明", 4), ("欧阳娜娜", 4), ("买买提·阿不都", 7)] {
        let drawing = Square { owner, side: 20 }.draw(&font).unwrap();
        assert_eq!(drawing.shapes.len(), letters + 1, "{owner}");
        assert!(inside(&drawing), "{owner}");
        if let Some(folder) = std::env::var_os("XINYIN_SHOW") {
            crate::files::write_atomic(
                &std::path::PathBuf::from(folder).join(format!("{owner}.png")),
                &png(&drawing).unwrap(),
                crate::files::Access::Public,
            )
            .unwrap();
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    assert_eq!(Font::read(b"no font").err(), Some(FontError::Unreadable));
    let Some(octets) = font("what_cannot_be_drawn_is_refused") else { return };
    let font = Font::read(&octets).unwrap();
    // A character that no font has (private use), an empty name, a name longer than any seal.
    assert_eq!(font.glyph('\u{f0000}').err(), Some(FontError::Missing('\u{f0000}')));
    let round = |owner: &str| Round { owner, purpose: None, code: None, diameter: 42 }.draw(&font).err();
    assert_eq!(round("  "), Some(FaceError::Text("name of the owner")));
    assert_eq!(round(&"长".repeat(61)), Some(FaceError::Text("name of the owner")));
    assert_eq!(round("测\u{f0000}局"), Some(FaceError::Font(FontError::Missing('\u{f0000}'))));
    assert_eq!(Square { owner: "张伟", side: 9 }.draw(&font).err(), Some(FaceError::Size));
}

#[test]
fn oval_seals_of_invoices() {
    let Some(octets) = font("oval_seals_of_invoices") else { return };
    let font = Font::read(&octets).unwrap();
    let long = "福建省信印实验区测试综合样例科技发展股份有限公司第一分公司";
    for owner in ["样例公司", "信印样例科技有限公司", long] {
        let drawing = Oval { owner, code: "91350899MAXY00016T", purpose: "发票专用章" }.draw(&font).unwrap();
        assert_eq!((drawing.width, drawing.height), (40, 30));
        assert_eq!(drawing.shapes.len(), 1 + owner.chars().count() + 18 + 5);
        assert!(inside(&drawing), "{owner}");
        let picture = png(&drawing).unwrap();
        let pixels = tiny_skia::Pixmap::decode_png(&picture).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (40 * DENSITY, 30 * DENSITY));
        // The ring at the left, nothing in the corner.
        assert_eq!(pixels.pixel(DENSITY / 2, 15 * DENSITY).unwrap().red(), 0xdc);
        assert_eq!(pixels.pixel(1, 1).unwrap().alpha(), 0);
        if let Some(folder) = std::env::var_os("XINYIN_SHOW") {
            let path = std::path::PathBuf::from(folder).join(format!("oval-{owner}.png"));
            crate::files::write_atomic(&path, &picture, crate::files::Access::Public).unwrap();
        }
    }
}

/// A name in another script has the font's glyphs or is refused: nothing is left out or drawn as a box.
#[test]
fn what_no_font_has_is_refused_on_every_face() {
    let Some(octets) = font("what_no_font_has_is_refused_on_every_face") else { return };
    let font = Font::read(&octets).unwrap();
    let unknown = "测试\u{10fffd}局";
    assert!(Round { owner: unknown, purpose: None, code: None, diameter: 42 }.draw(&font).is_err());
    assert!(Round { owner: "测试局", purpose: Some(unknown), code: None, diameter: 42 }.draw(&font).is_err());
    assert!(Square { owner: unknown, side: 20 }.draw(&font).is_err());
    assert!(Oval { owner: unknown, code: "91350899MAXY00016T", purpose: "发票专用章" }.draw(&font).is_err());
    // Tibetan, Uyghur and Mongolian letters join: one by one they would be wrong. Yi syllables stand alone.
    for name in ["བོད་ལྗོངས", "شىنجاڭ", "ᠮᠣᠩᠭᠣᠯ", "e\u{301}"] {
        let drawn = Round { owner: name, purpose: None, code: None, diameter: 42 }.draw(&font);
        assert!(matches!(drawn, Err(FaceError::Script(_))), "{name}");
    }
    let yi = "ꆈꌠꉙ";
    let all = yi.chars().all(|letter| font.glyph(letter).is_ok());
    assert_eq!(Round { owner: yi, purpose: None, code: None, diameter: 42 }.draw(&font).is_ok(), all);
}
