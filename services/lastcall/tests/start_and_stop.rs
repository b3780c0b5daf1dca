//! `lastcall dev` starts whole, ends whole, and goes on where it was.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use rcgen::generate_simple_self_signed;
use reqwest::StatusCode;
use rustix::process::Signal;
use tempfile::TempDir;
use test_support::lastcall::{CLOCK_OFF, Dev, Lastcall, eventually};
use test_support::programs;

fn lastcall() -> Lastcall {
    Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(CLOCK_OFF)
}

/// The processes whose command line names the folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let listed = Command::new("ps")
        .args(["-ww", "-eo", "command="])
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let named = listed
        .lines()
        .filter(|line| line.contains(folder.to_str().unwrap()));
    named.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_goes_on_where_it_was_also_in_a_folder_with_a_space_in_its_name() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("my data");
    let mut dev = Dev::start(&lastcall(), &folder, &["--http=127.0.0.1:0"]).await;
    let users = users(&dev).await;
    assert!(users.len() > 1, "the demo has several people: {users:?}");
    for job in [
        "coupon-expiring",
        "funding-closing",
        "funding-settlement",
        "alert-due",
    ] {
        dev.lastcall.json(["jobs", "run", job, "--json"]).await;
    }
    let before = lists(&dev, &users).await;
    assert!(
        before.iter().any(|list| !list.is_empty()),
        "the demo has something to tell"
    );

    assert!(dev.process.stop(Signal::INT).await.success());
    assert!(
        !folder.join("endpoints.json").exists(),
        "nothing is there to be reached"
    );
    assert_eq!(
        processes_of(&folder),
        Vec::<String>::new(),
        "nothing is left behind"
    );

    // Whoever has LASTCALL_ENDPOINTS set for other commands must be able to start `dev` all the same.
    let arguments = ["--http=127.0.0.1:0", "--endpoints=of-an-earlier-run.json"];
    let dev = Dev::start(&lastcall(), &folder, &arguments).await;
    assert_eq!(self::users(&dev).await, users, "the demo was not filled in again");
    assert_eq!(lists(&dev, &users).await, before);
}

async fn users(dev: &Dev) -> Vec<String> {
    let url = format!("{}/dev/users", dev.endpoint("http"));
    let users: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let ids = users.as_array().unwrap().iter().map(|user| user["id"].as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

/// What each of them has, once nothing more is on its way.
async fn lists(dev: &Dev, users: &[String]) -> Vec<Vec<serde_json::Value>> {
    let mut people = Vec::new();
    for user in users {
        people.push(dev.person(user).await);
    }
    // The edge knows where the log ends, and says so first.
    let mut stream = people[0].stream("").await;
    let opened = stream
        .read_until(test_support::lastcall::LIMIT, |text| text.contains("id: "))
        .await;
    assert!(opened.is_empty());
    let end: u64 = stream
        .last_event_id()
        .and_then(|id| id.split_once('.')?.1.parse().ok())
        .unwrap();
    let reached = || async { (people[0].projected().await >= end).then_some(()) };
    eventually("the table has everything", reached).await;
    let mut lists = Vec::new();
    for person in &people {
        lists.push(person.notifications().await);
    }
    lists
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_none_leaves_the_tables_empty_and_endpoints_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let dev = Dev::start(&lastcall(), folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
    assert_eq!(users(&dev).await, Vec::<String>::new());
    let mode = std::fs::metadata(folder.path().join("endpoints.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "it holds a key");
    assert!(dev.endpoint("nats").starts_with("nats://127.0.0.1:"));
    assert!(dev.endpoint("database").starts_with("sqlite:/"));
    assert!(dev.endpoint("token_key").len() >= 32);
    let (status, list) = dev.person("nobody").await.get("/v1/notifications").await;
    assert_eq!(
        (status, list["notifications"].as_array().unwrap().len()),
        (StatusCode::OK, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_serves_one_description_of_all_that_people_can_ask_for() {
    let folder = TempDir::new().unwrap();
    let dev = Dev::start(&lastcall(), folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
    let url = format!("{}/v1/openapi.json", dev.endpoint("http"));
    let api: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(api["info"]["title"], "Lastcall");
    for path in [
        "/v1/stream",
        "/v1/stream/ticket",
        "/v1/events",
        "/v1/notifications",
        "/v1/alerts/{id}",
    ] {
        assert!(api["paths"][path].is_object(), "{path} in {api}");
    }
    for schema in ["EventPage", "NotificationPage", "Problem"] {
        assert!(
            api["components"]["schemas"][schema].is_object(),
            "{schema} in {api}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_dev_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let folder = TempDir::new().unwrap();
    let dev = Dev::start(&lastcall(), folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
    let data = folder.path().to_str().unwrap();
    let second = lastcall()
        .run(["dev", "--data", data, "--http=127.0.0.1:0"])
        .await;
    assert_eq!(second.status.code(), Some(1));
    assert!(
        second.stderr.contains("another `lastcall dev` uses"),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains(data), "{}", second.stderr);
    assert_eq!(users(&dev).await, Vec::<String>::new(), "the first one answers");
    assert!(folder.path().join("endpoints.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_and_nothing_is_left_behind() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().to_str().unwrap();
    let refused = lastcall().run(["dev", "--data", data, "--http", &address]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains(&format!("cannot listen on {address}")),
        "{}",
        refused.stderr
    );
    assert_eq!(processes_of(folder.path()), Vec::<String>::new());
    assert!(!folder.path().join("endpoints.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_its_key_is_refused_by_name_and_nothing_is_left_behind() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().to_str().unwrap();
    let alone = "--set=http.tls_certificate_file=/nowhere/tls.crt";
    let refused = lastcall()
        .run(["dev", "--data", data, "--http=127.0.0.1:0", alone])
        .await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused
            .stderr
            .contains("http.tls_certificate_file is set and http.tls_key_file is not"),
        "{}",
        refused.stderr
    );
    assert_eq!(processes_of(folder.path()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_and_its_key_everything_is_answered_over_tls() {
    if programs::find("curl").is_none() {
        programs::skipped("an answer over TLS needs curl");
        return;
    }
    let folder = TempDir::new().unwrap();
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let named = lastcall().with([
        format!("--set=http.tls_certificate_file={}", certificate.display()),
        format!("--set=http.tls_key_file={}", key.display()),
    ]);
    let data = folder.path().join("data");
    let dev = Dev::start(&named, &data, &["--seed=none", "--http=127.0.0.1:0"]).await;
    let port = dev.endpoint("http").strip_prefix("https://127.0.0.1:").unwrap();
    for path in ["/", "/v1/openapi.json"] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--noproxy", "*", "--output", "/dev/null"])
            .args(["--write-out", "%{http_version} %{http_code}", "--cacert"])
            .arg(&certificate)
            .arg(format!("https://localhost:{port}{path}"));
        let answer = curl.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout), "2 200", "{path}");
    }
}

/// A nats-server that cannot be used is the commonest trouble of a first start.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_nats_server_is_named_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastcall"));
    command
        .args(["dev", "--http=127.0.0.1:0", "--data"])
        .arg(folder.path());
    let output = command
        .env("LASTCALL_NATS_SERVER", "/nowhere/nats-server")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("/nowhere/nats-server") && stderr.contains("install nats-server"),
        "{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_that_is_told_to_end_while_it_starts_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("nats/store");
    let data = folder.path().to_str().unwrap();
    let mut dev = lastcall().start(["dev", "--data", data, "--seed=none", "--http=127.0.0.1:0"]);
    eventually("its nats-server was started", || async {
        (!processes_of(&store).is_empty()).then_some(())
    })
    .await;
    assert!(dev.stop(Signal::TERM).await.success());
    assert_eq!(processes_of(folder.path()), Vec::<String>::new());
}

#[test]
fn a_command_whose_reader_has_gone_ends_without_an_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastcall"));
    let ended = command.arg("settings").stdout(writer).output().unwrap();
    assert!(ended.status.success(), "{:?}", ended.status);
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}
