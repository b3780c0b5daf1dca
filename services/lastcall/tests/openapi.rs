//! What the description of the API says, as Schemathesis sees it, which nobody here wrote: it makes requests of the
//! description, good and bad ones, and compares every answer with it.
//!
//! Left out is the stream, whose answer lasts: the edge's own tests ask it whatever can be asked.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall, Process};

/// For some thousands of requests, on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(600);

const POLL: Duration = Duration::from_millis(50);

/// Requests for each operation and kind of test.
const EXAMPLES: &str = "--max-examples=30";

/// What a description cannot say makes good-looking requests bad: two fields of which one must be there, times that lie
/// ahead, keys and conditions that belong to earlier requests.
const NOT_CHECKED: &str = "--exclude-checks=positive_data_acceptance";

/// A long poll answers at once. Like a stream it passes over parameters that it does not know: what a proxy adds must not
/// keep anybody from their notifications.
const LONG_POLL: &str = r#"
[[operations]]
include-path = "/v1/events"
parameters = { "query.wait" = 0 }
checks = { negative_data_rejection = { enabled = false } }
"#;

fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(".tools/venv/bin/python")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_the_answer_is_one_that_the_description_has_and_never_a_fault() {
    let folder = TempDir::new().unwrap();
    let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(CLOCK_OFF);
    let dev = Dev::start(&lastcall, folder.path(), &["--http=127.0.0.1:0"]).await;
    let token = ["token", "--user=mina", "--scope=announcements:write"];
    let token = dev.lastcall.succeed(token).await;

    // It looks there by itself.
    fs::write(folder.path().join("schemathesis.toml"), LONG_POLL).unwrap();
    let mut asking = Command::new(python());
    asking
        .current_dir(folder.path())
        .args([
            "-m",
            "schemathesis.cli",
            "run",
            "--no-color",
            EXAMPLES,
            NOT_CHECKED,
        ])
        .arg("--exclude-path=/v1/stream")
        .arg(format!("--header=Authorization: Bearer {}", token.trim()))
        .arg(format!("{}/v1/openapi.json", dev.endpoint("http")));
    let mut asking = Process::start(asking);
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = asking.poll() {
            break status;
        }
        assert!(Instant::now() < deadline, "it does not end:\n{}", asking.stdout());
        tokio::time::sleep(POLL).await;
    };
    let said = asking.stdout();
    assert!(status.success(), "{said}\n{}", asking.stderr());
    assert!(passed(&said) > 500, "hardly anything was asked:\n{said}");
    println!("{said}");
}

/// How many of its requests were answered as described.
fn passed(said: &str) -> usize {
    let summary = said.lines().find_map(|line| line.split_once(" generated, "));
    let count = summary.and_then(|(_, rest)| rest.split_once(" passed"));
    count
        .and_then(|(count, _)| count.trim().parse().ok())
        .unwrap_or(0)
}
