//! Installing: configuration, keys, database, the first agency. Interrupted, it is run again and goes on where it was.

use crate::config::Config;
use crate::fault::{Fault, code};
use crate::files::{self, Access};
use crate::ids::AgencyId;
use crate::moment::Moment;
use crate::store::{Sealer, Store, agencies, audit};
use crate::world::{Dice, SystemDice, World};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a new installation is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder, made where it is missing.
    pub folder: PathBuf,
    /// The issuer.
    pub issuer: String,
    /// Where to listen.
    pub listen: String,
    /// The database.
    pub database: String,
    /// The agency that runs it.
    pub agency: AgencyId,
    /// Its name.
    pub agency_name: String,
    /// Further lines of the configuration (the demo's provincial sections).
    pub more: String,
}

/// The name of the configuration file.
pub const CONFIG: &str = "xinyin.toml";

/// Makes an installation and returns its configuration file. An existing one is not touched: [`code::INSTALLED`].
pub async fn install(plan: &Plan, now: Moment) -> Result<PathBuf, Fault> {
    let path = plan.folder.join(CONFIG);
    if files::read_if_there(&path).map_err(|error| file(&path, &error))?.is_some() {
        return Err(Fault::new(code::INSTALLED).detail(path.display().to_string()));
    }
    // The checked form first: a mistake leaves nothing behind.
    let text = Config::template(&plan.issuer, &plan.listen, &plan.database, plan.agency.as_str()) + &plan.more;
    let config = Config::parse(&text, &path)?;
    files::folder(&plan.folder, Access::Private).map_err(|error| file(&plan.folder, &error))?;
    files::folder(&config.data, Access::Private).map_err(|error| file(&config.data, &error))?;
    if files::read_if_there(&config.keys).map_err(|error| file(&config.keys, &error))?.is_none() {
        let keys = Sealer::new_key_file(&SystemDice);
        files::write_atomic(&config.keys, keys.as_bytes(), Access::Private).map_err(|error| file(&config.keys, &error))?;
    }
    // SQLite would make its file readable for others.
    let database = config.database.strip_prefix("sqlite://").map(Path::new);
    if let Some(database) = database.filter(|path| !files::is_there(path)) {
        files::write_atomic(database, b"", Access::Private).map_err(|error| file(database, &error))?;
    }
    let dice: Arc<dyn Dice> = Arc::new(SystemDice);
    let store = Store::create(&config.database, World::sealer(&config, dice)?).await?;
    let (agency, name) = (&plan.agency, plan.agency_name.as_str());
    let first = store.write("first agency", |tx| {
        Box::pin(async move {
            if agencies::find(tx, agency).await?.is_none() {
                agencies::add(tx, agency, name, now).await?;
                let facts = serde_json::json!({ "version": env!("CARGO_PKG_VERSION") });
                let entry =
                    audit::Entry { agency: Some(agency), party: None, at: now, event: "installation.made", facts: &facts, personal: None };
                audit::append(tx, entry).await?;
            }
            Ok(())
        })
    });
    first.await?;
    store.close().await;
    // Last: an installation with a configuration is a whole one.
    files::write_atomic(&path, text.as_bytes(), Access::Private).map_err(|error| file(&path, &error))?;
    Ok(path)
}

fn file(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(code::FILE).detail(format!("{}: {error}", path.display()))
}
