//! The built binary as people use it: commands that end, and processes that run until they are told to end.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::nats::{self, NatsServer};
use crate::person::Person;

/// For what has to happen, on a machine that is busy with other tests.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Settings with which no job is run by the clock, so that a test alone decides what runs.
pub const CLOCK_OFF: [&str; 4] = [
    "--set=scheduler.coupon_expiring.schedule.cron=0 0 0 29 2 *",
    "--set=scheduler.funding_closing.schedule.cron=0 0 0 29 2 *",
    "--set=scheduler.funding_settlement.schedule.cron=0 0 0 29 2 *",
    "--set=scheduler.alert_due.schedule.cron=0 0 0 29 2 *",
];

/// What tokens are signed with where a test has servers of its own.
pub const TOKEN_KEY: &str = "a key of the tests with more than 32 bytes";

const POLL: Duration = Duration::from_millis(5);

/// How the binary is called.
#[derive(Debug, Clone)]
pub struct Lastcall {
    binary: PathBuf,
    arguments: Vec<OsString>,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// A process that runs until it is told to end. Dropping it tells it so, and kills it if that does not help.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: TempDir,
}

/// A running `lastcall dev`.
#[derive(Debug)]
pub struct Dev {
    /// The process.
    pub process: Process,
    /// `http`, `nats`, `database` and `token_key`, as it says itself.
    pub endpoints: Value,
    /// The binary, called so that it reaches this `dev`.
    pub lastcall: Lastcall,
}

/// Polls until `look` finds something.
///
/// # Panics
///
/// When it does not within [`LIMIT`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

impl Lastcall {
    /// The binary at this path.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            arguments: Vec::new(),
        }
    }

    /// With these arguments at the end of each command.
    #[must_use]
    pub fn with<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Self {
        let mut more = self.clone();
        more.arguments
            .extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        more
    }

    /// With these servers, a key for tokens and any free port to answer on, once the tables are made.
    ///
    /// # Panics
    ///
    /// When they cannot be made.
    pub async fn deployed_on(&self, nats: &NatsServer, database: &str) -> Self {
        let lastcall = self.with([
            &format!("--nats={}", nats.url()),
            &format!("--database={database}"),
            &format!("--set=auth.hs256_key={TOKEN_KEY}"),
            "--set=http.listen=127.0.0.1:0",
        ]);
        lastcall.succeed(["migrate"]).await;
        lastcall
    }

    /// Runs a command to its end.
    pub async fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        let mut process = self.start(arguments);
        let status = process.ended().await;
        Ended {
            status,
            stdout: process.stdout(),
            stderr: process.stderr(),
        }
    }

    /// Runs a command that has to do what it is asked for, and returns what it wrote.
    ///
    /// # Panics
    ///
    /// When its exit code is not 0.
    pub async fn succeed<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let ended = self.run(arguments).await;
        assert!(ended.status.success(), "{ended:?}");
        ended.stdout
    }

    /// The last line that a command with `--json` wrote.
    ///
    /// # Panics
    ///
    /// When its exit code is not 0, or the line is no JSON.
    pub async fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        last_line_json(&self.succeed(arguments).await)
    }

    /// Starts a command.
    ///
    /// # Panics
    ///
    /// When the binary cannot be started.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Process {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(&self.arguments);
        Process::start(command)
    }

    /// A token for somebody.
    pub async fn token(&self, user: &str) -> String {
        // In one argument, or a user whose id begins with a dash would be taken for an option.
        let user = format!("--user={user}");
        let token = self.succeed(["token", &user]).await;
        token.trim().to_owned()
    }
}

impl Process {
    /// Starts any command, with its output in files of its own.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let output = TempDir::new().expect("a folder for the output");
        let file = |name: &str| File::create(output.path().join(name)).expect("a file for the output");
        // What is set for the one who runs the tests says nothing about the test.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LASTCALL_") {
                command.env_remove(name);
            }
        }
        let child = command
            .env("LASTCALL_NATS_SERVER", nats::binary())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self { child, output }
    }

    /// What it has written to standard output.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.output.path().join("stdout")).unwrap_or_default()
    }

    /// What it has written to standard error.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.output.path().join("stderr")).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).expect("the process is there");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it does not end within [`LIMIT`].
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.poll() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.stderr());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Tells it to end, and waits for that.
    pub async fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended().await
    }

    /// Ends it as `kill -9` does.
    pub async fn kill(&mut self) {
        self.stop(Signal::KILL).await;
    }

    /// How it ended, if it has.
    pub fn poll(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process is a child of ours")
    }

    /// Waits until it answers there with success.
    ///
    /// # Panics
    ///
    /// When it ends before, or does not within [`LIMIT`].
    pub async fn answers(&mut self, url: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let answer = reqwest::get(url).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = self.poll();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{url} does not answer ({ended:?}):\n{}",
                self.stderr()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// The rest of the first line that begins with `start`, on standard output.
    ///
    /// # Panics
    ///
    /// When the process ends before, or there is none within [`LIMIT`].
    pub async fn said(&mut self, start: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let stdout = self.stdout();
            let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some(rest) = whole.lines().find_map(|line| line.strip_prefix(start)) {
                return rest.to_owned();
            }
            let ended = self.poll();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it did not say {start:?} ({ended:?}):\n{stdout}\n{}",
                self.stderr()
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Process {
    /// A `dev` that is killed leaves its nats-server behind, so it is asked first.
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(15);
        if self.poll().is_none() {
            self.signal(Signal::TERM);
        }
        while self.poll().is_none() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Dev {
    /// Starts `lastcall dev` on a data folder and waits until all of it is up.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub async fn start(lastcall: &Lastcall, folder: &Path, arguments: &[&str]) -> Self {
        let file = folder.join("endpoints.json");
        // A `dev` that was killed could not take it away.
        let _ = fs::remove_file(&file);
        let command = ["dev".as_ref(), "--data".as_ref(), folder.as_os_str()];
        let command = command.into_iter().chain(arguments.iter().map(OsStr::new));
        let mut process = lastcall.start(command);
        let deadline = Instant::now() + LIMIT;
        while !file.exists() {
            let ended = process.poll();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "`dev` does not come up ({ended:?}):\n{}",
                process.stderr()
            );
            tokio::time::sleep(POLL).await;
        }
        let endpoints = fs::read(&file).expect("endpoints.json can be read");
        Self {
            process,
            endpoints: serde_json::from_slice(&endpoints).expect("endpoints.json is JSON"),
            lastcall: Lastcall::new(&lastcall.binary).with(["--endpoints".as_ref(), file.as_os_str()]),
        }
    }

    /// One of the endpoints.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn endpoint(&self, name: &str) -> &str {
        self.endpoints[name].as_str().expect("such an endpoint")
    }

    /// Somebody, with a token that this `dev` believes.
    pub async fn person(&self, user: &str) -> Person {
        let token = self.lastcall.token(user).await;
        Person::new(self.endpoint("http"), self.endpoint("http"), token)
    }
}

/// The last line, which commands with `--json` end with.
///
/// # Panics
///
/// When it is no JSON.
pub fn last_line_json(stdout: &str) -> Value {
    let line = stdout.lines().next_back().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}
