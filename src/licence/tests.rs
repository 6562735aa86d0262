//! A licence from definition to file and back.

use super::*;
use crate::doc::licence::name;
use crate::doc::{ReadOptions, read};
use crate::files::fonts;
use crate::id::LicenceIdentifier;
use crate::moment::Moment;

const TYPE: &str = include_str!("../../tests/data/licences/food-business.toml");

fn now() -> Moment {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

fn application() -> Application {
    serde_json::from_value(serde_json::json!({
        "holders": [
            { "name": "龙岩市示例餐饮有限公司", "number": "91350100M000100Y43" },
            { "name": "张示例", "number": "350899199001010013" }
        ],
        "fields": { "KZ_JYCS": "福建省龙岩市示例区 示例路 1 号", "KZ_JYXM": "热食类食品制售", "KZ_FZR": "张示例" }
    }))
    .unwrap()
}

fn fonts_of_this_machine() -> Option<Fonts> {
    let files = fonts::chinese(None, fonts::Style::Serif).unwrap();
    if files.is_none() {
        eprintln!("skipped: this machine has no Chinese font");
    }
    files.map(|file| Fonts::new(vec![file]))
}

fn made(kind: &LicenceType, application: &Application, copy: Option<&CopyNote>, fonts: &Fonts) -> Result<(Vec<u8>, Vec<u8>), MakeError> {
    let checked = check(kind, application, now()).unwrap();
    let identifier = LicenceIdentifier::new(&kind.code, &kind.issuer.code, "2026000001", 1).unwrap();
    let metadata = metadata(kind, &identifier, &checked, now(), copy);
    let faces = fonts.open();
    let sheet = lay_out(kind, &metadata, &checked, "https://licences.example.cn/check?code=0123456789abcdef0123456789abcdef", &faces)?;
    Ok((ofd(&sheet, &metadata, "0123", &faces)?, pdf(&sheet, &metadata, "0123", now(), &faces)?))
}

#[test]
fn page_and_metadata_say_the_same_in_both_formats() {
    let Some(fonts) = fonts_of_this_machine() else { return };
    let kind = LicenceType::parse(TYPE).unwrap();
    let (ofd, pdf) = made(&kind, &application(), None, &fonts).unwrap();
    assert!(ofd.len() < 400_000 && pdf.len() < 400_000, "only parts of the font: {} {}", ofd.len(), pdf.len());
    let again = made(&kind, &application(), None, &fonts).unwrap();
    assert_eq!((&ofd, &pdf), (&again.0, &again.1), "equal octets");
    for file in [ofd, pdf] {
        let facts = read(&file, &ReadOptions::default()).unwrap();
        assert!(facts.problems.iter().all(|problem| problem.kind == crate::doc::facts::ProblemKind::Notice), "{:?}", facts.problems);
        let licence = facts.licence.unwrap();
        assert_eq!(licence.metadata.one(name::ISSUER_CODE), Some(kind.issuer.code.as_str()));
        assert_eq!(licence.metadata.all(name::HOLDER).count(), 2);
        let page: String = licence.page.clone().unwrap().split_whitespace().collect();
        for said in ["食品经营许可证", "龙岩市示例餐饮有限公司、张示例", "福建省龙岩市示例区示例路1号", "2026年11月24日", "2031年11月23日"]
        {
            assert!(page.contains(said), "{said} in {page}");
        }
    }
}

#[test]
fn rare_characters_are_drawn_or_the_licence_is_refused() {
    let Some(fonts) = fonts_of_this_machine() else { return };
    let kind = LicenceType::parse(TYPE).unwrap();
    let named = |name: &str| {
        let mut application = application();
        application.holders.truncate(1);
        application.holders[0].name = name.into();
        made(&kind, &application, None, &fonts).map(|(ofd, pdf)| {
            for file in [ofd, pdf] {
                let page = read(&file, &ReadOptions::default()).unwrap().licence.unwrap().page.unwrap();
                assert!(page.contains(name), "{name} is copied out again as itself");
            }
        })
    };
    // Beyond the first plane (CJK Extension B), and the dot of names.
    named("𠮷野𫍽·示例").unwrap();
    let missing = |letter| Err(MakeError::Glyph { field: name::HOLDER.into(), letter });
    assert_eq!(named("王\u{e815}"), missing('\u{e815}'), "private use means nothing");
    assert_eq!(named("王\u{3fffd}"), missing('\u{3fffd}'));
}

#[test]
fn a_text_that_does_not_fit_is_refused_and_never_cut() {
    let Some(fonts) = fonts_of_this_machine() else { return };
    let kind = LicenceType::parse(TYPE).unwrap();
    let mut application = application();
    application.fields.insert("KZ_JYXM".into(), "食品".repeat(200));
    assert_eq!(made(&kind, &application, None, &fonts).err(), Some(MakeError::Fit("KZ_JYXM".into())));
}

#[test]
fn an_annotated_copy_bears_purpose_and_time_on_page_and_in_metadata() {
    let Some(fonts) = fonts_of_this_machine() else { return };
    let kind = LicenceType::parse(TYPE).unwrap();
    let note =
        CopyNote {
            made: now(), maker: "示例大厅".into(), purpose: "办理示例事项".into(), until: "2026-12-01T00:00:00Z".parse().unwrap()
        };
    let (ofd, pdf) = made(&kind, &application(), Some(&note), &fonts).unwrap();
    for file in [ofd, pdf] {
        let licence = read(&file, &ReadOptions::default()).unwrap().licence.unwrap();
        assert_eq!(licence.metadata.one(name::COPY_PURPOSE), Some("办理示例事项"));
        let page = licence.page.unwrap();
        assert_eq!(page.matches("仅供办理示例事项使用").count(), 3);
        assert!(page.contains("有效期至 2026-12-01 08:00"), "{page}");
    }
}

#[test]
fn everything_that_is_amiss_is_named_at_once() {
    let kind = LicenceType::parse(TYPE).unwrap();
    let wrong: Application = serde_json::from_value(serde_json::json!({
        "holders": [{ "name": "", "number": "350899199001010014" }],
        "valid_from": "2026-13-01", "valid_until": "2027-01-01",
        "fields": { "KZ_JYXM": "x\u{7}", "KZ_NONE": "1" }
    }))
    .unwrap();
    let amiss = check(&kind, &wrong, now()).unwrap_err();
    let fields: Vec<&str> = amiss.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, [name::HOLDER, name::HOLDER_NUMBER, name::VALID_FROM, name::VALID_UNTIL, "KZ_NONE", "KZ_JYCS", "KZ_JYXM"]);
    assert!(!format!("{amiss:?}").contains("350899199001010014"), "no number is quoted");
}

#[test]
fn definitions_with_a_mistake_are_refused_by_place() {
    for (old, new, place) in [
        ("11100000000013338W", "11100000000013338", "code"),
        ("years = 5", "years = 5\ngiven = true", "validity"),
        ("KZ_JYCS", "JYCS", "field JYCS"),
        ("{ZZBH}", "{ZZBHX}", "template.text"),
        ("level = 0", "level = 9", "level"),
        ("name = \"食品经营许可证\"", "name = \"\"", "name"),
    ] {
        assert!(TYPE.contains(old), "{old}");
        let error = LicenceType::parse(&TYPE.replacen(old, new, 1)).unwrap_err();
        assert!(error.place.starts_with(place), "{old} → {new}: {error}");
    }
}

#[test]
fn rows_become_applications() {
    let kind = LicenceType::parse(TYPE).unwrap();
    let rows = |octets: &[u8]| -> Vec<Result<Application, Amiss>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(octets);
        let mut records = reader.byte_records().map(Result::unwrap);
        let columns = rows::Columns::read(&kind, &records.next().unwrap()).unwrap();
        records.map(|record| columns.application(&record)).collect()
    };
    let text = "\u{feff}持证主体,CZZTDM,经营场所,KZ_JYXM\n\"甲,公司；乙\",91350100M000100Y43；350899199001010013,一号,热食\n丙,1,2\n";
    let read = rows(text.as_bytes());
    let first = read[0].as_ref().unwrap();
    assert_eq!((first.holders.len(), first.holders[0].name.as_str(), first.fields["KZ_JYCS"].as_str()), (2, "甲,公司", "一号"));
    assert_eq!(read[1].as_ref().unwrap_err().field, "row");
    let (legacy, _, _) = encoding_rs::GB18030.encode("持证主体,持证主体代码\n联通,91350100M000100Y43\n");
    assert_eq!(rows(&legacy)[0].as_ref().unwrap().holders[0].name, "联通");
}
