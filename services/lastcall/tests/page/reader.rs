//! A person who has the page open in a browser, and what they see on it.

use std::path::{Path, PathBuf};

use chrono::{Days, Utc};
use fantoccini::{Client, Locator};
use serde_json::Value;
use test_support::csv_file;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall, eventually};

pub(crate) const READER: &str = "reader";

pub(crate) fn lastcall() -> Lastcall {
    Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(CLOCK_OFF)
}

/// An empty `dev` on a free port.
pub(crate) const OPTIONS: [&str; 2] = ["--seed=none", "--http=127.0.0.1:0"];

/// A `dev` with two people and nothing to tell.
pub(crate) async fn start(folder: &Path) -> Dev {
    start_with(&lastcall(), folder).await
}

pub(crate) async fn start_with(lastcall: &Lastcall, folder: &Path) -> Dev {
    let dev = Dev::start(lastcall, folder, &OPTIONS).await;
    let users = [READER, "another"].map(|id| vec![id.to_owned(), "en".to_owned(), "Asia/Seoul".to_owned()]);
    import(&dev, folder, "users", &["id", "locale", "time_zone"], users).await;
    dev
}

pub(crate) async fn import(
    dev: &Dev,
    folder: &Path,
    kind: &str,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let file = folder.join(format!("{kind}.csv"));
    csv_file::write(&file, columns, rows);
    dev.lastcall
        .succeed(["import", kind, file.to_str().unwrap()])
        .await;
}

pub(crate) async fn import_coupons(dev: &Dev, folder: &Path, prefix: &str, count: usize) {
    let coupons = (0..count).map(|i| vec![format!("{prefix}{i}"), READER.to_owned(), tomorrow()]);
    import(dev, folder, "coupons", &["id", "user_id", "expires_on"], coupons).await;
}

pub(crate) fn tomorrow() -> String {
    (Utc::now().date_naive() + Days::new(1)).to_string()
}

/// Where the picture goes of a page on which a test fails.
pub(crate) fn picture(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.png"))
}

pub(crate) async fn open_as_reader(page: &Client, dev: &Dev) {
    page.goto(dev.endpoint("http")).await.unwrap();
    until(page, "there are people to choose from", "!$('#user').disabled").await;
    let select = page.find(Locator::Css("#user")).await.unwrap();
    select.select_by_value(READER).await.unwrap();
    until(
        page,
        "the reader is chosen and connected",
        "new URLSearchParams(location.search).get('user') === 'reader' \
         && $('#connection').dataset.state === 'live'",
    )
    .await;
}

pub(crate) async fn see(page: &Client, expression: &str) -> Value {
    let script = format!(
        "const $ = (selector) => document.querySelector(selector);
         const all = (selector, take) => [...document.querySelectorAll(selector)].map(take);
         return {expression};"
    );
    page.execute(&script, Vec::new()).await.unwrap()
}

pub(crate) async fn until(page: &Client, what: &str, condition: &str) {
    eventually(what, || async {
        (see(page, condition).await == true).then_some(())
    })
    .await;
}

pub(crate) async fn until_unread(page: &Client, count: usize) {
    let condition =
        format!("$('#bell').dataset.unread === '{count}' && $('#unread').textContent === '{count}'");
    until(page, &format!("the bell says {count}"), &condition).await;
}

pub(crate) async fn click(page: &Client, selector: &str) {
    page.find(Locator::Css(selector))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

pub(crate) async fn ids(page: &Client) -> Vec<String> {
    let ids = see(page, "all('#notifications li[data-id]', (row) => row.dataset.id)").await;
    serde_json::from_value(ids).unwrap()
}

/// What the inbox has for the reader, newest first.
pub(crate) async fn ids_in_the_inbox(dev: &Dev) -> Vec<String> {
    let rows = dev.person(READER).await.notifications().await;
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}
