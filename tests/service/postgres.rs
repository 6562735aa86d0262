//! Databases for tests: a fresh SQLite file, or a fresh database in a throw-away PostgreSQL cluster.
//!
//! The tests run as many processes; the first that needs PostgreSQL starts one cluster (as an unprivileged user, on a unix
//! socket) and all share it. Each process holds a shared lock on a file while it lives; a watcher stops and deletes the cluster
//! soon after the last lock is gone, however the tests ended.

use crate::peers;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use xinyin::store::{Sealer, Store};
use xinyin::world::{SystemDice, random};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// The throw-away cluster.
    Postgres,
}

/// An empty, migrated database of a test.
pub struct Database {
    /// The store, with fresh keys.
    pub store: Store,
    /// Its address.
    pub url: String,
    /// Its key file's text.
    pub keys: String,
    /// A folder that lives as long as the test.
    pub folder: tempfile::TempDir,
}

impl Database {
    /// Of a kind; `None` (a counted skip) where PostgreSQL is not installed.
    pub async fn new(test: &str, kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = match kind {
            Kind::Sqlite => format!("sqlite://{}", folder.path().join("xinyin.db").display()),
            Kind::Postgres => fresh_database(test)?,
        };
        let keys = Sealer::new_key_file(&SystemDice).to_string();
        let store = Store::create(&url, sealer(&keys)).await.expect("a fresh database");
        Some(Self { store, url, keys, folder })
    }
}

/// A sealer from a key file's text.
pub fn sealer(keys: &str) -> Sealer {
    Sealer::from_key_file(keys, Arc::new(SystemDice)).expect("a good key file")
}

/// Address of a fresh, empty PostgreSQL database; `None` (a counted skip) where PostgreSQL is not installed.
pub fn fresh_database(test: &str) -> Option<String> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| Cluster::join(test)).as_ref()?;
    let name = format!("t{}", hex::encode(random::<8>(&SystemDice)));
    let socket = cluster.folder.display();
    let output = cluster
        .command("psql")
        .args(["-qXw", "-h"])
        .arg(&cluster.folder)
        .args(["-d", "postgres", "-c"])
        .arg(format!("CREATE DATABASE {name}"))
        .output();
    let output = output.expect("psql runs");
    assert!(output.status.success(), "CREATE DATABASE: {}", peers::said(&output));
    Some(format!("postgres://{}@localhost/{name}?host={socket}", cluster.user))
}

/// Data files of the cluster, for tests that search them: the folder.
pub fn data_folder(url: &str) -> PathBuf {
    PathBuf::from(url.split_once("?host=").expect("an address of this file's making").1)
}

struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    user: &'static str,
    _in_use: File,
}

impl Cluster {
    /// Starts the cluster, or joins the one that another test process started.
    fn join(test: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            peers::skip(test, "postgresql-15 is not installed");
            return None;
        };
        let locks = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::create_dir_all(locks).expect("the folder for temporary files of tests");
        let open = |name: &str| {
            let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(locks.join(name));
            file.expect("a lock file")
        };
        let door = open("postgres.door");
        door.lock().expect("the door's lock");
        let in_use = open("postgres.in-use");
        let place = locks.join("postgres.folder");
        in_use.lock_shared().expect("the cluster's lock");
        // One that was killed from outside leaves its folder behind.
        let lives = |folder: &PathBuf| {
            let said = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
            let pid = said.lines().next().unwrap_or_default().trim();
            let command = std::fs::read_to_string(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
            command.contains(&*folder.to_string_lossy())
        };
        let running = std::fs::read_to_string(&place).ok().map(PathBuf::from).filter(lives);
        // Only root can change who it is, and PostgreSQL refuses to run as root.
        let user = if is_root() { "postgres" } else { "xinyin" };
        let mut cluster = Self { folder: running.clone().unwrap_or_default(), programs, user, _in_use: in_use };
        if running.is_none() {
            cluster.folder = std::env::temp_dir().join(format!("xinyin-pg-{}", hex::encode(random::<6>(&SystemDice))));
            std::fs::write(&place, cluster.folder.display().to_string()).expect("where the cluster is");
            cluster.start(locks);
        }
        drop(door);
        Some(cluster)
    }

    fn start(&self, locks: &Path) {
        std::fs::create_dir(&self.folder).expect("the cluster's folder");
        if is_root() {
            let output = Command::new("chown").arg("postgres:").arg(&self.folder).output().expect("chown runs");
            assert!(output.status.success(), "chown: {}", peers::said(&output));
        }
        self.watch(locks);
        let data = self.folder.join("data");
        let mut initdb = self.command("initdb");
        initdb.args(["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-U", self.user, "-D"]).arg(&data);
        let output = peers::run(&mut initdb, 120);
        assert!(output.status.success(), "initdb: {}", peers::said(&output));
        // What is tested is the program's transactions, not the disk.
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=200 -c log_min_messages=fatal",
            self.folder.display()
        );
        let mut start = self.command("pg_ctl");
        start.args(["-w", "-t", "60", "-s", "-l"]).arg(self.folder.join("log")).arg("-D").arg(&data).args(["-o", &settings, "start"]);
        // The server inherits these: a pipe would stay open as long as it runs.
        let status = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("pg_ctl runs");
        assert!(status.success(), "pg_ctl start: {}", std::fs::read_to_string(self.folder.join("log")).unwrap_or_default());
    }

    /// Leaves a small program behind that removes the cluster when no test process has used it for some seconds.
    fn watch(&self, locks: &Path) {
        let stop = r#"
            while sleep 3; do
                exec 8>"$1/postgres.door" 9>"$1/postgres.in-use"
                if flock -n 8 && flock -n 9; then
                    pid=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
                    for wait in 1 2 3 4 5 6 7 8 9 10; do [ -e "$2/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && sleep 0.5; done
                    rm -rf "$2" "$1/postgres.folder"
                    exit
                fi
                exec 8>&- 9>&-
            done"#;
        let watcher = Command::new("setsid")
            .args(["--fork", "sh", "-c", stop, "xinyin-test-cluster"])
            .arg(locks)
            .arg(&self.folder)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(watcher.is_ok_and(|status| status.success()), "setsid, of util-linux, runs");
    }

    /// A PostgreSQL program, as the unprivileged user.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        if name == "psql" {
            command.env("PGUSER", self.user);
        }
        command.current_dir(&self.folder);
        command
    }
}

fn programs() -> Option<PathBuf> {
    let folder = PathBuf::from("/usr/lib/postgresql/15/bin");
    folder.join("initdb").is_file().then_some(folder)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
