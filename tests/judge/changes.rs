//! What follows a signature in a PDF: what honest programs do is permitted and named, what attackers do never passes.

use crate::authority::Authority;
use crate::signing::{facts, plain_request, signed, sound};
use std::sync::OnceLock;
use xinyin::crypto::KeyKind;
use xinyin::doc::facts::{Changes, Facts, ProblemKind};
use xinyin::sign::{Format, Lock, Mark, Request};

pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new(KeyKind::P256))
}

/// Objects with their numbers, a table, a trailer.
fn document(objects: &[(u32, String)]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    section(&mut out, objects, None);
    out
}

/// Goes on with a further section.
pub fn append(document: &[u8], objects: &[(u32, String)]) -> Vec<u8> {
    let mut out = document.to_vec();
    let at = out.windows(9).rposition(|window| window == b"startxref").unwrap();
    let digits = out[at + 9..].iter().skip_while(|octet| octet.is_ascii_whitespace()).take_while(|octet| octet.is_ascii_digit());
    let previous: String = digits.map(|octet| char::from(*octet)).collect();
    section(&mut out, objects, Some(&previous));
    out
}

fn section(out: &mut Vec<u8>, objects: &[(u32, String)], previous: Option<&str>) {
    let mut table = String::new();
    for (number, object) in objects {
        if object.is_empty() {
            table.push_str(&format!("{number} 1\n0000000000 00001 f \n"));
            continue;
        }
        table.push_str(&format!("{number} 1\n{:010} 00000 n \n", out.len()));
        out.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let start = out.len();
    let previous = previous.map(|previous| format!("/Prev {previous}")).unwrap_or_default();
    let free = "0 1\n0000000000 65535 f \n";
    out.extend_from_slice(
        format!("xref\n{free}{table}trailer\n<</Size 400/Root 1 0 R{previous}>>\nstartxref\n{start}\n%%EOF\n").as_bytes(),
    );
}

pub fn stream(entries: &str, data: &str) -> String {
    format!("<<{entries}/Length {}>>\nstream\n{data}\nendstream", data.len())
}

/// The appearance of a text field of 200 by 20 that shows `text`.
fn showing(text: &str) -> String {
    stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</Helv 5 0 R>>>>",
        &format!("/Tx BMC q BT /Helv 12 Tf 0 g 2 5 Td ({text}) Tj ET Q EMC"),
    )
}

const PAGE: &str = "/Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>";
const LIST: &str = "7 0 R 8 0 R 9 0 R 14 0 R 15 0 R 16 0 R";
const NAME: &str = "/Type/Annot/Subtype/Widget/FT/Tx/T<FEFF59D3540D>/Rect[72 600 272 620]/P 3 0 R/F 4/DA(/Helv 12 Tf 0 g)";
const BOX: &str = "/Type/Annot/Subtype/Widget/FT/Btn/T(agree)/Rect[72 560 92 580]/P 3 0 R/F 4/AP<</N<</Yes 10 0 R/Off 11 0 R>>>>";
const AMOUNT: &str = "/Type/Annot/Subtype/Widget/FT/Tx/T(amount)/Rect[72 520 272 540]/P 3 0 R/F 4/DA(/Helv 12 Tf 0 g)";
const RADIO: &str = "/FT/Btn/Ff 49152/T(kind)/Kids[14 0 R 15 0 R]";
const COMBO: &str = "/Type/Annot/Subtype/Widget/FT/Ch/Ff 131072/T(city)/Rect[72 400 272 420]/P 3 0 R/F 4/DA(/Helv 12 Tf 0 g)\
/Opt[[(fz)(Fuzhou)][(xm)(Xiamen)]]";

fn radio(at: u32, state: &str, on: &str) -> String {
    format!(
        "<</Type/Annot/Subtype/Widget/Parent 12 0 R/Rect[{at} 480 {} 500]/P 3 0 R/F 4/AS/{state}/AP<</N<</{on} 10 0 R/Off 11 0 R>>>>>>",
        at + 20
    )
}

/// A page with a form: a name, a box, an amount already filled in, two radio buttons, a list; and a group.
pub fn form_sample() -> Vec<u8> {
    let text = "BT /F1 24 Tf 72 720 Td (Contract: 100 yuan) Tj ET";
    document(&[
        (1, "<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R>>".into()),
        (2, "<</Type/Pages/Kids[3 0 R]/Count 1>>".into()),
        (3, format!("<<{PAGE}/Annots[{LIST}]>>")),
        (4, stream("", text)),
        (5, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".into()),
        (6, "<</Fields[7 0 R 8 0 R 9 0 R 12 0 R 16 0 R 18 0 R]/DA(/Helv 0 Tf 0 g)/DR<</Font<</Helv 5 0 R>>>>>>".to_owned()),
        (7, format!("<<{NAME}>>")),
        (8, format!("<<{BOX}/AS/Off>>")),
        (9, format!("<<{AMOUNT}/V(100)/AP<</N 13 0 R>>>>")),
        (10, stream("/Type/XObject/Subtype/Form/BBox[0 0 20 20]", "0 0 m 20 20 l S")),
        (11, stream("/Type/XObject/Subtype/Form/BBox[0 0 20 20]", "")),
        (12, format!("<<{RADIO}/V/Off>>")),
        (13, showing("100")),
        (14, radio(72, "Off", "A")),
        (15, radio(102, "Off", "B")),
        (16, format!("<<{COMBO}>>")),
        (17, "<</FT/Tx/T(inner)/Parent 18 0 R>>".into()),
        (18, "<</T(group)/Kids[17 0 R]>>".into()),
    ])
}

/// The sample, signed as `wanted` says.
fn signed_form(change: impl FnOnce(&mut Request)) -> Vec<u8> {
    let authority = authority();
    let mut wanted = plain_request(authority, Format::Pades);
    change(&mut wanted);
    signed(authority, &authority.signer, &form_sample(), &wanted).unwrap()
}

fn plain() -> &'static [u8] {
    static SIGNED: OnceLock<Vec<u8>> = OnceLock::new();
    SIGNED.get_or_init(|| signed_form(|_| ()))
}

fn certified(level: u8) -> Vec<u8> {
    signed_form(|wanted| wanted.certify = Some(level))
}

/// The page's list of annotations as it stands after signing: the signature's widget comes last.
fn annotations(document: &[u8]) -> String {
    let text = String::from_utf8_lossy(document);
    let at = text.rfind("/Annots").unwrap();
    let list = &text[at..];
    list[list.find('[').unwrap() + 1..list.find(']').unwrap()].to_owned()
}

fn page_with(document: &[u8], more: &str) -> String {
    format!("<<{PAGE}/Annots[{} {more}]>>", annotations(document))
}

fn fields(document: &[u8]) -> String {
    let text = String::from_utf8_lossy(document);
    let list = &text[text.rfind("/Fields").unwrap()..];
    list[list.find('[').unwrap() + 1..list.find(']').unwrap()].to_owned()
}

fn form_with(document: &[u8], more: &str, settings: &str) -> String {
    let flags = "/SigFlags 3";
    format!("<</Fields[{} {more}]/DA(/Helv 0 Tf 0 g)/DR<</Font<</Helv 5 0 R>>>>{flags}{settings}>>", fields(document))
}

fn said(facts: &Facts) -> String {
    match &facts.signatures[0].changes {
        Changes::None => "none".into(),
        Changes::Permitted(list) => format!("permitted: {list:?}"),
        Changes::Suspicious(list) => format!("suspicious: {list:?}"),
        Changes::Unjudged(list) => format!("unjudged: {list:?}"),
    }
}

fn filled_name(value: &str) -> Vec<(u32, String)> {
    vec![(7, format!("<<{NAME}/V({value})/AP<</N 100 0 R>>>>")), (100, showing(value))]
}

#[test]
fn honest_changes_are_permitted_and_named() {
    let signed = plain();
    assert!(sound(&facts(signed, None)), "{:#?}", facts(signed, None));
    type Case = (&'static str, Vec<(u32, String)>, &'static str);
    let cases: Vec<Case> = vec![
        ("a field without appearance", vec![(7, format!("<<{NAME}/V(Zhang Wei)>>"))], "form field 姓名: （空） → Zhang Wei"),
        ("a field with appearance", filled_name("Zhang Wei"), "form field 姓名: （空） → Zhang Wei"),
        (
            "a value exchanged",
            vec![(9, format!("<<{AMOUNT}/V(90)/AP<</N 100 0 R>>>>")), (100, showing("90"))],
            "form field amount: 100 → 90",
        ),
        (
            "an appearance overwritten in place",
            vec![(9, format!("<<{AMOUNT}/V(90)/AP<</N 13 0 R>>>>")), (13, showing("90"))],
            "form field amount: 100 → 90",
        ),
        ("a field made read-only", vec![(7, format!("<<{NAME}/Ff 1/V(x)>>"))], "form field 姓名: （空） → x"),
        ("a check box", vec![(8, format!("<<{BOX}/AS/Yes/V/Yes>>"))], "form field agree: （空） → Yes"),
        ("radio buttons", vec![(12, format!("<<{RADIO}/V/B>>")), (15, radio(102, "B", "B"))], "form field kind: Off → B"),
        (
            "a choice shown by its other name",
            vec![(16, format!("<<{COMBO}/V(xm)/AP<</N 100 0 R>>>>")), (100, showing("Xiamen"))],
            "form field city: （空） → xm",
        ),
        ("readers asked to draw", vec![(7, format!("<<{NAME}/V(x)>>")), (6, form_with(signed, "", "/NeedAppearances true"))], "姓名"),
        ("the information", vec![], ""),
        ("an unused object", vec![(120, "(nothing)".into())], "to which nothing refers"),
        ("an object written again", vec![(4, stream("", "BT /F1 24 Tf 72 720 Td (Contract: 100 yuan) Tj ET"))], ""),
        (
            "a page whose resources moved to an object of their own",
            vec![
                (3, page_with(signed, "").replace("/Resources<</Font<</F1 5 0 R>>>>", "/Resources 121 0 R")),
                (121, "<</Font 122 0 R>>".into()),
                (122, "<</F1 5 0 R>>".into()),
            ],
            "",
        ),
        (
            "an empty signature field",
            vec![
                (6, form_with(signed, "123 0 R", "")),
                (3, page_with(signed, "123 0 R")),
                (123, "<</Type/Annot/Subtype/Widget/FT/Sig/T(Later)/Rect[300 100 400 140]/P 3 0 R/F 132>>".into()),
            ],
            "the empty signature field Later",
        ),
    ];
    for (what, objects, named) in cases {
        let changed = append(signed, &objects);
        let facts = facts(&changed, None);
        let said = said(&facts);
        assert!(said.starts_with("permitted"), "{what}: {said}");
        assert!(said.contains(named), "{what} is not named: {said}");
        assert!(sound(&facts), "{what}: {facts:#?}");
    }
}

#[test]
fn what_attackers_do_never_passes() {
    let signed = plain();
    let overlay = |subtype: &str, more: &str| {
        vec![
            (3, page_with(signed, "130 0 R")),
            (130, format!("<</Type/Annot/Subtype/{subtype}/Rect[72 700 300 760]/P 3 0 R/F 4/Contents(100)/AP<</N 131 0 R>>{more}>>")),
            (131, stream("/Type/XObject/Subtype/Form/BBox[0 0 228 60]", "1 g 0 0 228 60 re f")),
        ]
    };
    let picture = stream("/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</XObject<</I 140 0 R>>>>", "q /I Do Q");
    let mark = "/Type/Annot/Subtype/Widget/FT/Sig/T(Later)/Rect[72 700 300 760]/P 3 0 R/F 4";
    let new_field = |field: String| vec![(6, form_with(signed, "123 0 R", "")), (3, page_with(signed, "123 0 R")), (123, field)];
    let with = |mut list: Vec<(u32, String)>, more: (u32, String)| {
        list.push(more);
        list
    };
    let cases: Vec<(&str, Vec<(u32, String)>)> = vec![
        ("other text than the value", vec![(7, format!("<<{NAME}/V(1)/AP<</N 100 0 R>>>>")), (100, showing("2"))]),
        ("a picture in a field", vec![(7, format!("<<{NAME}/V(1)/AP<</N 100 0 R>>>>")), (100, picture)]),
        ("the appearance of a signed value exchanged", vec![(13, showing("900"))]),
        ("a value without its appearance", vec![(9, format!("<<{AMOUNT}/V(900)/AP<</N 13 0 R>>>>"))]),
        ("a field moved", vec![(7, format!("<<{}/V(x)>>", NAME.replace("[72 600 272 620]", "[72 700 272 760]")))]),
        ("a field hidden", vec![(9, format!("<<{}/V(100)/AP<</N 13 0 R>>>>", AMOUNT.replace("/F 4", "/F 2")))]),
        ("a field renamed", vec![(9, format!("<<{}/V(100)/AP<</N 13 0 R>>>>", AMOUNT.replace("amount", "other")))]),
        ("a field with a script", vec![(7, format!("<<{NAME}/V(x)/AA<</F<</S/JavaScript/JS(app.alert\\(1\\))>>>>>>"))]),
        ("a box that shows another state", vec![(8, format!("<<{BOX}/AS/Off/V/Yes>>"))]),
        (
            "a box with another picture",
            vec![
                (8, format!("<<{}/AS/Yes/V/Yes>>", BOX.replace("/Yes 10 0 R", "/Yes 100 0 R"))),
                (100, stream("/Type/XObject/Subtype/Form/BBox[0 0 20 20]", "1 g 0 0 20 20 re f")),
            ],
        ),
        ("two radio buttons at once", vec![(12, format!("<<{RADIO}/V/B>>")), (14, radio(72, "A", "A")), (15, radio(102, "B", "B"))]),
        ("options of a list exchanged", vec![(16, format!("<<{}/V(xm)>>", COMBO.replace("Xiamen", "Fuzhou")))]),
        (
            "a font that shows something else",
            vec![
                (7, format!("<<{NAME}/V(1)/AP<</N 100 0 R>>>>")),
                (100, showing("1").replace("/Helv 5 0 R", "/Helv 101 0 R")),
                (101, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[49/nine]>>>>".into()),
            ],
        ),
        (
            "an embedded font",
            vec![
                (7, format!("<<{NAME}/V(1)/AP<</N 100 0 R>>>>")),
                (100, showing("1").replace("/Helv 5 0 R", "/Helv 101 0 R")),
                (101, "<</Type/Font/Subtype/TrueType/BaseFont/A/Encoding/WinAnsiEncoding/FontDescriptor<</FontFile2 102 0 R>>>>".into()),
                (102, stream("", "x")),
            ],
        ),
        (
            "a text that is not painted",
            vec![
                (7, format!("<<{NAME}/V(1)/AP<</N 100 0 R>>>>")),
                (100, showing("1").replace("0 g 2 5", "3 Tr 2 5").replace("/Length 51", "/Length 52")),
            ],
        ),
        (
            "text outside its box",
            vec![(7, format!("<<{NAME}/V(1)/AP<</N 100 0 R>>>>")), (100, showing("1").replace(" 2 5 Td", " 9 9e3 Td"))],
        ),
        ("the font of the form", vec![(5, "<</Type/Font/Subtype/Type1/BaseFont/Symbol>>".into())]),
        ("a script of the document", vec![(1, "<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R/OpenAction<</S/JavaScript/JS(x)>>>>".into())]),
        ("the text of the page", vec![(4, stream("", "BT /F1 24 Tf 72 720 Td (Contract: 900 yuan) Tj ET"))]),
        ("other content of the page", vec![(3, page_with(signed, "").replace("4 0 R", "124 0 R")), (124, stream("", "BT ET"))]),
        (
            "further content of the page",
            vec![(3, page_with(signed, "").replace("/Contents 4 0 R", "/Contents[4 0 R 124 0 R]")), (124, stream("", "BT ET"))],
        ),
        ("the size of the page", vec![(3, page_with(signed, "").replace("595 842", "595 700"))]),
        ("another page", vec![(2, "<</Type/Pages/Kids[3 0 R 125 0 R]/Count 2>>".into()), (125, format!("<<{PAGE}>>"))]),
        ("a page deleted", vec![(2, "<</Type/Pages/Kids[]/Count 0>>".into())]),
        ("an object deleted", vec![(4, String::new())]),
        ("a text field added", new_field("<</Type/Annot/Subtype/Widget/FT/Tx/T(extra)/V(x)/Rect[72 700 300 760]/P 3 0 R/F 4>>".into())),
        (
            "an empty signature field that draws",
            with(
                new_field(format!("<<{mark}/AP<</N 131 0 R>>>>")),
                (131, stream("/Type/XObject/Subtype/Form/BBox[0 0 228 60]", "1 g 0 0 228 60 re f")),
            ),
        ),
        ("a second field of one name", new_field("<</Type/Annot/Subtype/Widget/FT/Sig/T(amount)/Rect[0 0 0 0]/P 3 0 R/F 132>>".into())),
        (
            "a field put into a group",
            vec![(18, "<</T(group)/Kids[17 0 R 126 0 R]>>".into()), (126, "<</FT/Sig/T(new)/Parent 18 0 R>>".into())],
        ),
        ("a field taken from the form", vec![(6, form_with(signed, "", "").replace("9 0 R ", ""))]),
        (
            "a font of the form exchanged",
            vec![(6, form_with(signed, "", "").replace("/Helv 5 0 R", "/Helv 101 0 R")), (101, "<</Type/Font/Subtype/Type3>>".into())],
        ),
        ("a comment over text", overlay("FreeText", "")),
        ("a stamp", overlay("Stamp", "")),
        ("an annotation removed", vec![(3, page_with(signed, "").replace("9 0 R ", ""))]),
        ("a link", overlay("Link", "/A<</S/URI/URI(http://example.cn)>>")),
        (
            "a new stream also used by a page",
            vec![
                (7, format!("<<{NAME}/V(x)/AP<</N 100 0 R>>>>")),
                (100, showing("x")),
                (3, page_with(signed, "").replace("/Contents 4 0 R", "/Contents 100 0 R")),
            ],
        ),
    ];
    for (what, objects) in cases {
        let changed = append(signed, &objects);
        let facts = facts(&changed, None);
        let said = said(&facts);
        assert!(said.starts_with("suspicious") || said.starts_with("unjudged"), "{what}: {said}");
        assert!(!sound(&facts), "{what}");
    }
}

#[test]
fn changes_of_pages_are_named_by_page() {
    let signed = plain();
    let text = append(signed, &[(4, stream("", "BT /F1 24 Tf 72 720 Td (Contract: 900 yuan) Tj ET"))]);
    let said_text = said(&facts(&text, None));
    assert!(said_text.contains("第 1 页：文字与图形") && said_text.contains("page 1: text and drawing"), "{said_text}");
    let font = append(signed, &[(5, "<</Type/Font/Subtype/Type1/BaseFont/Symbol>>".into())]);
    assert!(said(&facts(&font, None)).contains("page 1: a font"), "{}", said(&facts(&font, None)));
}

#[test]
fn numbers_of_people_are_masked_where_values_are_named() {
    let said = said(&facts(&append(plain(), &filled_name("350899198503120111")), None));
    assert!(said.starts_with("permitted") && !said.contains("19850312"), "{said}");
}

#[test]
fn a_certification_and_a_lock_are_obeyed() {
    let name = filled_name("Zhang Wei");
    for (level, permitted) in [(1, false), (2, true), (3, true)] {
        let certified = certified(level);
        assert!(sound(&facts(&certified, None)), "{:#?}", facts(&certified, None));
        let said = said(&facts(&append(&certified, &name), None));
        assert_eq!(said.starts_with("permitted"), permitted, "{level}: {said}");
        assert_eq!(said.starts_with("suspicious"), !permitted, "{level}: {said}");
    }
    for (lock, permitted) in [
        (Lock::All, false),
        (Lock::Include(vec!["姓名".into()]), false),
        (Lock::Include(vec!["amount".into()]), true),
        (Lock::Exclude(vec!["姓名".into()]), true),
    ] {
        let signed = signed_form(|wanted| wanted.lock = Some(lock.clone()));
        let said = said(&facts(&append(&signed, &name), None));
        assert_eq!(said.starts_with("permitted"), permitted, "{lock:?}: {said}");
        assert!(permitted || said.contains("locks") && said.contains("Zhang Wei"), "{lock:?}: {said}");
    }
    // A later signature is bound by an earlier certification, too.
    let authority = authority();
    let twice = signed(authority, &authority.signer, &certified(2), &plain_request(authority, Format::Pades)).unwrap();
    let comment = append(&twice, &note(&twice, "Text", "[500 100 520 120]", ""));
    for entry in &facts(&comment, None).signatures {
        assert!(matches!(entry.changes, Changes::Suspicious(_)), "{entry:#?}");
    }
}

/// A comment on the page.
fn note(document: &[u8], subtype: &str, place: &str, more: &str) -> Vec<(u32, String)> {
    vec![
        (3, page_with(document, "130 0 R")),
        (130, format!("<</Type/Annot/Subtype/{subtype}/Rect{place}/P 3 0 R/F 4/Contents(please check){more}>>")),
    ]
}

#[test]
fn comments_are_judged_by_what_they_can_hide() {
    let certified = certified(3);
    let drawn =
        |data: &str, resources: &str| (131, stream(&format!("/Type/XObject/Subtype/Form/BBox[0 0 228 60]/Resources<<{resources}>>"), data));
    let multiply = "/ExtGState<</M<</BM/Multiply>>>>";
    let cases = [
        ("a note beside the text", "Text", "[500 100 520 120]", "", None, true),
        ("a note over the text", "Text", "[80 720 100 740]", "", None, false),
        ("a highlight", "Highlight", "[72 700 300 760]", "", None, true),
        (
            "a see-through highlight",
            "Highlight",
            "[72 700 300 760]",
            "/AP<</N 131 0 R>>",
            Some(drawn("/M gs 1 1 0 rg 0 0 228 60 re f", multiply)),
            true,
        ),
        ("an opaque highlight", "Highlight", "[72 700 300 760]", "/AP<</N 131 0 R>>", Some(drawn("1 g 0 0 228 60 re f", multiply)), false),
        (
            "one that only seems see-through",
            "Highlight",
            "[72 700 300 760]",
            "/AP<</N 131 0 R>>",
            Some(drawn("q /M gs Q 1 g 0 0 228 60 re f", multiply)),
            false,
        ),
        ("a thick line", "Underline", "[72 700 300 760]", "/AP<</N 131 0 R>>", Some(drawn("60 w 0 30 m 228 30 l S", "")), false),
        ("text in a highlight", "Highlight", "[72 700 300 760]", "/AP<</N 131 0 R>>", Some(drawn("BT /F 9 Tf (900) Tj ET", "")), false),
        ("a free text (EAA)", "FreeText", "[72 700 300 760]", "/DA(/Helv 24 Tf 0 g)", None, false),
        ("a redaction (EAA)", "Redact", "[72 700 300 760]", "", None, false),
        ("a note with an action", "Text", "[500 100 520 120]", "/A<</S/JavaScript/JS(x)>>", None, false),
    ];
    for (what, subtype, place, more, extra, permitted) in cases {
        let mut objects = note(&certified, subtype, place, more);
        objects.extend(extra);
        let facts = facts(&append(&certified, &objects), None);
        assert_eq!(sound(&facts), permitted, "{what}: {}", said(&facts));
        assert!(said(&facts).contains(subtype), "{what}: {}", said(&facts));
    }
    // Without a certification of level 3 no comment is permitted.
    let signed = plain();
    let said = said(&facts(&append(signed, &note(signed, "Text", "[500 100 520 120]", "")), None));
    assert!(said.starts_with("suspicious"), "{said}");
}

#[test]
fn marks_of_further_signatures_may_not_lie_over_text() {
    let authority = authority();
    for (place, permitted) in
        [([300.0, 100.0, 500.0, 180.0], true), ([60.0, 700.0, 300.0, 760.0], false), ([0.0, 0.0, 590.0, 600.0], false)]
    {
        let mut wanted = plain_request(authority, Format::Pades);
        wanted.mark = Some(Mark::new(1, place).unwrap());
        // Our own signer asks the judge first, and refuses what would leave the first signature in doubt.
        match signed(authority, &authority.signer, plain(), &wanted) {
            Ok(twice) => {
                let said = said(&facts(&twice, None));
                assert!(permitted && said.starts_with("permitted"), "{place:?}: {said}");
            }
            Err(refusal) => assert!(!permitted, "{place:?}: {refusal}"),
        }
    }
}

/// Pictures, filled-in values and the marks of earlier signatures are what was signed as much as text is.
#[test]
fn marks_of_further_signatures_may_not_lie_over_pictures_or_what_fields_show() {
    let authority = authority();
    let picture = stream("/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", "0");
    let page = format!("<<{}/Annots[{LIST}]>>", PAGE.replace("/Resources<<", "/Resources<</XObject<</Scan 102 0 R>>"));
    let content = "BT /F1 24 Tf 72 720 Td (Contract: 100 yuan) Tj ET q 200 0 0 80 300 300 cm /Scan Do Q q 50 0 0 50 500 20 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q";
    let base = append(&form_sample(), &[(3, page), (4, stream("", content)), (102, picture)]);
    let mut request = plain_request(authority, Format::Pades);
    request.mark = Some(Mark::new(1, [300.0, 200.0, 500.0, 260.0]).unwrap());
    let once = signed(authority, &authority.signer, &base, &request).unwrap();
    assert!(sound(&facts(&once, None)), "{}", said(&facts(&once, None)));
    for (what, place, permitted) in [
        ("beside all of them", [300.0, 100.0, 480.0, 180.0], true),
        ("over the picture", [320.0, 350.0, 420.0, 360.0], false),
        ("over the picture in the page's own content", [510.0, 40.0, 540.0, 60.0], false),
        ("over a value", [80.0, 525.0, 180.0, 535.0], false),
        ("over the earlier mark", [320.0, 210.0, 420.0, 250.0], false),
    ] {
        let mut wanted = plain_request(authority, Format::Pades);
        wanted.mark = Some(Mark::new(1, place).unwrap());
        match signed(authority, &authority.signer, &once, &wanted) {
            Ok(twice) => assert!(permitted && sound(&facts(&twice, None)), "{what}: {}", said(&facts(&twice, None))),
            Err(refusal) => assert!(!permitted, "{what}: {refusal}"),
        }
    }
}

/// A file that is a document of another kind too is not accepted as a PDF; white space before its header is told.
#[test]
fn files_of_two_kinds_are_not_judged() {
    let authority = authority();
    let base = |before: &[u8], after: &[u8]| {
        let mut out = [before, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"].concat();
        let objects: Vec<(u32, String)> = vec![
            (1, "<</Type/Catalog/Pages 2 0 R>>".into()),
            (2, "<</Type/Pages/Kids[3 0 R]/Count 1>>".into()),
            (3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>".into()),
        ];
        section(&mut out, &objects, None);
        out.extend_from_slice(after);
        out
    };
    let sign = |base: &[u8]| signed(authority, &authority.signer, base, &plain_request(authority, Format::Pades));
    let good = sign(&base(b"", b"")).unwrap();
    assert!(sound(&facts(&good, None)));
    let blank = sign(&base(b"\xef\xbb\xbf\n", b"")).unwrap();
    let found = facts(&blank, None);
    assert!(sound(&found) && found.problems.iter().any(|problem| problem.en.contains("white space")), "{:?}", found.problems);
    let refused = |what: &str, file: Result<Vec<u8>, xinyin::sign::Refusal>| {
        // Nor do we sign what we could not judge.
        let Ok(file) = file else { return };
        let found = facts(&file, None);
        let named = found.problems.iter().any(|problem| problem.kind == ProblemKind::Unsupported("POLYGLOT_UNSUPPORTED"));
        assert!(named && !sound(&found), "{what}: {:?}", found.problems);
    };
    for before in [&b"<html><script>document.write('other')</script><!--\n"[..], b"\xff\xd8\xff\xe0JFIF\n", b"#!/bin/sh\n", b"%!PS\n"] {
        refused("something else before it", sign(&base(before, b"")));
    }
    // The same where the file was signed elsewhere: what an archive ends with stands in the signed revision's last octets.
    let end = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let kinds =
        |octets: &[u8]| facts(octets, None).problems.iter().any(|problem| problem.kind == ProblemKind::Unsupported("POLYGLOT_UNSUPPORTED"));
    assert!(kinds(&[&good[..], end].concat()) && !kinds(&[&good[..], end, b"x"].concat()));
    assert!(kinds(&[&good[..], &end[..20], b"\x02\0%%"].concat()), "with a comment");
}

#[test]
fn a_document_is_certified_once_and_first() {
    let authority = authority();
    let mut wanted = plain_request(authority, Format::Pades);
    wanted.certify = Some(2);
    // Our own signer refuses; another program would not.
    assert!(signed(authority, &authority.signer, &certified(2), &wanted).is_err());
    assert!(signed(authority, &authority.signer, plain(), &wanted).is_err());
}

/// A file with `count` signatures, one after the other.
pub fn many(count: usize) -> Vec<u8> {
    let authority = authority();
    let mut document = form_sample();
    for _ in 0..count {
        document = signed(authority, &authority.signer, &document, &plain_request(authority, Format::Pades)).unwrap();
    }
    document
}

#[test]
fn work_grows_with_the_signatures_and_not_with_their_square() {
    let sixty = many(60);
    let work = |count: usize| {
        // The file as it was after `count` signatures.
        let ends: Vec<usize> = sixty.windows(5).enumerate().filter(|(_, window)| window == b"%%EOF").map(|(at, _)| at + 6).collect();
        let part = &sixty[..ends[count].min(sixty.len())];
        let facts = facts(part, None);
        assert_eq!(facts.signatures.len(), count);
        assert!(sound(&facts), "{:?}", said(&facts));
        (facts.work as f64, part.len() as f64)
    };
    let (fifteen, thirty, all) = (work(15), work(30), work(60));
    eprintln!("octets parsed and octets in the file: {fifteen:?} {thirty:?} {all:?}");
    // Octets parsed for each octet of the file stay the same, and doubling doubles.
    assert!(all.0 / all.1 <= 1.3 * fifteen.0 / fifteen.1);
    assert!(all.0 / thirty.0 <= 2.6 && thirty.0 / fifteen.0 <= 2.6);
}

/// What a program appends that fills the name in with a font of its own: the field, its appearance, the font with its descendant, its
/// letters and its program.
fn filled_with_own_font(field: u32, settings: &str, value: &str, letters: &str) -> Vec<(u32, String)> {
    let map = format!(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Adobe-Identity-UCS def\n\
         1 begincodespacerange <0000> <FFFF> endcodespacerange\n1 beginbfchar <0001> <{letters}> endbfchar\n\
         1 beginbfrange <0010> <0019> <0030> endbfrange\nendcmap end end"
    );
    let resources = "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</Song 101 0 R>>>>";
    vec![
        (field, format!("<<{settings}/V<FEFF{value}>/AP<</N 100 0 R>>>>")),
        (100, stream(resources, "/Tx BMC q BT /Song 12 Tf 0 g 2 5 Td <00010012> Tj ET Q EMC")),
        (101, "<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Song/Encoding/Identity-H/DescendantFonts[102 0 R]/ToUnicode 104 0 R>>".into()),
        (102, "<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Song/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor 103 0 R>>".into()),
        (103, "<</Type/FontDescriptor/FontName/ABCDEF+Song/Flags 4/FontFile2 105 0 R>>".into()),
        (104, stream("", &map)),
        (105, stream("/Length1 4", "glyf")),
    ]
}

/// A name that is filled in with an embedded Chinese font is permitted where that font was signed with the form, and it is told that
/// its glyphs were not compared; one that came later draws what it likes. What the font says itself is another text, what was
/// signed drawn anew, or a font put where signed fields draw from, is not permitted either.
#[test]
fn values_in_an_embedded_font_are_permitted_when_first_filled_in() {
    let authority = authority();
    let filled = filled_with_own_font(7, NAME, "5F200032", "5F20");
    let own = append(&form_sample(), &filled[2..]);
    let signed = &signed(authority, &authority.signer, &own, &plain_request(authority, Format::Pades)).unwrap();
    let after = |objects: &[(u32, String)]| facts(&append(signed, objects), None);
    let good = after(&filled[..2]);
    assert!(sound(&good), "{}", said(&good));
    let told = said(&good);
    assert!(told.starts_with("permitted") && told.contains("张2") && told.contains("glyphs were not compared"), "{told}");
    let with = |more: (u32, String)| [filled[..2].to_vec(), vec![more]].concat();
    for (number, body) in &filled[2..] {
        let changed = body.replace("glyf", "gly2").replace("ABCDEF", "GHIJKL").replace("<0019>", "<0018>");
        let found = after(&with((*number, changed)));
        assert!(!sound(&found), "object {number} of the font was changed: {}", said(&found));
    }
    // A font that came after the signature: with the value, before it, in the resources of the form.
    let bare = plain();
    let later = facts(&append(bare, &filled), None);
    assert!(said(&later).starts_with("unjudged"), "{}", said(&later));
    let before = facts(&append(&append(bare, &filled[2..]), &filled[..2]), None);
    assert!(said(&before).starts_with("unjudged"), "{}", said(&before));
    let form = (6, form_with(bare, "", "").replace("/Helv 5 0 R", "/Helv 5 0 R/Song 101 0 R"));
    let shared = facts(&append(bare, &[filled.clone(), vec![form]].concat()), None);
    assert!(said(&shared).starts_with("unjudged"), "{}", said(&shared));
    let wrong = [
        ("another text by the font's own word", filled_with_own_font(7, NAME, "5F200039", "5F20")),
        ("a code without a letter", filled_with_own_font(7, NAME, "5F200032", "")),
        ("a value that was signed", {
            let old = AMOUNT.to_owned();
            filled_with_own_font(9, &old, "5F200032", "5F20")
        }),
        (
            "nothing but the appearance",
            vec![(9, format!("<<{AMOUNT}/V(100)/AP<</N 100 0 R>>>>"))].into_iter().chain(filled[1..].to_vec()).collect(),
        ),
        ("no word of its letters", filled.iter().map(|(number, body)| (*number, body.replace("/ToUnicode 104 0 R", ""))).collect()),
        ("a font of the page exchanged for it", with((5, filled[2].1.clone()))),
    ];
    for (what, objects) in wrong {
        let found = after(&objects);
        assert!(!sound(&found), "{what}: {}", said(&found));
    }
}

/// Forms in XFA and layers: what changes them after signing is not permitted; what was signed with them is told, and a form whose
/// pages are drawn from XFA alone is not judged.
#[test]
fn xfa_and_layers() {
    let authority = authority();
    let base = |catalogue: &str, form: &str| {
        append(
            &form_sample(),
            &[
                (1, format!("<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R{catalogue}>>")),
                (6, format!("<</Fields[7 0 R 8 0 R 9 0 R 12 0 R 16 0 R 18 0 R]/DA(/Helv 0 Tf 0 g)/DR<</Font<</Helv 5 0 R>>>>{form}>>")),
                (200, stream("", "<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")),
                (201, "<</Type/OCG/Name(Layer)>>".into()),
            ],
        )
    };
    let request = plain_request(authority, Format::Pades);
    let with = |catalogue: &str, form: &str| signed(authority, &authority.signer, &base(catalogue, form), &request).unwrap();
    let layers = "/OCProperties<</OCGs[201 0 R]/D<</Order[201 0 R]>>>>";
    for (catalogue, form, word, object, other) in [
        ("", "/XFA 200 0 R", "XFA form", 200, stream("", "<other/>")),
        ("", "/XFA[(template)200 0 R(datasets)200 0 R]", "XFA form", 200, stream("", "<other/>")),
        (layers, "", "layers", 201, "<</Type/OCG/Name(Other)>>".to_owned()),
    ] {
        let file = with(catalogue, form);
        let found = facts(&file, None);
        assert!(sound(&found) && said(&found) == "none", "{}", said(&found));
        assert!(found.problems.iter().any(|problem| problem.kind == ProblemKind::Notice && problem.en.contains(word)), "{word} is told");
        let changed = facts(&append(&file, &[(object, other)]), None);
        assert!(said(&changed).starts_with("suspicious"), "{}", said(&changed));
    }
    // Nor do we sign what we could not judge.
    assert!(signed(authority, &authority.signer, &base("/NeedsRendering true", "/XFA 200 0 R"), &request).is_err());
    let needs = (1, "<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R/NeedsRendering true>>".to_owned());
    let dynamic = facts(&append(&with("", "/XFA 200 0 R"), &[needs]), None);
    assert!(dynamic.problems.iter().any(|problem| problem.kind == ProblemKind::Unsupported("XFA_UNSUPPORTED")), "{:?}", dynamic.problems);
    let file = plain();
    let layer = (201, "<</Type/OCG/Name(Layer)>>".to_owned());
    for (what, objects) in [
        ("/OCProperties", vec![(1, format!("<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R{layers}>>")), layer]),
        ("XFA form was put in", vec![(6, form_with(file, "", "/XFA 200 0 R")), (200, stream("", "<x/>"))]),
    ] {
        let told = said(&facts(&append(file, &objects), None));
        assert!(told.starts_with("suspicious") && told.contains(what), "{told}");
    }
    assert!(facts(file, None).problems.is_empty());
}
