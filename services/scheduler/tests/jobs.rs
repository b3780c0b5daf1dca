//! The jobs on a real log and real tables.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use domain::catalogue::{Alert, Coupon, Follow, Funding, FundingStatus, Pledge, User};
use domain::money::Money;
use event_log::EventLog;
use proto_schemas::{CloudEvent, Event, Recipient, UserId};
use scheduler::{Counts, Engine, Job, RunError, Scheduler, Settings};
use store::Store;
use store::job_runs::State;
use tempfile::TempDir;
use test_support::lastcall::eventually;
use test_support::nats::NatsServer;
use tokio_util::sync::CancellationToken;

struct Setting {
    engine: Engine,
    log: EventLog,
    store: Store,
    nats: NatsServer,
    _folder: TempDir,
}

async fn setting(chunk_rows: u64) -> Setting {
    let nats = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("tables.db").display());
    let store = Store::connect(&store::Settings {
        url,
        ..store::Settings::default()
    })
    .await
    .unwrap();
    store.migrate().await.unwrap();
    let settings = event_log::Settings {
        url: nats.url(),
        // One test stops the server; nobody has to wait long for what will not come.
        ack_timeout: Duration::from_secs(1),
        ..event_log::Settings::default()
    };
    let log = EventLog::open(&settings).await.unwrap();
    let engine = Engine::new(store.clone(), log.clone(), jobs(chunk_rows)).unwrap();
    Setting {
        engine,
        log,
        store,
        nats,
        _folder: folder,
    }
}

fn jobs(chunk_rows: u64) -> Settings {
    let daily = || "0 0 9 * * *".to_owned();
    Settings {
        zone: chrono_tz::Asia::Seoul,
        chunk_rows,
        table_wait: Duration::from_millis(200),
        coupon_expiring: scheduler::CouponExpiring {
            cron: daily(),
            lead_days: 1,
        },
        funding_closing: scheduler::FundingClosing {
            cron: daily(),
            lead_days: 1,
        },
        funding_settlement: scheduler::FundingSettlement {
            cron: "0 * * * * *".to_owned(),
            coupon_valid_days: 90,
        },
        alert_due: scheduler::AlertDue {
            cron: "0 */10 * * * *".to_owned(),
            catch_up_hours: 24,
        },
    }
}

impl Setting {
    async fn run(&self, job: Job, at: DateTime<Utc>) -> Counts {
        self.engine.run(job, at, |_| ()).await.unwrap()
    }

    /// Who was told what, in the order of the log.
    async fn told(&self) -> Vec<(String, Event)> {
        let last = self.log.bounds().await.unwrap().last_sequence;
        let mut follow = self.log.follow(0);
        let mut told = Vec::new();
        while follow.position() < last {
            let message = follow.next().await.unwrap();
            let Recipient::User(user) = message.recipient().unwrap() else {
                panic!("told everybody")
            };
            told.push((
                user.to_string(),
                CloudEvent::from_json(&message.payload).unwrap().event,
            ));
        }
        told
    }
}

/// Today at nine in Seoul, the same all the while: recent, so that the log itself recognises repeats.
fn nine() -> DateTime<Utc> {
    static NINE: LazyLock<DateTime<Utc>> =
        LazyLock::new(|| Utc::now().date_naive().and_time(NaiveTime::MIN).and_utc());
    *NINE
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn usd(text: &str) -> Money {
    Money::from_major(text, "USD".parse().unwrap()).unwrap()
}

fn coupon(number: usize, expires_at: DateTime<Utc>) -> Coupon {
    let user_id = user(&format!("u{}", number % 10));
    Coupon {
        id: format!("c{number:05}"),
        user_id,
        funding_id: None,
        expires_at,
        status: None,
    }
}

fn funding(id: &str, raised: &str, closes_at: DateTime<Utc>) -> Funding {
    Funding {
        id: id.to_owned(),
        title: format!("Funding {id}"),
        goal: usd("100"),
        raised: Some(usd(raised)),
        closes_at,
        status: Some(FundingStatus::Open),
        maker_id: Some(user("maker")),
    }
}

#[tokio::test]
async fn coupons_are_told_of_once_however_often_the_job_runs() {
    let setting = setting(100).await;
    let day = TimeDelta::days(1);
    let end_of_tomorrow = nine() + TimeDelta::hours(15) + day - TimeDelta::seconds(1);
    let due = (0..250).map(|n| coupon(n, end_of_tomorrow));
    let others = [
        coupon(900, nine()),
        coupon(901, end_of_tomorrow + TimeDelta::seconds(1)),
        Coupon {
            status: Some(domain::catalogue::CouponStatus::Used),
            ..coupon(902, end_of_tomorrow)
        },
    ];
    setting
        .store
        .upsert_coupons(&due.chain(others).collect::<Vec<_>>())
        .await
        .unwrap();

    let first = setting.run(Job::CouponExpiring, nine()).await;
    assert_eq!(
        first,
        Counts {
            read: 250,
            emitted: 250,
            already_emitted: 0,
            skipped: 0
        }
    );
    let again = setting.run(Job::CouponExpiring, nine()).await;
    assert_eq!(
        again,
        Counts {
            read: 250,
            emitted: 0,
            already_emitted: 250,
            skipped: 0
        }
    );
    let next_day = setting.run(Job::CouponExpiring, nine() + day).await;
    assert_eq!((next_day.emitted, next_day.already_emitted), (1, 250));
    assert_eq!(setting.told().await.len(), 251);
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_from_its_checkpoint() {
    let setting = setting(50).await;
    let coupons: Vec<_> = (0..1000)
        .map(|n| coupon(n, nine() + TimeDelta::hours(20)))
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();

    // Dropping the future is what a killed process does to it.
    let (cut, mut reached) = tokio::sync::watch::channel(0);
    tokio::select! {
        _ = setting.engine.run(Job::CouponExpiring, nine(), |counts| { cut.send_replace(counts.read); }) => {
            panic!("the run was over before it was cut off");
        }
        _ = reached.wait_for(|read| *read >= 200) => {}
    }
    let pages = Mutex::new(Vec::new());
    let counts = setting.engine.run(Job::CouponExpiring, nine(), |counts| {
        pages.lock().unwrap().push(counts.read);
    });
    let counts = counts.await.unwrap();
    assert!(
        pages.lock().unwrap()[0] > 150,
        "began again: {:?}",
        pages.lock().unwrap()
    );
    assert_eq!(counts.read, 1000);
    let told = setting.told().await;
    assert_eq!(told.len(), 1000);
    assert_eq!(
        setting
            .store
            .list_runs(Some("coupon-expiring"), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_row_that_makes_no_event_is_counted_and_the_others_go_on() {
    let setting = setting(100).await;
    let coupons: Vec<_> = (0..20)
        .map(|n| coupon(n, nine() + TimeDelta::hours(20)))
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();
    let long = Funding {
        title: "x".repeat(20_000),
        ..funding("long", "0", nine() + TimeDelta::hours(3))
    };
    setting
        .store
        .upsert_fundings(&[long, funding("short", "0", nine() + TimeDelta::hours(3))])
        .await
        .unwrap();
    let follow = |funding_id: &str| Follow {
        funding_id: funding_id.to_owned(),
        user_id: user("u1"),
    };
    setting
        .store
        .upsert_follows(&[follow("long"), follow("short")])
        .await
        .unwrap();

    let counts = setting.run(Job::FundingClosing, nine()).await;
    assert_eq!(
        counts,
        Counts {
            read: 2,
            emitted: 1,
            already_emitted: 0,
            skipped: 1
        }
    );
}

#[tokio::test]
async fn followers_of_open_fundings_that_close_are_told() {
    let setting = setting(2).await;
    let soon = nine() + TimeDelta::hours(30);
    let fundings = [
        funding("open", "0", soon),
        funding("later", "0", soon + TimeDelta::days(2)),
        Funding {
            status: Some(FundingStatus::Cancelled),
            ..funding("cancelled", "0", soon)
        },
    ];
    setting.store.upsert_fundings(&fundings).await.unwrap();
    let follows: Vec<_> = ["open", "later", "cancelled"]
        .iter()
        .flat_map(|id| {
            (0..5).map(|n| Follow {
                funding_id: (*id).to_owned(),
                user_id: user(&format!("u{n}")),
            })
        })
        .collect();
    setting.store.upsert_follows(&follows).await.unwrap();

    assert_eq!(setting.run(Job::FundingClosing, nine()).await.emitted, 5);
    for (_, event) in setting.told().await {
        assert!(matches!(event, Event::FundingClosing(closing) if closing.funding_id == "open"));
    }
}

#[tokio::test]
async fn everybody_concerned_is_told_the_outcome_once_in_their_first_role() {
    let setting = setting(3).await;
    let closed = nine() - TimeDelta::hours(1);
    setting
        .store
        .upsert_fundings(&[funding("won", "100", closed), funding("lost", "99.99", closed)])
        .await
        .unwrap();
    for funding_id in ["won", "lost"] {
        let pledge = |name: &str| Pledge {
            funding_id: funding_id.to_owned(),
            user_id: user(name),
            amount: usd("50"),
        };
        setting
            .store
            .upsert_pledges(&[pledge("backer"), pledge("both"), pledge("maker")])
            .await
            .unwrap();
        let follow = |name: &str| Follow {
            funding_id: funding_id.to_owned(),
            user_id: user(name),
        };
        setting
            .store
            .upsert_follows(&[follow("both"), follow("follower")])
            .await
            .unwrap();
    }

    let first = setting.run(Job::FundingSettlement, nine()).await;
    // Four people for each funding, and three of them backed the one that succeeded.
    assert_eq!((first.read, first.emitted), (8, 11));
    let again = setting
        .run(Job::FundingSettlement, nine() + TimeDelta::minutes(1))
        .await;
    assert_eq!(again, Counts::default());

    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (user, event) in setting.told().await {
        let what = match event {
            Event::FundingSucceeded(e) => format!("{} succeeded {}", e.funding_id, e.role().as_str_name()),
            Event::FundingFailed(e) => format!("{} failed {}", e.funding_id, e.role().as_str_name()),
            Event::CouponIssued(e) => format!("{} coupon", e.funding_id),
            other => panic!("{other:?}"),
        };
        told.entry(user).or_default().push(what);
    }
    let lines = |role: &str, coupon: bool| {
        let mut lines = vec![
            format!("lost failed FUNDING_ROLE_{role}"),
            format!("won succeeded FUNDING_ROLE_{role}"),
        ];
        lines.extend(coupon.then(|| "won coupon".to_owned()));
        lines
    };
    let expected = BTreeMap::from([
        ("backer".to_owned(), lines("BACKER", true)),
        ("both".to_owned(), lines("BACKER", true)),
        ("follower".to_owned(), lines("FOLLOWER", false)),
        ("maker".to_owned(), lines("MAKER", true)),
    ]);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_settlement_that_was_cut_off_before_telling_is_healed_by_the_next_run() {
    let setting = setting(10).await;
    setting
        .store
        .upsert_fundings(&[funding("won", "100", nine() - TimeDelta::hours(1))])
        .await
        .unwrap();
    let reward = domain::settlement::Reward {
        validity: TimeDelta::days(90),
    };
    setting.store.settle("won", nine(), &reward).await.unwrap();

    let healed = setting
        .run(Job::FundingSettlement, nine() + TimeDelta::minutes(1))
        .await;
    assert_eq!(healed.emitted, 1);
    assert!(matches!(&setting.told().await[..], [(user, Event::FundingSucceeded(_))] if user == "maker"));
}

#[tokio::test]
async fn a_reminder_fires_once_a_day_on_its_owners_clock_also_when_the_check_is_late() {
    let setting = setting(10).await;
    let zoned = |id: &str, zone: &str| User {
        id: user(id),
        locale: None,
        time_zone: Some(zone.parse().unwrap()),
        email: None,
        phone: None,
    };
    let users = [zoned("seoul", "Asia/Seoul"), zoned("lagos", "Africa/Lagos")];
    setting.store.upsert_users(&users).await.unwrap();
    let alert = |id: &str, owner: &str, at: &str| Alert {
        id: id.to_owned(),
        user_id: user(owner),
        title: "Stretch".to_owned(),
        at: at.parse().unwrap(),
        weekdays: None,
    };
    // Nine in the morning in Seoul is one in the morning in Lagos.
    let alerts = [
        alert("a1", "seoul", "09:05"),
        alert("a2", "lagos", "01:05"),
        alert("a3", "lagos", "09:05"),
    ];
    setting.store.upsert_alerts(&alerts).await.unwrap();

    let minutes = |n| nine() + TimeDelta::minutes(n);
    assert_eq!(setting.run(Job::AlertDue, minutes(0)).await.emitted, 0);
    // The checks at ten and twenty past never ran.
    assert_eq!(setting.run(Job::AlertDue, minutes(30)).await.emitted, 2);
    assert_eq!(setting.run(Job::AlertDue, minutes(40)).await, Counts::default());
    let mut owners: Vec<_> = setting.told().await.into_iter().map(|(user, _)| user).collect();
    owners.sort();
    assert_eq!(owners, ["lagos", "seoul"]);
}

#[tokio::test]
async fn an_instant_beyond_the_duplicate_window_waits_for_the_table_that_knows_its_events() {
    let setting = setting(10).await;
    let old = nine() - TimeDelta::days(30);
    setting
        .store
        .upsert_coupons(&[coupon(1, old + TimeDelta::hours(20))])
        .await
        .unwrap();
    assert_eq!(setting.run(Job::CouponExpiring, old).await.emitted, 1);
    // The log has the event now and no projector has put it into the table.
    let error = setting
        .engine
        .run(Job::CouponExpiring, old, |_| ())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            RunError::TableBehind {
                projected: 0,
                logged: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_run_of_days_ago_may_have_told_is_looked_for_in_the_table_too() {
    let setting = setting(10).await;
    let far = Settings {
        coupon_expiring: scheduler::CouponExpiring {
            cron: "0 0 9 * * *".to_owned(),
            lead_days: 7,
        },
        ..jobs(10)
    };
    let engine = Engine::new(setting.store.clone(), setting.log.clone(), far).unwrap();
    setting
        .store
        .upsert_coupons(&[coupon(1, nine() + TimeDelta::days(6))])
        .await
        .unwrap();
    // An empty log has told nobody anything.
    assert_eq!(
        engine
            .run(Job::CouponExpiring, nine(), |_| ())
            .await
            .unwrap()
            .emitted,
        1
    );
    // The run of the day after finds the coupon again; four days on, the log would not recognise it.
    let error = engine
        .run(Job::CouponExpiring, nine() + TimeDelta::days(1), |_| ())
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::TableBehind { .. }), "{error}");
}

#[tokio::test]
async fn a_run_that_waited_for_the_log_when_its_process_ended_is_finished_by_the_next() {
    let mut setting = setting(10).await;
    let coupons: Vec<_> = (0..50)
        .map(|n| coupon(n, nine() + TimeDelta::hours(20)))
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();
    setting.nats.kill().await;
    let stopped = setting.engine.run(Job::CouponExpiring, nine(), |_| ()).await;
    assert!(matches!(stopped, Err(RunError::Append(_))), "{stopped:?}");
    setting.nats.restart().await;

    let shutdown = CancellationToken::new();
    let running = tokio::spawn(Scheduler::new(setting.engine.clone()).run(shutdown.clone()));
    eventually("the next process finishes the run", || async {
        let runs = setting.store.list_runs(Some("coupon-expiring"), 1).await.unwrap();
        runs.into_iter().find(|run| run.state == State::Succeeded)
    })
    .await;
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(setting.told().await.len(), 50);
}

#[tokio::test]
async fn a_run_that_the_log_fails_goes_on_by_itself_once_the_log_is_back() {
    let mut setting = setting(10).await;
    let coupons: Vec<_> = (0..50)
        .map(|n| coupon(n, nine() + TimeDelta::hours(20)))
        .collect();
    setting.store.upsert_coupons(&coupons).await.unwrap();
    // What a process that was killed leaves behind; the scheduler takes it up at once.
    setting
        .store
        .begin_run("coupon-expiring", nine(), nine())
        .await
        .unwrap();
    setting.nats.kill().await;

    let shutdown = CancellationToken::new();
    let scheduler = Scheduler::new(setting.engine.clone());
    let running = tokio::spawn(scheduler.run(shutdown.clone()));
    eventually("an attempt fails", || async {
        let runs = setting.store.list_runs(Some("coupon-expiring"), 1).await.unwrap();
        runs[0].error.clone()
    })
    .await;
    setting.nats.restart().await;
    eventually("the run is done", || async {
        let runs = setting.store.list_runs(Some("coupon-expiring"), 1).await.unwrap();
        runs.into_iter().find(|run| run.state == State::Succeeded)
    })
    .await;
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(setting.told().await.len(), 50);
}
