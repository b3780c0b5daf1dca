//! A real PostgreSQL for the tests: one server for each test process, one database for each test.
//!
//! The binaries are those beside the `initdb` on `PATH`, else the newest of Debian's folders. The server lives in a
//! temporary folder, is reached through a socket in it (so it needs no port) and keeps nothing safe from power
//! failures.
//!
//! A static is never dropped and a test may end by a signal, so the server is not stopped by us: a shell between it and
//! the tests waits until the pipe from this process closes, which happens however the process ends, and then stops the
//! server and deletes the folder.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
const DEBIAN: &str = "/usr/lib/postgresql";
const BINARIES: [&str; 4] = ["initdb", "postgres", "createdb", "psql"];
const USER: &str = "lastcall";

/// PostgreSQL refuses to run as root; the first of these that exists runs it then.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// `$1` is the folder of the binaries, `$2` that of the cluster.
///
/// Sorting as people do, where this PostgreSQL can: in the C locale a forgotten collation would go unnoticed.
const KEEPER: &str = r#"
init() { "$bin/initdb" --pgdata="$dir/data" --username=lastcall --auth=trust --encoding=UTF8 --no-sync "$@"; }
bin=$1 dir=$2
(
    init --locale-provider=icu --icu-locale=en-US || { rm -rf "$dir/data"; init; } &&
    exec "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=300 \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off
) >"$dir/log" 2>&1 &
cat >/dev/null
kill -TERM $!
kill -QUIT $!
wait $!
rm -rf "$dir"
"#;

/// A database of a test's own.
#[derive(Debug, Clone)]
pub struct Postgres {
    url: String,
    binaries: PathBuf,
    lock: PathBuf,
}

impl Postgres {
    /// An empty database, on a server that is started for the first one. Nothing, and a loud line on standard error,
    /// where this machine has no PostgreSQL.
    ///
    /// # Panics
    ///
    /// When there are binaries and no server comes of them within a minute; the message carries the server's own log.
    pub async fn start() -> Option<Self> {
        let database = tokio::task::spawn_blocking(|| {
            static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
            CLUSTER
                .get_or_init(Cluster::start)
                .as_ref()
                .map(Cluster::create_database)
        });
        let database = database.await.expect("a database for the test");
        if database.is_none() {
            // Not by a macro: the test harness would keep it to itself.
            let line = format!(
                "SKIPPED: no PostgreSQL ({} on PATH or below {DEBIAN})\n",
                BINARIES.join(", ")
            );
            std::io::stderr()
                .write_all(line.as_bytes())
                .expect("standard error can be written");
        }
        database
    }

    /// Where clients connect, for example `postgres://lastcall@localhost/t1?host=/tmp/x`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's process.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn process_id(&self) -> u32 {
        let lock = fs::read_to_string(&self.lock).expect("the server runs");
        let first = lock.lines().next().unwrap_or_default();
        first.parse().expect("the first line is its process id")
    }

    /// Does what the statements say, one after another.
    ///
    /// # Panics
    ///
    /// When one of them fails.
    pub async fn execute(&self, statements: &str) {
        let mut psql = tokio::process::Command::new(self.binaries.join("psql"))
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                "--dbname",
                &self.url,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("psql runs");
        let mut stdin = psql.stdin.take().expect("its input is a pipe");
        stdin
            .write_all(statements.as_bytes())
            .await
            .expect("psql reads them");
        drop(stdin);
        let status = psql.wait().await.expect("psql ends");
        assert!(status.success(), "psql: {status}");
    }
}

/// What this machine has, as it calls itself.
pub fn version() -> Option<String> {
    let output = Command::new(binaries()?.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

struct Cluster {
    binaries: PathBuf,
    directory: PathBuf,
    /// Holds the pipe whose end stops the server.
    _keeper: Child,
}

impl Cluster {
    fn start() -> Option<Self> {
        let binaries = binaries()?;
        // The keeper deletes it, later than we could.
        let directory = TempDir::with_prefix("pg")
            .expect("a folder for the cluster")
            .keep();
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "sh"])
            .arg(&binaries)
            .arg(&directory)
            .stdin(Stdio::piped());
        // Not in our process group: Ctrl-C would end the keeper before it has done its work.
        keeper.process_group(0).current_dir(&directory);
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = unprivileged_user();
            chown(&directory, Some(uid), Some(gid)).expect("the folder can be given away");
            keeper.uid(uid).gid(gid);
        }
        let cluster = Self {
            _keeper: keeper.spawn().expect("a shell for the server"),
            binaries,
            directory,
        };
        cluster.wait_until_ready();
        Some(cluster)
    }

    /// The server says in its lock file, on the last line, what it is at.
    fn wait_until_ready(&self) {
        let lock = self.lock();
        let deadline = Instant::now() + START_LIMIT;
        while !fs::read_to_string(&lock).is_ok_and(|lines| lines.trim_end().ends_with("ready")) {
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                panic!("PostgreSQL did not start:\n{log}");
            }
            thread::sleep(POLL);
        }
    }

    fn lock(&self) -> PathBuf {
        self.directory.join("data/postmaster.pid")
    }

    fn create_database(&self) -> Postgres {
        let name = format!("t{}", Uuid::new_v4().simple());
        let created = Command::new(self.binaries.join("createdb"))
            .arg("--host")
            .arg(&self.directory)
            .args(["--username", USER, &name])
            .output()
            .expect("createdb runs");
        assert!(
            created.status.success(),
            "createdb: {}",
            String::from_utf8_lossy(&created.stderr)
        );
        let folder = self
            .directory
            .to_string_lossy()
            .replace('%', "%25")
            .replace(' ', "%20");
        Postgres {
            url: format!("postgres://{USER}@localhost/{name}?host={folder}"),
            binaries: self.binaries.clone(),
            lock: self.lock(),
        }
    }
}

/// A folder that has all the binaries.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Links to single binaries are common there; the others are where they lead.
    let on_path =
        std::env::split_paths(&path).filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok());
    let on_path = on_path.filter_map(|initdb| initdb.parent().map(Path::to_owned));
    let mut of_debian: Vec<PathBuf> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .map(|v| v.path())
        .collect();
    of_debian.sort_by_key(|version| {
        version
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok())
    });
    let of_debian = of_debian.into_iter().rev().map(|version| version.join("bin"));
    on_path
        .chain(of_debian)
        .find(|folder| BINARIES.iter().all(|name| folder.join(name).is_file()))
}

fn unprivileged_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let ids = |user: &str| {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect())
            .find(|f: &Vec<&str>| f[0] == user)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    UNPRIVILEGED
        .iter()
        .find_map(|user| ids(user))
        .expect("a user to run PostgreSQL as")
}
