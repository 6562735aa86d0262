//! Which policy a verdict is given under: the standing one of the agency that asks, or one that the caller names.
//!
//! The operator's files (`policies` in the configuration) are read when they are needed: a changed file counts from the next verdict
//! on, and a broken one fails those that name it and no other.

use crate::config::Config;
use crate::fault::{Fault, code};
use crate::files;
use crate::ids::AgencyId;
use crate::verify::Policy;
use std::path::Path;

/// The built-in policy that stands where the operator set no other.
const BUILT_IN: &str = "strict";

/// The policy for a verdict that `agency` asks for. Under its standing policy the verdict shows no choice; any other policy is
/// the caller's choice, the built-in one included.
///
/// # Errors
/// [`code::BAD_REQUEST`] for a name that nobody knows; [`code::CONFIGURATION`] for an operator's file that cannot be read.
pub fn choose(config: &Config, agency: &AgencyId, named: Option<&str>) -> Result<Policy, Fault> {
    let standing = config.standing.get(agency).map_or(BUILT_IN, String::as_str);
    let unset = || Fault::new(code::CONFIGURATION).detail(format!("standing_policies: {agency}: no policy {standing:?} is known"));
    let Some(named) = named else {
        return find(config, standing)?.map(|policy| policy.standing(true)).ok_or_else(unset);
    };
    let policy = find(config, named)?.ok_or_else(|| {
        let known: Vec<String> = all(config).into_iter().filter_map(Result::ok).map(|policy| policy.id).collect();
        let known = ["strict", "archive"].into_iter().map(str::to_owned).chain(known).collect::<Vec<_>>().join(", ");
        Fault::new(code::BAD_REQUEST).detail(format!("policy {named:?} is not known; known are {known}"))
    })?;
    let stands = find(config, standing)?.ok_or_else(unset)?.id == policy.id;
    Ok(policy.standing(stands))
}

/// A built-in policy by its name, or one of the operator's files by the id in it.
fn find(config: &Config, name: &str) -> Result<Option<Policy>, Fault> {
    if let Ok(policy) = Policy::named(name) {
        return Ok(Some(policy));
    }
    let mut broken = None;
    for policy in all(config) {
        match policy {
            Ok(policy) if policy.id == name => return Ok(Some(policy)),
            Ok(_) => {}
            Err(fault) => broken = broken.or(Some(fault)),
        }
    }
    // It may be the one in the broken file.
    broken.map_or(Ok(None), Err)
}

/// Every file of the operator's.
fn all(config: &Config) -> Vec<Result<Policy, Fault>> {
    config.policies.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Policy, Fault> {
    let wrong = |what: String| Fault::new(code::CONFIGURATION).detail(format!("policies: {}: {what}", path.display()));
    let text = String::from_utf8(files::read(path).map_err(|error| wrong(error.to_string()))?).map_err(|_| wrong("not UTF-8".into()))?;
    Policy::from_text(&text).map_err(|error| wrong(error.to_string()))
}

/// What is wrong with the operator's policies: files that cannot be read, ids that stand twice, standing policies that nobody knows.
pub fn examine(config: &Config) -> Result<usize, Fault> {
    let mut seen = std::collections::BTreeSet::new();
    for policy in all(config) {
        let id = policy?.id;
        if !seen.insert(id.clone()) {
            return Err(Fault::new(code::CONFIGURATION).detail(format!("policies: the id {id:?} stands in two files")));
        }
    }
    for agency in config.standing.keys() {
        choose(config, agency, None)?;
    }
    Ok(seen.len())
}
