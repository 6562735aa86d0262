use super::*;
use proptest::prelude::*;

#[test]
fn nothing_of_a_password_is_shown() {
    assert_eq!(format!("{:?}", Password::new("geheim")), "Password(…)");
}

#[test]
fn several_keys_in_one_file_are_refused() {
    let key = SoftKey::generate(crate::crypto::KeyKind::P256, &crate::world::SystemDice).unwrap().to_pkcs8_pem();
    let twice = [key.as_bytes(), key.as_bytes()].concat();
    assert_eq!(from_bytes(&twice, None).unwrap_err(), KeyError::Malformed("several private keys in the file"));
    assert!(from_bytes(key.as_bytes(), None).is_ok());
}

proptest! {
    #[test]
    fn any_octets_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = from_bytes(&bytes, Some(&Password::new("x")));
        let _ = read_certificates(&bytes);
        let _ = pkcs12::read(&bytes, &Password::new("x"));
    }
}
