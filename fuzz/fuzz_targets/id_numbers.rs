//! Identity numbers: any text is normalised, judged and masked, and what passes reads as itself again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::id;

fuzz_target!(|text: &str| {
    if let Ok(number) = id::PersonNumber::parse(text) {
        assert_eq!(id::PersonNumber::parse(number.expose()).as_ref(), Ok(&number));
        assert!(!format!("{number:?}{number}").contains(number.expose()));
    }
    if let Ok(code) = id::UnifiedSocialCreditCode::parse(text) {
        assert!(id::OrganisationCode::parse(code.organisation_code().expose()).is_ok());
    }
    let _ = (id::OrganisationCode::parse(text), id::BusinessRegistration::parse(text), id::Passport::parse(text));
    let masked = id::mask_text(text);
    assert_eq!(id::mask_text(&masked), masked);
    let name = id::name::comparable(text);
    assert_eq!(id::name::comparable(&name), name);
});
