//! The nats-server of `lastcall dev`: a child process with its store in the data folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::data_folder::DataFolder;

const START_WAIT: Duration = Duration::from_secs(20);
const STOP_WAIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// How much of its log is shown when the server does not start.
const LOG_LINES_SHOWN: usize = 5;

/// The program, where the variable does not name another.
const PROGRAM: &str = "nats-server";
const PROGRAM_VARIABLE: &str = "LASTCALL_NATS_SERVER";

/// Files in the server's folder.
const PID: &str = "pid";
const LOG: &str = "log";

/// A running server.
pub(super) struct NatsServer {
    pid: Pid,
    url: String,
    log: PathBuf,
    /// True once the process is gone.
    gone: watch::Receiver<bool>,
}

/// The server ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("nats-server ended by itself; its log is {}", log.display())]
pub(super) struct Died {
    log: PathBuf,
}

/// What the server writes about its ports.
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

impl NatsServer {
    /// Starts the server on a free port of the loopback address and waits until it says which.
    pub(super) async fn start(folder: &DataFolder) -> anyhow::Result<Self> {
        let home = folder.path("nats");
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        end_orphan(&home).await?;
        let mut child = spawn(&home)?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .context("nats-server ended at once")?;
        let url = match listening(&mut child, pid, &home).await {
            Ok(url) => url,
            Err(error) => {
                child.kill().await.context("cannot end nats-server")?;
                return Err(error);
            }
        };
        let (ended, gone) = watch::channel(false);
        tokio::spawn(async move {
            if let Err(error) = child.wait().await {
                tracing::warn!(%error, "cannot wait for nats-server");
            }
            ended.send_replace(true);
        });
        Ok(Self {
            pid,
            url,
            log: home.join(LOG),
            gone,
        })
    }

    /// Where clients reach it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends when told to, or with an error when the server ends before that.
    pub(super) fn watch(
        &self,
        shutdown: CancellationToken,
    ) -> impl Future<Output = Result<(), Died>> + Send + use<> {
        let (mut gone, log) = (self.gone.clone(), self.log.clone());
        async move {
            tokio::select! {
                () = shutdown.cancelled() => Ok(()),
                _ = gone.wait_for(|gone| *gone) => Err(Died { log }),
            }
        }
    }

    /// Ends the server, after it has written what it has.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        for signal in [Signal::TERM, Signal::KILL] {
            if *self.gone.borrow() {
                return Ok(());
            }
            kill_process(self.pid, signal).context("cannot signal nats-server")?;
            if tokio::time::timeout(STOP_WAIT, self.gone.wait_for(|gone| *gone))
                .await
                .is_ok()
            {
                return Ok(());
            }
            tracing::warn!("nats-server does not end");
        }
        bail!("nats-server (process {}) could not be ended", self.pid)
    }
}

fn spawn(home: &Path) -> anyhow::Result<Child> {
    let program = std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| PROGRAM.into());
    Command::new(&program)
        .args(["--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir"])
        .arg(home.join("store"))
        .arg("--pid")
        .arg(home.join(PID))
        .arg("--ports_file_dir")
        .arg(home)
        .arg("--log")
        .arg(home.join(LOG))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C in a terminal goes to a whole process group: the server must outlive what still writes to it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| {
            format!(
                "cannot start {}; install nats-server 2.14 or newer, put it on PATH or name it in {PROGRAM_VARIABLE}",
                program.to_string_lossy()
            )
        })
}

/// Waits for the file in which the server says where it listens.
async fn listening(child: &mut Child, pid: Pid, home: &Path) -> anyhow::Result<String> {
    let deadline = Instant::now() + START_WAIT;
    loop {
        if let Some(url) = ports_file(home, pid).and_then(|ports| ports.nats.into_iter().next()) {
            return Ok(url);
        }
        if let Some(status) = child.try_wait().context("cannot wait for nats-server")? {
            bail!(
                "nats-server ended at once ({status}); the end of its log:\n{}",
                log_end(home)
            );
        }
        if Instant::now() >= deadline {
            bail!(
                "nats-server does not listen after {START_WAIT:?}; the end of its log:\n{}",
                log_end(home)
            );
        }
        tokio::time::sleep(POLL).await;
    }
}

/// `<program>_<pid>.ports`. One that is not whole yet is read again.
fn ports_file(home: &Path, pid: Pid) -> Option<Ports> {
    let ending = format!("_{pid}.ports");
    let entry = fs::read_dir(home)
        .ok()?
        .flatten()
        .find(|e| e.file_name().to_string_lossy().ends_with(&ending))?;
    serde_json::from_slice(&fs::read(entry.path()).ok()?).ok()
}

fn log_end(home: &Path) -> String {
    let log = fs::read_to_string(home.join(LOG)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}

/// Ends the server of a `lastcall dev` that was killed. Two servers on one store would destroy it.
async fn end_orphan(home: &Path) -> anyhow::Result<()> {
    let pid = fs::read_to_string(home.join(PID))
        .ok()
        .and_then(|pid| pid.trim().parse().ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        let deadline = Instant::now() + STOP_WAIT;
        while is_server_of(pid, home).await? {
            if Instant::now() >= deadline {
                bail!("the nats-server of an earlier run (process {pid}) does not end; end it by hand");
            }
            tracing::info!(%pid, "ending the nats-server that an earlier run left behind");
            // It may have ended since it was looked for.
            let _ = kill_process(pid, Signal::TERM);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    for entry in fs::read_dir(home)?.flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "ports")
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether the process still is that server: its number may have gone to another one since.
async fn is_server_of(pid: Pid, home: &Path) -> anyhow::Result<bool> {
    let mut ps = Command::new("ps");
    ps.args(["-ww", "-o", "command=", "-p", &pid.to_string()]);
    let shown = ps
        .output()
        .await
        .context("cannot run ps to look for an earlier nats-server")?;
    let command = String::from_utf8_lossy(&shown.stdout).into_owned();
    Ok(command.contains(home.join("store").to_string_lossy().as_ref()))
}
