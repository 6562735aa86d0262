//! A sample licence type, the seal of a sample organisation, and licences issued under it: one in force, one that was ended.

use super::place::Place;
use super::province::{Description, Held, Organisation};
use super::{read, write};
use crate::fault::{Fault, code};
use crate::files::{self, Access};
use crate::licence::Application;
use crate::licence::state::Act;
use crate::service::licences::{self, Order};
use crate::service::verifications::Asker;
use crate::world::World;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::process::Command;

/// The type; issuer and code are filled in.
const TYPE: &str = include_str!("../../../tests/data/licences/food-business.toml");
/// The code of the sample type.
const CODE: &str = "11100000000013338W901";
/// What the seal is used for.
const PURPOSE: &str = "行政审批专用章";

/// The organisation that issues, with its key; the first that has a good SM2 certificate for signing.
fn issuer(lab: &Description) -> Option<(&Organisation, &Held)> {
    let usable = |held: &&Held| held.family == "sm2" && held.usage == "signing" && held.condition == "valid";
    lab.organisations.iter().find_map(|one| Some((one, one.certificates.iter().find(usable)?)))
}

fn seal_file(place: &Place) -> PathBuf {
    place.path("licences").join("approval.esl")
}

/// The sections of the configuration.
pub(super) fn section(place: &Place, lab: &Description) -> String {
    let Some((organisation, held)) = issuer(lab) else { return String::new() };
    let text = |value: &std::path::Path| toml::Value::from(value.display().to_string()).to_string();
    format!(
        "\n[[licence_seal]]\nissuer = \"{}\"\npurpose = \"{PURPOSE}\"\nseal = {}\nkey = {}\ncertificates = [{}, {}]\n",
        organisation.uscc,
        text(&seal_file(place)),
        text(&held.key),
        text(&held.certificate),
        text(&held.chain)
    )
}

/// Makes what is missing. What cannot be made (a machine without a Chinese font) is told and passed over: the rest of the demo runs.
pub(super) async fn make(place: &Place, world: &Arc<World>, lab: &Description) {
    if let Err(fault) = try_make(place, world, lab).await {
        tracing::warn!(%fault, "the sample licences could not be made");
        eprintln!("xinyin demo: 样例电子证照未能制作 the sample licences could not be made: {fault}");
    }
}

async fn try_make(place: &Place, world: &Arc<World>, lab: &Description) -> Result<(), Fault> {
    let Some((organisation, held)) = issuer(lab) else { return Ok(()) };
    let last = place.path("licences").join("ended.ofd");
    if files::is_there(&last) {
        return Ok(());
    }
    let asker = Asker::operator(world.config.agency.clone());
    if !files::is_there(&seal_file(place)) {
        seal(place, organisation, held).await?;
    }
    let definition = TYPE
        .lines()
        .map(|line| match line {
            line if line.starts_with("code = \"1135") => format!("code = \"{}\"", organisation.uscc),
            line if line.starts_with("name = \"龙岩市示例区") => format!("name = \"{}\"", organisation.name),
            line => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n");
    write(&place.path("licences").join("food-business.toml"), definition.as_bytes(), Access::Public)?;
    licences::register(world, &asker, &definition).await?;
    for (name, holder, ended) in [("licence", "示例餐饮店（张示例）", false), ("ended", "示例小吃店（李示例）", true)] {
        let application = json!({
            "holders": [{ "name": holder, "number": "350899199001010013" }],
            "fields": { "KZ_JYCS": "福建省龙岩市示例区示例路 1 号", "KZ_JYXM": "热食类食品制售；冷食类食品制售", "KZ_FZR": "张示例" }
        });
        let application: Application = serde_json::from_value(application).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        let key = format!("demo-{name}");
        let issued =
            licences::issue(world, &asker, &Order { kind: CODE, application, applicant: None, key: Some(&key), row: None }).await?;
        if ended {
            licences::act(world, &asker, &issued.identifier, Act::Cancelled, "样例：申请人申请注销", None).await?;
        } else {
            write(&place.path("licences").join("check-address.txt"), format!("{}\n", issued.address).as_bytes(), Access::Public)?;
        }
        for format in ["pdf", "ofd"] {
            if let Some(file) = licences::file(world, &world.config.agency, &issued.identifier, format).await? {
                write(&place.path("licences").join(format!("{name}.{format}")), &file.body, Access::Public)?;
            }
        }
    }
    Ok(())
}

/// The program's own `seal make`, as anybody would call it.
async fn seal(place: &Place, organisation: &Organisation, held: &Held) -> Result<(), Fault> {
    let broken = |error: std::io::Error| Fault::new(code::SYSTEM).because(error);
    let output = seal_file(place);
    if let Some(folder) = output.parent() {
        files::folder(folder, Access::Private).map_err(broken)?;
    }
    // Whether it is there is told here, not by the other process.
    read(&held.certificate)?;
    let mut command = Command::new(std::env::current_exe().map_err(broken)?);
    command.args(["seal", "make", "--days", "300", "--purpose", PURPOSE, "--owner", &organisation.name, "--uscc", &organisation.uscc]);
    command.arg("--key").arg(&held.key).arg("--cert").arg(&held.certificate).arg("--signer").arg(&held.certificate).arg(&output);
    let done = command.kill_on_drop(true).output().await.map_err(broken)?;
    if done.status.success() {
        return Ok(());
    }
    Err(Fault::new(code::LICENCE_SEAL).detail(String::from_utf8_lossy(&done.stderr).trim().to_owned()))
}
