//! A real Chromium, driven through chromedriver. Both are looked for on `PATH`.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use futures::FutureExt as _;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::programs::{find, skipped};

const DRIVER: &str = "chromedriver";
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const START_LIMIT: Duration = Duration::from_secs(30);
const START_ATTEMPTS: usize = 5;

/// Nothing of the browser's own may be on the network, and what a test sees may not depend on a profile.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Runs `scenario` in a browser of its own. When it panics, a picture of the page goes to `picture` first.
///
/// Where this machine has no browser, only a loud line is written to standard error.
///
/// # Panics
///
/// When the scenario does, or the browser does not start.
pub async fn in_browser<F>(picture: &Path, scenario: impl FnOnce(Client) -> F)
where
    F: Future<Output = ()>,
{
    let Some((driver, browser)) = programs() else {
        skipped(&format!("no {DRIVER} and {} on PATH", BROWSERS[0]));
        return;
    };
    let profile = TempDir::new().expect("a folder for the profile");
    let (_driver, url) = start(&driver).await;
    let client = connect(&url, &browser, profile.path()).await;
    let outcome = AssertUnwindSafe(scenario(client.clone())).catch_unwind().await;
    if outcome.is_err() {
        keep_picture(&client, picture).await;
    }
    // Ends the browser; its driver, which would leave it behind, is killed only after that.
    let closed = client.close().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
    closed.expect("the browser can be closed");
}

/// Whether this machine has a browser.
pub fn is_here() -> bool {
    programs().is_some()
}

fn programs() -> Option<(PathBuf, PathBuf)> {
    find(DRIVER).zip(BROWSERS.into_iter().find_map(find))
}

/// The driver takes a free port and says which. It wants the same one for IPv6, and ends when somebody else has that.
async fn start(driver: &Path) -> (Child, String) {
    for _ in 0..START_ATTEMPTS {
        let started = tokio::time::timeout(START_LIMIT, try_start(driver)).await;
        if let Some(started) = started.expect("chromedriver comes up in time") {
            return started;
        }
    }
    panic!("chromedriver ended without saying its port, {START_ATTEMPTS} times");
}

async fn try_start(driver: &Path) -> Option<(Child, String)> {
    let mut process = Command::new(driver)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver starts");
    let mut said = BufReader::new(process.stdout.take().expect("its output is ours")).lines();
    while let Ok(Some(line)) = said.next_line().await {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
            // What it says later has to go somewhere, or it would block or end.
            tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
            return Some((process, url));
        }
    }
    None
}

async fn connect(driver: &str, browser: &Path, profile: &Path) -> Client {
    let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.push("--window-size=1200,900".to_owned());
    let mut wanted = Capabilities::new();
    wanted.insert(
        "goog:chromeOptions".to_owned(),
        json!({ "args": arguments, "binary": browser }),
    );
    ClientBuilder::new(HttpConnector::new())
        .capabilities(wanted)
        .connect(driver)
        .await
        .expect("the browser starts")
}

async fn keep_picture(client: &Client, picture: &Path) {
    let kept = match client.screenshot().await {
        Ok(png) => std::fs::write(picture, png).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match kept {
        Ok(()) => eprintln!("the page as it was: {}", picture.display()),
        Err(error) => eprintln!("no picture of the page: {error}"),
    }
}
