//! The jobs on a real log and real tables.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, Utc};
use domain::catalogue::{Coupon, Funding, FundingStatus};
use domain::misfire::Policy;
use domain::money::Money;
use domain::schedule::{RepeatedHour, SkippedHour, WeekdayNumbers};
use event_log::EventLog;
use proto_schemas::{CloudEvent, Event, Recipient, UserId};
use scheduler::{Counts, Engine, Job, JobSchedule, Metrics, Settings};
use store::Store;
use store::job_runs::RunRecord;
use tempfile::TempDir;
use test_support::nats::NatsServer;

mod alerts;
mod bad_rows;
mod restarts;
mod settlement;
mod telling;

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
    let engine = Engine::new(store.clone(), log.clone(), jobs(chunk_rows), Metrics::default()).unwrap();
    Setting {
        engine,
        log,
        store,
        nats,
        _folder: folder,
    }
}

fn jobs(chunk_rows: u64) -> Settings {
    let daily = || schedule("0 0 9 * * *");
    Settings {
        zone: chrono_tz::Asia::Seoul,
        chunk_rows,
        table_wait: Duration::from_millis(200),
        on_time: Duration::from_secs(60),
        lease: Duration::from_secs(30),
        skip_limit: 100,
        history: Duration::from_secs(90 * 24 * 60 * 60),
        coupon_expiring: scheduler::CouponExpiring {
            schedule: daily(),
            lead_days: 1,
        },
        funding_closing: scheduler::FundingClosing {
            schedule: daily(),
            lead_days: 1,
        },
        funding_settlement: scheduler::FundingSettlement {
            schedule: schedule("0 * * * * *"),
            coupon_valid_days: 90,
            coupon_amounts: BTreeMap::new(),
        },
        alert_due: scheduler::AlertDue {
            schedule: schedule("0 */10 * * * *"),
            catch_up_hours: 24,
        },
    }
}

fn schedule(cron: &str) -> JobSchedule {
    JobSchedule {
        cron: cron.to_owned(),
        zone: None,
        weekdays: WeekdayNumbers::Posix,
        skipped_hour: SkippedHour::RunAfter,
        repeated_hour: RepeatedHour::Once,
        misfire: Policy::RunOnce,
        grace: Duration::from_secs(24 * 60 * 60),
    }
}

impl Setting {
    /// Another engine on the same log and tables, as another process would have it.
    fn engine(&self, settings: Settings) -> Engine {
        Engine::new(self.store.clone(), self.log.clone(), settings, Metrics::default()).unwrap()
    }

    /// How the run of a job for an instant stands.
    async fn stands(&self, job: Job, at: DateTime<Utc>) -> Option<RunRecord> {
        self.store.find_run(job.as_str(), at).await.unwrap()
    }

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
        amount: None,
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
