use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use store::{Settings, Store, StoreError};

use crate::engines::Database;

const DATABASE: &str = "LASTCALL_TEST_LOCKED_DATABASE";

async fn open(path: &str) -> Store {
    let settings = Settings {
        url: format!("sqlite:{path}"),
        ..Settings::default()
    };
    Store::connect(&settings).await.unwrap()
}

#[tokio::test]
async fn a_sqlite_file_has_one_scheduler() {
    let database = Database::sqlite().await.unwrap();
    let first = database.store.lock_for_scheduling().unwrap();
    // Under another name, too.
    let file = PathBuf::from(database.settings.url.strip_prefix("sqlite:").unwrap());
    let link = file.with_file_name("link.db");
    symlink(&file, &link).unwrap();
    for second in [database.another().await, open(&link.display().to_string()).await] {
        let refused = second.lock_for_scheduling().unwrap_err();
        assert!(
            matches!(refused, StoreError::OtherScheduler { .. }),
            "{refused:?}"
        );
        let said = refused.to_string();
        let lock = format!("{}.scheduler.lock", file.canonicalize().unwrap().display());
        let pid = format!("process {} ", std::process::id());
        for part in [lock.as_str(), pid.as_str(), "stop it", "use PostgreSQL"] {
            assert!(said.contains(part), "{said}");
        }
    }
    drop(first);
    let _again = database.another().await.lock_for_scheduling().unwrap();
}

#[tokio::test]
async fn a_scheduler_that_was_killed_holds_no_lock() {
    let database = Database::sqlite().await.unwrap();
    let holder = "job_runs::lock::holds_the_lock_until_it_is_killed";
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", holder, "--ignored", "--nocapture"])
        .env(DATABASE, database.settings.url.strip_prefix("sqlite:").unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("locked")));
    let said = database.store.lock_for_scheduling().unwrap_err().to_string();
    assert!(said.contains(&format!("process {} ", holder.id())), "{said}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let _taken = database.store.lock_for_scheduling().unwrap();
}

/// Another process, for the test above.
#[tokio::test]
#[ignore = "ends only when it is killed or its input is closed"]
async fn holds_the_lock_until_it_is_killed() {
    let store = open(&std::env::var(DATABASE).unwrap()).await;
    let _lock = store.lock_for_scheduling().unwrap();
    println!("locked");
    std::io::stdin().lines().for_each(drop);
}

#[tokio::test]
async fn a_postgresql_database_has_any_number_of_schedulers() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let _first = database.store.lock_for_scheduling().unwrap();
    let _second = database.another().await.lock_for_scheduling().unwrap();
}
