use super::*;
use proptest::prelude::*;

const CITIZENS: &[&str] = &["11010519491231002X", "440524188001010014", "350899199001010013", "350899199001010021"];
const CODES: &[&str] = &[
    "91350100M000100Y43",
    "91370100724250187M",
    "12100000000018032A",
    "11100000000013338W",
    "11320500014150050B",
    "11370306MB2867521U",
    "115300000151003540",
    "12100000K00002351Y",
    "113700000045046442",
    "11430000006122244L",
    "11110000000021135M",
    "91320508346386385N",
];

#[test]
fn published_citizen_numbers_pass() {
    for number in CITIZENS {
        assert_eq!(CitizenNumber::parse(number).unwrap().expose(), *number);
    }
    let number = CitizenNumber::parse("11010519491231002X").unwrap();
    assert_eq!((number.region(), number.birthday().to_string(), number.sex()), ("110105", "1949-12-31".to_owned(), Sex::Female));
}

#[test]
fn each_refusal_has_its_own_reason() {
    let cases = [
        ("", Refusal::Empty),
        (" - ", Refusal::Empty),
        ("1101051949123100", Refusal::Length { found: 16 }),
        ("110105194912310021", Refusal::CheckCharacter),
        ("11010519491231o02X", Refusal::Character { position: 15 }),
        ("1101051949123100２Ж", Refusal::Character { position: 18 }),
        ("110105194902300026", Refusal::Date),
        ("110105184912310027", Refusal::TooOld),
        ("100105194912310021", Refusal::Region),
        ("83000019810715006X", Refusal::OtherKind(NumberKind::TaiwanResidence)),
        ("935840199001010015", Refusal::OtherKind(NumberKind::ForeignerPermanentResidence)),
        ("USA350080010117", Refusal::OtherKind(NumberKind::ForeignerPermanentResidence)),
    ];
    for (text, reason) in cases {
        assert_eq!(CitizenNumber::parse(text), Err(reason), "{text}");
    }
    assert_eq!(CitizenNumber::parse(&"1".repeat(1_000_000)), Err(Refusal::TooLong));
    let codes: std::collections::HashSet<_> = cases.iter().map(|(_, reason)| reason.code().id).collect();
    assert_eq!(codes.len(), 8);
}

#[test]
fn typed_forms_are_normalised() {
    for text in [
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        " 110105 19491231 002x\u{200b}",
        "110105-19491231-002ｘ",
        "\u{feff}11010519491231002X",
    ] {
        assert_eq!(CitizenNumber::parse(text).unwrap().expose(), "11010519491231002X", "{text}");
    }
}

#[test]
fn old_numbers_are_lengthened_and_centenarians_stay_in_their_century() {
    assert_eq!(CitizenNumber::parse("110105491231002").unwrap().expose(), "11010519491231002X");
    assert!(CitizenNumber::is_old_form("110105491231002") && !CitizenNumber::is_old_form("11010519491231002X"));
    let centenarian = CitizenNumber::parse("350899991231996").unwrap();
    assert_eq!(centenarian.birthday().year(), 1899);
    assert_eq!(centenarian.old_form().unwrap().as_str(), "350899991231996");
    assert_eq!(CitizenNumber::parse("350899000229001"), Err(Refusal::Date), "1900 had no leap day");
    assert_eq!(CitizenNumber::parse("35089999123199X"), Err(Refusal::Character { position: 15 }));
    assert_eq!(CitizenNumber::parse("350899201231996"), Err(Refusal::TooOld), "1820");
}

#[test]
fn nobody_is_born_after_today() {
    let number = CitizenNumber::parse("350899199001010013").unwrap();
    assert_eq!(number.born_by("1989-12-31T15:59:59Z".parse().unwrap()), Err(Refusal::NotBornYet));
    assert_eq!(number.born_by("1989-12-31T16:00:00Z".parse().unwrap()), Ok(()), "midnight in Beijing");
}

#[test]
fn residence_permits() {
    for (text, territory) in [
        ("83000019810715006X", Territory::Taiwan),
        ("810000199001010019", Territory::HongKong),
        ("810000199408230021", Territory::HongKong),
        ("830000199201300022", Territory::Taiwan),
    ] {
        assert_eq!(ResidencePermit::parse(text).unwrap().territory(), territory);
        assert!(matches!(PersonNumber::parse(text), Ok(PersonNumber::Residence(_))), "{text}");
    }
    assert_eq!(ResidencePermit::parse("350899199001010013"), Err(Refusal::OtherKind(NumberKind::Citizen)));
    assert_eq!(ResidencePermit::parse("830000198107150061"), Err(Refusal::CheckCharacter));
}

#[test]
fn foreigners() {
    for text in ["935840199001010015", "935840198001010010", "USA350080010117", "usa3500-800101-17"] {
        let number = ForeignerId::parse(text).unwrap();
        assert!(matches!(PersonNumber::parse(text), Ok(PersonNumber::Foreigner(other)) if other == number), "{text}");
    }
    assert_eq!(ForeignerId::parse("USA350080010117").unwrap().nationality(), "USA");
    assert_eq!(ForeignerId::parse("935840199001010015").unwrap().nationality(), "840");
    assert_eq!(ForeignerId::parse("USA350080010118"), Err(Refusal::CheckCharacter));
    assert_eq!(ForeignerId::parse("USA350080130117"), Err(Refusal::Date));
    assert_eq!(ForeignerId::parse("U1A350080010117"), Err(Refusal::Character { position: 2 }));
    assert_eq!(ForeignerId::parse("935840199001010016"), Err(Refusal::CheckCharacter));
    assert_eq!(ForeignerId::parse("999840199001010016"), Err(Refusal::Region));
    assert_eq!(ForeignerId::parse("935000199001010016"), Err(Refusal::Nationality));
    assert_eq!(ForeignerId::parse("350899199001010013"), Err(Refusal::OtherKind(NumberKind::Citizen)));
}

#[test]
fn passports() {
    assert_eq!(Passport::of("chn", "e１２３４５６７８").unwrap().expose(), "CHN:E12345678");
    assert_eq!(Passport::parse("USA:123456789").unwrap().issuer(), Some("USA"));
    assert_eq!(Passport::parse("EA1234567").unwrap().number(), "EA1234567");
    assert_eq!(Passport::of("CHN", "123456789"), Err(Refusal::Character { position: 1 }));
    assert_eq!(Passport::of("C1N", "E12345678"), Err(Refusal::Nationality));
    assert_eq!(Passport::parse("E12"), Err(Refusal::Length { found: 3 }));
    assert!(!format!("{:?}", Passport::of("CHN", "E12345678").unwrap()).contains("E12345678"));
}

#[test]
fn unified_social_credit_codes() {
    for text in CODES {
        let code = UnifiedSocialCreditCode::parse(text).unwrap();
        assert_eq!(code.check(), CodeCheck::Matches);
        assert!(OrganisationCode::parse(code.organisation_code().expose()).is_ok(), "{text}");
    }
    assert_eq!(UnifiedSocialCreditCode::parse("91350100m000100y43").unwrap().organisation_code().hyphenated(), "M000100Y-4");
    for text in ["91350100M0001TGQXM", "91350211M0000XUF46", "91350203M0001FUE2P"] {
        assert_eq!(UnifiedSocialCreditCode::parse(text).unwrap().check(), CodeCheck::AskTheRegister, "{text}");
    }
    assert_eq!(UnifiedSocialCreditCode::parse("11350000003591037X"), Err(Refusal::CheckCharacter));
    assert_eq!(UnifiedSocialCreditCode::parse("91370100724250187N"), Err(Refusal::CheckCharacter));
    assert_eq!(UnifiedSocialCreditCode::parse("9137010072425018OM"), Err(Refusal::Character { position: 17 }));
    assert_eq!(
        UnifiedSocialCreditCode::parse("91350100M0001TGQ1M"),
        Err(Refusal::InnerOrganisationCode),
        "pilot codes keep the inner check"
    );
    assert_eq!(UnifiedSocialCreditCode::parse("M000100Y-4"), Err(Refusal::OtherKind(NumberKind::OrganisationCode)));
    assert_eq!(OrganisationCode::parse("91350100M000100Y43"), Err(Refusal::OtherKind(NumberKind::UnifiedSocialCredit)));
    assert_eq!(OrganisationCode::parse("M000100Y-5"), Err(Refusal::CheckCharacter));
}

#[test]
fn business_registration_numbers() {
    assert!(BusinessRegistration::parse("110108000000016").unwrap().has_check());
    assert_eq!(BusinessRegistration::parse("110108000000017"), Err(Refusal::CheckCharacter));
    assert!(!BusinessRegistration::parse("3501001001234").unwrap().has_check());
    assert_eq!(UnifiedSocialCreditCode::parse("110108000000016"), Err(Refusal::OtherKind(NumberKind::BusinessRegistration)));
}

#[test]
fn numbers_are_shown_masked() {
    let number = CitizenNumber::parse("350899199001010013").unwrap();
    assert_eq!(format!("{number} {number:?}"), "3508**********0013 CitizenNumber(3508**********0013)");
    let any = PersonNumber::parse("350899199001010013").unwrap();
    assert!(!format!("{any:?}{any:#?}{any}").contains("19900101"));
    assert_eq!(mask("E12345678"), "E1*****78");
    assert_eq!(mask("12345"), "*****");
}

#[test]
fn numbers_inside_texts_are_masked() {
    for (text, masked) in [
        ("CN=张三,SERIALNUMBER=350899199001010013", "CN=张三,SERIALNUMBER=3508**********0013"),
        ("CN=041@0350899199001010013@张三@00000001", "CN=041@03508**********0013@张三@00000001"),
        ("号码３５０８９９１９９００１０１００１３。", "号码３５０８**********００１３。"),
        ("id 350899 19900101 0013 end", "id 3508** ******** 0013 end"),
        ("11010519491231002x", "1101**********002x"),
        ("mistyped 350899199001010014", "mistyped 3508**********0014"),
        ("old 110105491231002,", "old 1101*******1002,"),
        ("card USA350080010117", "card USA3*******0117"),
        ("phone 13800138000 now", "phone 138****8000 now"),
        (
            "2026-11-23T08:00:00Z 20261123160000123 serial 69E2FEC0170AC67B",
            "2026-11-23T08:00:00Z 20261123160000123 serial 69E2FEC0170AC67B",
        ),
        ("1.2.156.10260.4.1.1=#1312333530383939313939303031303130303133", "1.2.156.10260.4.1.1=#131233353038********************30303133"),
    ] {
        assert_eq!(mask_text(text), masked);
    }
}

#[test]
fn names_compare_whatever_the_dot() {
    for dot in ['·', '•', '・', '．', '‧', '∙'] {
        assert!(name::same(&format!("阿依古丽{dot}买买提"), "阿依古丽·买买提"), "{dot}");
    }
    assert!(name::same("张 三", "张三") && name::same("ＪＯＨＮ  Smith", "John Smith"));
    assert!(!name::same("John Smith", "Johnsmith") && !name::same("", " "));
    assert!(!name::same("𠮷田", "吉田"), "rare characters stay themselves");
    assert_eq!(name::comparable("𬭎"), "𬭎");
    assert_eq!(name::mask("阿依古丽·买买提"), "阿***·***");
}

#[test]
fn cfca_letters_are_unique() {
    let letters: Vec<char> = NumberKind::ALL.iter().filter_map(|kind| kind.cfca_letter()).collect();
    assert!(letters.iter().all(|letter| letters.iter().filter(|other| *other == letter).count() == 1));
    assert!(NumberKind::ALL.iter().all(|kind| NumberKind::from_word(kind.as_str()) == Some(*kind)));
}

/// A right citizen number from its parts.
fn citizen() -> impl Strategy<Value = String> {
    let province = prop::sample::select(vec!["11", "35", "44", "65", "71"]);
    (province, 0u32..10_000, 1900i32..2020, 1u16..=365, 0u32..1000).prop_map(|(province, region, year, day, sequence)| {
        let date = time::Date::from_ordinal_date(year, day).unwrap();
        let body = format!("{province}{region:04}{:04}{:02}{:02}{sequence:03}", date.year(), u8::from(date.month()), date.day());
        let check = citizen::check_character(&body);
        format!("{body}{check}")
    })
}

proptest! {
    #[test]
    fn right_numbers_round_trip(text in citizen()) {
        let number = CitizenNumber::parse(&text).unwrap();
        prop_assert_eq!(number.expose(), &text);
        if let Some(old) = number.old_form() {
            prop_assert_eq!(CitizenNumber::parse(&old).unwrap(), number);
        }
        let masked = mask_text(&format!("x={text};"));
        prop_assert!(!masked.contains(&text));
        let hexadecimal: String = text.bytes().map(|c| format!("{c:02x}")).collect();
        prop_assert!(!mask_text(&hexadecimal).contains(&hexadecimal));
    }

    /// ISO 7064 MOD 11-2 finds every single wrong character and every exchange of neighbours.
    #[test]
    fn a_flipped_character_is_always_refused(text in citizen(), place in 0usize..18, digit in 0u8..10, swap in 0usize..17) {
        let mut flipped = text.clone().into_bytes();
        flipped[place] = b'0' + digit;
        let flipped = String::from_utf8(flipped).unwrap();
        prop_assert_eq!(CitizenNumber::parse(&flipped).is_ok(), flipped == text);
        let mut swapped = text.clone().into_bytes();
        swapped.swap(swap, swap + 1);
        let swapped = String::from_utf8(swapped).unwrap();
        prop_assert_eq!(CitizenNumber::parse(&swapped).is_ok(), swapped == text);
    }

    #[test]
    fn a_flipped_credit_code_is_always_refused(which in 0..CODES.len(), place in 0usize..18, letter in prop::sample::select(b"0123456789ABCDEFGHJKLMNPQRTUWXY".to_vec())) {
        let text = CODES[which];
        let mut flipped = text.as_bytes().to_vec();
        flipped[place] = letter;
        let flipped = String::from_utf8(flipped).unwrap();
        let believed = UnifiedSocialCreditCode::parse(&flipped).is_ok_and(|code| code.check() == CodeCheck::Matches);
        prop_assert_eq!(believed, flipped == text);
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,80}") {
        let _ = (CitizenNumber::parse(&text), ResidencePermit::parse(&text), ForeignerId::parse(&text), Passport::parse(&text), PersonNumber::parse(&text));
        let _ = (UnifiedSocialCreditCode::parse(&text), OrganisationCode::parse(&text), BusinessRegistration::parse(&text));
        let masked = mask_text(&text);
        prop_assert_eq!(masked.chars().count(), text.chars().count());
        prop_assert_eq!(mask_text(&masked), masked);
        let plain = name::comparable(&text);
        prop_assert_eq!(name::comparable(&plain), plain);
    }

    #[test]
    fn digits_get_an_answer(text in "[0-9Xx -]{0,40}") {
        let _ = (CitizenNumber::parse(&text), ForeignerId::parse(&text), BusinessRegistration::parse(&text), mask_text(&text));
    }
}

#[test]
fn no_old_number_becomes_a_permit_or_a_foreigners_card() {
    for old in ["919991991210135", "810000991210135", "830000991210135"] {
        assert_eq!(PersonNumber::parse(old), Err(Refusal::Region), "{old}");
    }
}
