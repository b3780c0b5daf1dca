//! The page of `lastcall dev` in a real browser.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

#[path = "page/reader.rs"]
mod reader;

use std::path::Path;

use fantoccini::{Client, Locator};
use rustix::process::Signal;
use tempfile::TempDir;
use test_support::browser::in_browser;
use test_support::lastcall::{Dev, LIMIT, eventually};
use test_support::person::Person;

use reader::{
    OPTIONS, READER, click, ids, ids_in_the_inbox, import, import_coupons, lastcall, open_as_reader, picture,
    see, start, start_with, tomorrow, until, until_unread,
};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_says_arrives_live_with_its_titles_intact_as_text() {
    in_browser(&picture("arrives_live"), async |page| {
        let folder = TempDir::new().unwrap();
        let dev = start(folder.path()).await;
        import_closing_fundings(&dev, folder.path()).await;
        open_as_reader(&page, &dev).await;
        assert_eq!(see(&page, "$('#bell').dataset.unread").await, "0");
        let nothing = "!$('#notice').hidden && $('#notice').dataset.notice === 'empty'";
        until(&page, "the page says that there is nothing", nothing).await;

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
        until(&page, "it pops up", "all('#news .toast', () => 1).length > 0").await;

        let shown = see(
            &page,
            "all('#notifications li .title', (title) => title.lastChild.textContent)",
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
        let address = stop(&page, &mut dev).await;
        let mut elsewhere = Dev::start(&lastcall(), folder.path(), &OPTIONS).await;
        let run = ["jobs", "run", "coupon-expiring", "--json"];
        assert_eq!(elsewhere.lastcall.json(run).await["emitted"], 3);
        assert!(elsewhere.process.stop(Signal::TERM).await.success());

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

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_when_the_log_lost_what_it_missed_and_shows_it_from_the_inbox() {
    in_browser(&picture("gap"), async |page| {
        let folder = TempDir::new().unwrap();
        let forgetful = lastcall().with(["--set=nats.retention=2s", "--set=nats.duplicate_window=2s"]);
        let mut dev = start_with(&forgetful, folder.path()).await;
        import_coupons(&dev, folder.path(), "before", 1).await;
        open_as_reader(&page, &dev).await;
        click(&page, "button[data-job=coupon-expiring]").await;
        until_unread(&page, 1).await;

        import_closing_fundings(&dev, folder.path()).await;
        let address = stop(&page, &mut dev).await;
        let mut elsewhere = Dev::start(&forgetful, folder.path(), &OPTIONS).await;
        let run = ["jobs", "run", "funding-closing", "--json"];
        assert_eq!(elsewhere.lastcall.json(run).await["emitted"], TITLES.len());
        let reader = elsewhere.person(READER).await;
        let all = last(&reader).await;
        let projected = || async { (reader.projected().await == all).then_some(()) };
        eventually("the table has everything", projected).await;
        let expired = || async { (before_the_earliest(&reader).await == all).then_some(()) };
        eventually("the log has nothing any more", expired).await;
        assert!(elsewhere.process.stop(Signal::TERM).await.success());

        let options = ["--seed=none", "--http", &address];
        let dev = Dev::start(&forgetful, folder.path(), &options).await;
        let said = "all('.toast .title', (title) => title.textContent).includes('Some events are gone')";
        until(&page, "the page says that something is missing", said).await;
        until_unread(&page, 1 + TITLES.len()).await;
        assert_eq!(ids(&page).await, ids_in_the_inbox(&dev).await);
        assert_eq!(
            see(&page, "$('#arrived').textContent").await,
            "1",
            "nothing came by the stream"
        );
    })
    .await;
}

/// Stops the server below the page, and returns the address at which the page will look for it.
async fn stop(page: &Client, dev: &mut Dev) -> String {
    let address = dev.endpoint("http").strip_prefix("http://").unwrap().to_owned();
    assert!(dev.process.stop(Signal::TERM).await.success());
    let said = "$('#connection').dataset.state !== 'live'";
    until(page, "the page says that it lost the connection", said).await;
    address
}

/// The last sequence of the log: what was told, and what the page said of it.
async fn last(person: &Person) -> u64 {
    first_position(person, "").await
}

/// The last sequence before the first message that the log has.
async fn before_the_earliest(person: &Person) -> u64 {
    first_position(person, "?from=earliest").await
}

/// Where a stream begins.
async fn first_position(person: &Person, query: &str) -> u64 {
    let mut stream = person.stream(query).await;
    stream.read_until(LIMIT, |text| text.contains("\n\n")).await;
    let opened = stream.text();
    let id = opened.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    id.split_once('.').unwrap().1.parse().unwrap()
}
