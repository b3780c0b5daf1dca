//! The page of `lastcall dev` in a real browser.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{Days, Utc};
use fantoccini::{Client, Locator};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use test_support::browser::in_browser;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall, Process, eventually};
use test_support::{csv_file, nats};

const READER: &str = "reader";

/// Text that breaks pages which take it for markup, and text that does not survive careless handling.
const TITLES: [&str; 8] = [
    "Lamp, \"hand made\", 2nd edition",
    "달빛 램프 — 손으로 만든 무드등",
    "مصباح القمر، الطبعة الثانية",
    "🌙 👩‍👩‍👧‍👦 family lamp",
    "<script>window.broken = true</script>",
    "<img src=x onerror=\"window.broken = true\">",
    "Salt & Pepper &amp; &lt;Sons&gt;",
    "it's 100% \\ 'quoted' `ticks` ${window.broken = true}",
];

fn lastcall() -> Lastcall {
    Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(CLOCK_OFF)
}

async fn start(folder: &Path) -> Dev {
    let dev = Dev::start(&lastcall(), folder, &["--seed=none", "--http=127.0.0.1:0"]).await;
    let users = [READER, "another"].map(|id| vec![id.to_owned(), "en".to_owned(), "Asia/Seoul".to_owned()]);
    import(&dev, folder, "users", &["id", "locale", "time_zone"], users).await;
    dev
}

async fn import(
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

/// Fundings with those titles that close tomorrow, followed by the reader.
async fn import_closing_fundings(dev: &Dev, folder: &Path) {
    let columns = ["id", "title", "goal", "currency", "closes_at"];
    let fundings = TITLES.iter().enumerate().map(|(i, title)| {
        [&format!("f{i}"), *title, "1000", "EUR", &tomorrow()]
            .map(str::to_owned)
            .to_vec()
    });
    import(dev, folder, "fundings", &columns, fundings).await;
    let follows = (0..TITLES.len()).map(|i| vec![format!("f{i}"), READER.to_owned()]);
    import(dev, folder, "follows", &["funding_id", "user_id"], follows).await;
}

async fn import_coupons(dev: &Dev, folder: &Path, prefix: &str, count: usize) {
    let coupons = (0..count).map(|i| vec![format!("{prefix}{i}"), READER.to_owned(), tomorrow()]);
    import(dev, folder, "coupons", &["id", "user_id", "expires_on"], coupons).await;
}

fn tomorrow() -> String {
    (Utc::now().date_naive() + Days::new(1)).to_string()
}

/// Where the picture goes of a page on which a test fails.
fn picture(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.png"))
}

async fn open_as_reader(page: &Client, dev: &Dev) {
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

async fn see(page: &Client, expression: &str) -> Value {
    let script = format!(
        "const $ = (selector) => document.querySelector(selector);
         const all = (selector, take) => [...document.querySelectorAll(selector)].map(take);
         return {expression};"
    );
    page.execute(&script, Vec::new()).await.unwrap()
}

async fn until(page: &Client, what: &str, condition: &str) {
    eventually(what, || async {
        (see(page, condition).await == true).then_some(())
    })
    .await;
}

async fn until_unread(page: &Client, count: usize) {
    let condition =
        format!("$('#bell').dataset.unread === '{count}' && $('#unread').textContent === '{count}'");
    until(page, &format!("the bell says {count}"), &condition).await;
}

async fn click(page: &Client, selector: &str) {
    page.find(Locator::Css(selector))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

async fn ids(page: &Client) -> Vec<String> {
    let ids = see(page, "all('#notifications li[data-id]', (row) => row.dataset.id)").await;
    serde_json::from_value(ids).unwrap()
}

/// What the inbox has for the reader, newest first.
async fn ids_in_the_inbox(dev: &Dev) -> Vec<String> {
    let rows = dev.person(READER).await.notifications().await;
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_says_arrives_live_with_its_titles_intact_as_text() {
    in_browser(&picture("arrives_live"), async |page| {
        let folder = TempDir::new().unwrap();
        let dev = start(folder.path()).await;
        import_closing_fundings(&dev, folder.path()).await;
        open_as_reader(&page, &dev).await;
        assert_eq!(see(&page, "$('#bell').dataset.unread").await, "0");
        assert_eq!(
            see(&page, "$('#empty').hidden").await,
            false,
            "the page says that there is nothing"
        );

        click(&page, "button[data-job=funding-closing]").await;
        until_unread(&page, TITLES.len()).await;
        until(
            &page,
            "the page shows what the run did",
            &format!("$('output[data-emitted=\"{}\"]') !== null", TITLES.len()),
        )
        .await;
        let arrived = see(&page, "Number($('#arrived').textContent)").await;
        assert_eq!(arrived, TITLES.len(), "by the stream, none twice");
        assert!(see(&page, "all('.toast', () => 1).length").await.as_u64() >= Some(1));

        let shown = see(
            &page,
            "all('#notifications li .title', (title) => title.textContent)",
        )
        .await;
        let mut shown: Vec<String> = serde_json::from_value(shown).unwrap();
        let mut expected = TITLES.map(|title| format!("Closing soon: {title}"));
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected);
        assert_eq!(see(&page, "window.broken ?? 'no'").await, "no", "text stays text");
        assert_eq!(
            see(
                &page,
                "all('#notifications script, #notifications img', () => 1).length"
            )
            .await,
            0
        );
        assert_eq!(ids(&page).await, ids_in_the_inbox(&dev).await);

        click(&page, "button[data-job=funding-closing]").await;
        until(
            &page,
            "a second run has nothing to say",
            "$('output[data-emitted=\"0\"]') !== null",
        )
        .await;
        assert_eq!(ids(&page).await.len(), TITLES.len());
        let select = page.find(Locator::Css("#user")).await.unwrap();
        select.select_by_value("another").await.unwrap();
        until(
            &page,
            "another person has none of it",
            "$('#connection').dataset.state === 'live' \
             && $('#bell').dataset.unread === '0' && all('#notifications li', () => 1).length === 0",
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_paged_by_cursor_and_agrees_with_the_inbox() {
    in_browser(&picture("long_list"), async |page| {
        let folder = TempDir::new().unwrap();
        let dev = start(folder.path()).await;
        import_coupons(&dev, folder.path(), "first", 45).await;
        dev.lastcall.succeed(["jobs", "run", "coupon-expiring"]).await;
        open_as_reader(&page, &dev).await;
        until_unread(&page, 45).await;
        assert_eq!(ids(&page).await, ids_in_the_inbox(&dev).await[..20]);
        for shown in [40, 45] {
            click(&page, "#more").await;
            until(
                &page,
                "older ones are shown",
                &format!("all('#notifications li', () => 1).length === {shown}"),
            )
            .await;
        }
        assert_eq!(
            see(&page, "$('#more').hidden").await,
            true,
            "that was the last page"
        );
        assert_eq!(ids(&page).await, ids_in_the_inbox(&dev).await);

        // What arrives now goes before them, and moves nothing.
        import_coupons(&dev, folder.path(), "second", 3).await;
        click(&page, "button[data-job=coupon-expiring]").await;
        until_unread(&page, 48).await;
        assert_eq!(ids(&page).await, ids_in_the_inbox(&dev).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_page_comes_back_by_itself_with_what_it_missed() {
    in_browser(&picture("restart"), async |page| {
        let folder = TempDir::new().unwrap();
        let mut dev = start(folder.path()).await;
        import_coupons(&dev, folder.path(), "before", 2).await;
        open_as_reader(&page, &dev).await;
        click(&page, "button[data-job=coupon-expiring]").await;
        until_unread(&page, 2).await;

        import_coupons(&dev, folder.path(), "meanwhile", 3).await;
        let address = dev.endpoint("http").strip_prefix("http://").unwrap().to_owned();
        let database = dev.endpoint("database").to_owned();
        assert!(dev.process.stop(Signal::TERM).await.success());
        until(
            &page,
            "the page says so",
            "$('#connection').dataset.state === 'reconnecting'",
        )
        .await;
        emit_meanwhile(folder.path(), &database).await;

        let options = ["--seed=none", "--http", &address];
        let dev = Dev::start(&lastcall(), folder.path(), &options).await;
        until_unread(&page, 5).await;
        until(
            &page,
            "it is live again, and was told of each once",
            "$('#connection').dataset.state === 'live' && $('#arrived').textContent === '5'",
        )
        .await;
        assert_eq!(ids(&page).await, ids_in_the_inbox(&dev).await);
        assert_eq!(ids(&page).await.len(), 5);
    })
    .await;
}

/// Runs the job on the same log and tables while nobody can be told.
async fn emit_meanwhile(folder: &Path, database: &str) {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string();
    let mut command = Command::new(nats::binary());
    command.args([
        "--addr",
        "127.0.0.1",
        "--port",
        &port,
        "--jetstream",
        "--store_dir",
    ]);
    command.arg(folder.join("nats/store"));
    let mut server = Process::start(command);
    let nats = format!("nats://127.0.0.1:{port}");
    let run = [
        "jobs",
        "run",
        "coupon-expiring",
        "--json",
        "--nats",
        &nats,
        "--database",
        database,
    ];
    let counts = lastcall().json(run).await;
    assert_eq!(counts["emitted"], 3);
    server.stop(Signal::TERM).await;
}
