//! A foreign judge of certification paths: the certval crate.
//!
//!     certval-judge LIST      one job a line, fields parted by a tab; one answer a line: "yes ..." or "no ..."
//!
//! A job: ROOT, intermediates from the root downwards (parted by ;), LEAF, UNIX_TIME, flags (of `e` explicit policy, `m` no
//! mapping, `a` no any-policy), acceptable policies (parted by ;). Files are DER. Revocation is not looked at.

use certval::{
    CertificationPath, CertificationPathResults, CertificationPathSettings, PDVCertificate, PDVTrustAnchorChoice, PkiEnvironment,
    TimeOfInterest, validate_path_rfc5280,
};

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{path}: {error}"))
}

fn certificate(path: &str) -> Result<PDVCertificate, String> {
    PDVCertificate::try_from(read(path)?.as_slice()).map_err(|error| format!("{error:?}"))
}

fn judge(environment: &PkiEnvironment, fields: &[&str]) -> Result<(), String> {
    let [root, intermediates, leaf, time, flags, policies] = fields else { return Err("six fields make a job".into()) };
    let anchor = PDVTrustAnchorChoice::try_from(read(root)?.as_slice()).map_err(|error| format!("{error:?}"))?;
    let list = |text: &str| text.split(';').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let chain = list(intermediates).iter().map(|path| certificate(path)).collect::<Result<Vec<_>, _>>()?;
    let mut settings = CertificationPathSettings::new();
    settings.set_check_revocation_status(false);
    settings.set_require_ta_store(false);
    settings.set_enforce_trust_anchor_constraints(true);
    settings.set_enforce_trust_anchor_validity(true);
    settings.set_time_of_interest(TimeOfInterest::from_unix_secs(time.parse().map_err(|_| "time")?).map_err(|error| error.to_string())?);
    settings.set_initial_explicit_policy_indicator(flags.contains('e'));
    settings.set_initial_policy_mapping_inhibit_indicator(flags.contains('m'));
    settings.set_initial_inhibit_any_policy_indicator(flags.contains('a'));
    if !policies.is_empty() {
        settings.set_initial_policy_set(list(policies));
    }
    let path = CertificationPath::new(anchor, chain, certificate(leaf)?);
    validate_path_rfc5280(environment, &settings, &path, &mut CertificationPathResults::new()).map_err(|error| format!("{error:?}"))
}

fn main() {
    let jobs = std::env::args().nth(1).expect("the list of jobs");
    let mut environment = PkiEnvironment::default();
    environment.populate_5280_pki_environment();
    for line in std::fs::read_to_string(jobs).expect("the list of jobs can be read").lines() {
        match judge(&environment, &line.split('\t').collect::<Vec<_>>()) {
            Ok(()) => println!("yes"),
            Err(why) => println!("no {}", why.split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    }
}
