//! What a portal may learn of a Party: claims released as the portal is registered for and as the request asks.

use super::request::{OFFLINE_ACCESS, PlaceWish};
use super::{Client, Method, Proof, SubjectKind};
use crate::ids::ProofId;
use crate::moment::Moment;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Claims that depend on registration.
pub const SUPPORTED: [&str; 4] = ["name", "citizen_number", "organisation", "subject_kind"];
/// Elements of `verification` that can be asked for (OpenID Identity Assurance §5.4.2).
pub const VERIFICATION: [&str; 5] = ["trust_framework", "assurance_level", "time", "verifier", "evidence"];
/// The trust framework our verified claims stand under: the proofs and levels of docs/levels.md.
pub const TRUST_FRAMEWORK: &str = "cn_xinyin";

/// What we hold about the Party that logged in; only what is to be released needs filling.
#[derive(Clone, Default)]
pub struct Person {
    /// Its verified name.
    pub name: Option<String>,
    /// Its verified citizen number, as text; never printed by `Debug`.
    pub citizen_number: Option<String>,
    /// The organisation acted for, or logged in.
    pub organisation: Option<Organisation>,
}

/// An organisation as released.
#[derive(Clone)]
pub struct Organisation {
    /// Its verified name.
    pub name: Option<String>,
    /// Its unified social credit code.
    pub uscc: String,
    /// On what the person acts for it: the method of the organisation's proof.
    pub basis: Method,
    /// The mandate that the person acts on.
    pub mandate: Option<MandateClaim>,
}

/// A mandate as released with the organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MandateClaim {
    /// What names it here and in the audit log.
    pub id: ProofId,
    /// The matters.
    pub items: Vec<String>,
    /// Until when.
    pub until: Moment,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

/// What is released to a portal in one login: the registered claims that the request's scopes or `claims` ask for.
pub fn released(client: &Client, scope: &BTreeSet<String>, wishes: [&PlaceWish; 2]) -> BTreeSet<&'static str> {
    let asked = |name: &str, by: &str| {
        scope.contains(by)
            || wishes
                .iter()
                .any(|wish| wish.claims.contains(name) || wish.verified.as_ref().is_some_and(|verified| verified.claims.contains(name)))
    };
    let release = &client.release;
    [
        ("name", "profile", release.name),
        ("citizen_number", "citizen_number", release.citizen_number.is_some()),
        ("organisation", "organisation", release.organisation),
        // No claim, but agreed to like one: the portal may ask again while the user is away.
        (OFFLINE_ACCESS, OFFLINE_ACCESS, client.policy.may_refresh()),
    ]
    .into_iter()
    .filter(|&(name, by, registered)| registered && asked(name, by))
    .map(|(name, _, _)| name)
    .collect()
}

fn value(person: &Person, name: &str) -> Option<Value> {
    match name {
        "name" => person.name.as_ref().map(|name| json!(name)),
        "citizen_number" => person.citizen_number.as_ref().map(|number| json!(number)),
        "organisation" => person.organisation.as_ref().map(|organisation| {
            let mut out = Map::new();
            if let Some(name) = &organisation.name {
                out.insert("name".into(), json!(name));
            }
            out.insert("uscc".into(), json!(organisation.uscc));
            out.insert("basis".into(), json!(organisation.basis.name()));
            if let Some(MandateClaim { id, items, until }) = &organisation.mandate {
                out.insert("mandate".into(), json!({ "id": id, "items": items, "until": until.secs() }));
            }
            Value::Object(out)
        }),
        _ => None,
    }
}

/// The claims of one place. `by_scope`: whether the scopes' claims go here (userinfo, OpenID Connect Core §5.4).
pub fn place(
    client: &Client,
    scope: &BTreeSet<String>,
    wish: &PlaceWish,
    by_scope: bool,
    kind: SubjectKind,
    person: &Person,
    proofs: &[Proof],
) -> Map<String, Value> {
    let none = BTreeSet::new();
    let mut out = Map::new();
    let plain = PlaceWish { claims: wish.claims.clone(), verified: None };
    for name in released(client, if by_scope { scope } else { &none }, [&plain, &plain]) {
        if let Some(value) = value(person, name) {
            out.insert(name.into(), value);
        }
    }
    if by_scope || wish.claims.contains("subject_kind") {
        out.insert("subject_kind".into(), json!(kind.name()));
    }
    if let Some(verified) = verified_claims(client, wish, person, proofs) {
        out.insert("verified_claims".into(), verified);
    }
    out
}

/// `verified_claims` of OpenID Identity Assurance §5: only where registered and wished, only under our trust framework, and only
/// with at least one claim. Elements of `verification` appear as asked (§6: "null" asks for an element).
fn verified_claims(client: &Client, wish: &PlaceWish, person: &Person, proofs: &[Proof]) -> Option<Value> {
    let wish = wish.verified.as_ref().filter(|_| client.release.verified_claims)?;
    if wish.trust_framework.as_deref().is_some_and(|framework| framework != TRUST_FRAMEWORK) {
        return None;
    }
    let only = PlaceWish { claims: wish.claims.clone(), verified: None };
    let claims: Map<String, Value> = released(client, &BTreeSet::new(), [&only, &only])
        .into_iter()
        .filter_map(|name| value(person, name).map(|value| (name.to_owned(), value)))
        .collect();
    let best = proofs
        .iter()
        .filter(|proof| proof.method.identity_level().is_some())
        .max_by_key(|proof| (proof.identity_level(proof.at), proof.at))?;
    if claims.is_empty() {
        return None;
    }
    let mut verification = Map::from_iter([("trust_framework".to_owned(), json!(TRUST_FRAMEWORK))]);
    if wish.verification.contains("assurance_level") {
        verification.insert("assurance_level".into(), json!(best.identity_level(best.at).map(|level| level.to_string())));
    }
    if wish.verification.contains("time") {
        verification.insert("time".into(), json!(best.at.to_string()));
    }
    if wish.verification.contains("verifier") {
        verification.insert("verifier".into(), json!({ "organization": best.verifier }));
    }
    if wish.verification.contains("evidence") {
        verification.insert("evidence".into(), json!(proofs.iter().filter_map(evidence).collect::<Vec<_>>()));
    }
    Some(json!({ "verification": verification, "claims": claims }))
}

/// One proof as an `evidence` element (OpenID Identity Assurance §5.4.4).
fn evidence(proof: &Proof) -> Option<Value> {
    let checked = |method: &str| json!([{ "check_method": method, "organization": proof.verifier, "time": proof.at.to_string(), "txn": proof.id.as_str() }]);
    Some(match proof.method {
        Method::RegistryPhone => json!({
            "type": "electronic_record",
            "check_details": checked("data"),
            "record": { "type": "population_register" },
        }),
        Method::OrganisationRepresentative => json!({
            "type": "electronic_record",
            "check_details": checked("data"),
            "record": { "type": "organisation_register" },
        }),
        Method::Certificate | Method::OrganisationCertificate => json!({
            "type": "electronic_signature",
            "signature_type": "certificate_challenge",
            "issuer": proof.verifier,
            "created_at": proof.at.to_string(),
        }),
        Method::Counter => json!({ "type": "document", "check_details": checked("pvp") }),
        Method::Passkey | Method::Mandate => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PartyId;
    use crate::login::{Release, request::tests as requests};

    fn person() -> Person {
        let organisation = Organisation {
            name: Some("公司".into()),
            uscc: "91350100M000100Y43".into(),
            basis: Method::OrganisationCertificate,
            mandate: None,
        };
        Person {
            name: Some("阿依古丽·买买提".into()), citizen_number: Some("350899199001010018".into()), organisation: Some(organisation)
        }
    }

    fn proof() -> Proof {
        let (id, party) = (ProofId::from_random([1; 16]), PartyId::from_random([2; 16]));
        Proof {
            id,
            party,
            method: Method::RegistryPhone,
            at: Moment::from_secs(0),
            until: None,
            cap: None,
            evidence: None,
            verifier: "人口库".into(),
        }
    }

    fn userinfo(release: Release, more: &[(&str, &str)]) -> Map<String, Value> {
        let client = Client { release, ..requests::client() };
        let request = requests::request(more).unwrap();
        place(&client, &request.scope, &request.wishes.userinfo, true, SubjectKind::Person, &person(), &[proof()])
    }

    #[test]
    fn nothing_but_what_is_registered_and_asked() {
        let all = "openid profile citizen_number organisation";
        let everything = Release { name: true, citizen_number: Some("法".into()), organisation: true, verified_claims: true };
        assert_eq!(userinfo(Release::default(), &[("scope", all)]).keys().collect::<Vec<_>>(), ["subject_kind"]);
        assert_eq!(userinfo(everything.clone(), &[("scope", "openid")]).keys().collect::<Vec<_>>(), ["subject_kind"]);
        assert_eq!(userinfo(everything, &[("scope", all)]).len(), 4);
        let name_only = userinfo(Release { name: true, ..Release::default() }, &[("scope", all)]);
        assert_eq!(name_only["name"], "阿依古丽·买买提");
        assert!(!name_only.contains_key("citizen_number") && !name_only.contains_key("organisation"));
    }

    #[test]
    fn verified_claims_as_registered_and_wished() {
        let wish = r#"{"userinfo":{"verified_claims":{"verification":{"trust_framework":null,"time":null,"evidence":null},"claims":{"name":null,"citizen_number":null}}}}"#;
        let with = |release: Release, wish: &str| userinfo(release, &[("scope", "openid"), ("claims", wish)]).remove("verified_claims");
        let name = Release { name: true, verified_claims: true, ..Release::default() };
        let verified = with(name.clone(), wish).unwrap();
        assert_eq!(verified["claims"], json!({ "name": "阿依古丽·买买提" }), "the number is not registered for");
        assert_eq!(verified["verification"]["trust_framework"], TRUST_FRAMEWORK);
        assert_eq!(verified["verification"]["time"], "1970-01-01T00:00:00Z");
        assert_eq!(verified["verification"]["evidence"][0]["type"], "electronic_record");
        assert!(verified["verification"].get("verifier").is_none(), "not asked for");
        assert_eq!(with(Release { verified_claims: false, ..name.clone() }, wish), None);
        assert_eq!(with(Release { verified_claims: true, ..Release::default() }, wish), None, "no claim, no element");
        assert_eq!(with(name, &wish.replace(r#""trust_framework":null"#, r#""trust_framework":{"value":"eidas"}"#)), None);
    }
}
