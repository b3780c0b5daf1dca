//! A year of fundings, advanced day by day as people do with `--at`: each open funding is announced to each of its followers
//! once before its deadline, and its outcome is told to everybody concerned once after it.
//!
//! The year is long over, so that the log has forgotten what it was told and the notification table has to know.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::catalogue::{Follow, Funding, FundingStatus, Pledge};
use domain::due::{end_of_day, first_instant_at};
use domain::misfire::Policy;
use domain::money::Money;
use domain::schedule::{RepeatedHour, SkippedHour, WeekdayNumbers};
use event_log::EventLog;
use projector::Projector;
use proto_schemas::{CloudEvent, Event, Recipient, UserId};
use scheduler::{Engine, Job, JobSchedule, Metrics, Settings};
use service_kit::health::Readiness;
use store::Store;
use store::projection::NOTIFICATIONS;
use tempfile::TempDir;
use test_support::lastcall::eventually;
use test_support::nats::NatsServer;
use tokio_util::sync::CancellationToken;

const FUNDINGS: u32 = 240;
const FOLLOWERS: u32 = 3;

/// Where the deadlines are, whatever zone the jobs go by: one without and one with clock changes.
const ZONES: [Tz; 2] = [Tz::Asia__Seoul, Tz::America__New_York];

#[tokio::test(flavor = "multi_thread")]
async fn a_year_is_told_once_by_the_clock_of_seoul() {
    a_year_is_told_once(Tz::Asia__Seoul).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_is_told_once_by_the_clock_of_new_york() {
    a_year_is_told_once(Tz::America__New_York).await;
}

async fn a_year_is_told_once(zone: Tz) {
    let year = Year::start(zone).await;
    let fundings: Vec<Funding> = (0..FUNDINGS).map(funding).collect();
    year.store.upsert_fundings(&fundings).await.unwrap();
    year.store.upsert_follows(&follows()).await.unwrap();
    year.store.upsert_pledges(&pledges()).await.unwrap();

    // Beyond the year, for the deadlines of its last days.
    let first = NaiveDate::from_ymd_opt(2016, 12, 30).unwrap();
    for day in first.iter_days().take(370) {
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        let at = first_instant_at(day.and_time(nine), zone);
        for job in [Job::FundingClosing, Job::FundingSettlement] {
            let counts = year.engine.run(job, at, |_| ()).await.unwrap();
            assert_eq!(counts.skipped, 0, "{job} of {day}");
            year.catch_up().await;
        }
    }
    let told = year.told().await;
    for (number, funding) in (0..).zip(&fundings) {
        let of_funding = told.get(&funding.id);
        if funding.status.is_some() {
            assert_eq!(of_funding, None, "{} is not open", funding.id);
            continue;
        }
        told_once(funding, &expected(number), of_funding.unwrap());
    }
}

/// Deadlines all over the year, at the end of a day and in the middle of one.
fn funding(number: u32) -> Funding {
    let day = NaiveDate::from_ymd_opt(2017, 1, 1).unwrap()
        + Days::new(u64::from(number) * 365 / u64::from(FUNDINGS));
    let zone = ZONES[number as usize % ZONES.len()];
    let closes_at = match number % 3 {
        0 => end_of_day(day, zone),
        1 => first_instant_at(day.and_time(NaiveTime::from_hms_opt(2, 30, 0).unwrap()), zone),
        _ => first_instant_at(day.and_time(NaiveTime::from_hms_opt(9, 0, 0).unwrap()), zone),
    };
    Funding {
        id: format!("f{number:03}"),
        title: format!("Lamp {number}"),
        goal: usd(if succeeds(number) { 2 } else { 3 }),
        raised: None,
        closes_at,
        status: match number % 20 {
            7 => Some(FundingStatus::Cancelled),
            13 => Some(FundingStatus::Succeeded),
            _ => None,
        },
        maker_id: Some(user("maker")),
    }
}

fn succeeds(number: u32) -> bool {
    number % 5 < 3
}

/// One of the followers of each funding backs it too.
fn follows() -> Vec<Follow> {
    let follow = |number, follower| Follow {
        funding_id: format!("f{number:03}"),
        user_id: user(&format!("u{}", (number + follower) % 10)),
    };
    let of_funding = |number| (0..FOLLOWERS).map(move |follower| follow(number, follower));
    (0..FUNDINGS).flat_map(of_funding).collect()
}

fn pledges() -> Vec<Pledge> {
    let pledge = |number, backer: String| Pledge {
        funding_id: format!("f{number:03}"),
        user_id: user(&backer),
        amount: usd(1),
    };
    (0..FUNDINGS)
        .flat_map(|number| {
            [
                pledge(number, format!("u{}", number % 10)),
                pledge(number, "backer".to_owned()),
            ]
        })
        .collect()
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn usd(minor_units: i64) -> Money {
    Money {
        currency: "USD".parse().unwrap(),
        minor_units,
    }
}

/// What somebody was told, and as of when.
type Told = BTreeMap<(String, &'static str), Vec<DateTime<Utc>>>;

/// What has to be told of a funding: who, and what.
fn expected(number: u32) -> Vec<(String, &'static str)> {
    let followers: Vec<String> = (0..FOLLOWERS)
        .map(|follower| format!("u{}", (number + follower) % 10))
        .collect();
    let outcome = if succeeds(number) { "succeeded" } else { "failed" };
    let others = ["backer", "maker"].map(str::to_owned);
    let mut expected: Vec<_> = followers.iter().map(|who| (who.clone(), "closing")).collect();
    expected.extend(followers.iter().chain(&others).map(|who| (who.clone(), outcome)));
    if succeeds(number) {
        expected.extend([(followers[0].clone(), "coupon"), ("backer".to_owned(), "coupon")]);
    }
    expected.sort();
    expected
}

fn told_once(funding: &Funding, expected: &[(String, &'static str)], told: &Told) {
    let found: Vec<_> = told.keys().cloned().collect();
    assert_eq!(found, expected, "{}", funding.id);
    for ((who, what), instants) in told {
        let [at] = instants[..] else {
            panic!("{who} was told {what} of {} at {instants:?}", funding.id)
        };
        let day = TimeDelta::days(1);
        let when = match *what {
            // The run of the day before looks to the end of the next day.
            "closing" => at < funding.closes_at && funding.closes_at - at < day * 2,
            // The next run of a day, which an hour more or less makes no difference to.
            _ => at >= funding.closes_at && at - funding.closes_at < day + TimeDelta::hours(1),
        };
        assert!(
            when,
            "{who} was told {what} of {} at {at}, closed at {}",
            funding.id, funding.closes_at
        );
    }
}

struct Year {
    engine: Engine,
    log: EventLog,
    store: Store,
    projecting: CancellationToken,
    _nats: NatsServer,
    _folder: TempDir,
}

impl Year {
    async fn start(zone: Tz) -> Self {
        let nats = NatsServer::start().await;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("tables.db").display());
        let tables = store::Settings {
            url,
            ..store::Settings::default()
        };
        let store = Store::connect(&tables).await.unwrap();
        store.migrate().await.unwrap();
        let settings = event_log::Settings {
            url: nats.url(),
            ..event_log::Settings::default()
        };
        let log = EventLog::open(&settings).await.unwrap();
        let batch = projector::Settings {
            batch_messages: NonZeroUsize::new(1000).unwrap(),
        };
        let projector = Projector::new(store.clone(), log.clone(), batch);
        let projecting = CancellationToken::new();
        tokio::spawn(projector.run(Readiness::default().gate("projector"), projecting.clone()));
        let engine = Engine::new(store.clone(), log.clone(), jobs(zone), Metrics::default()).unwrap();
        Self {
            engine,
            log,
            store,
            projecting,
            _nats: nats,
            _folder: folder,
        }
    }

    /// Waits until the table has what the log has, or the next run would, and not as often.
    async fn catch_up(&self) {
        let logged = self.log.bounds().await.unwrap().last_sequence;
        eventually("the table has everything", || async {
            let position = self.store.projection_position(NOTIFICATIONS).await.unwrap();
            let projected = position.map_or(0, |position| position.sequence);
            (projected >= logged).then_some(())
        })
        .await;
    }

    /// What the log says of each funding.
    async fn told(&self) -> BTreeMap<String, Told> {
        let last = self.log.bounds().await.unwrap().last_sequence;
        let mut follow = self.log.follow(0);
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        while follow.position() < last {
            let message = follow.next().await.unwrap();
            let Recipient::User(user) = message.recipient().unwrap() else {
                panic!("told everybody")
            };
            let event = CloudEvent::from_json(&message.payload).unwrap();
            let (funding_id, what) = match event.event {
                Event::FundingClosing(e) => (e.funding_id, "closing"),
                Event::FundingSucceeded(e) => (e.funding_id, "succeeded"),
                Event::FundingFailed(e) => (e.funding_id, "failed"),
                Event::CouponIssued(e) => (e.funding_id, "coupon"),
                other => panic!("{other:?}"),
            };
            let of_funding = told.entry(funding_id).or_default();
            of_funding
                .entry((user.to_string(), what))
                .or_default()
                .push(event.time);
        }
        told
    }
}

impl Drop for Year {
    fn drop(&mut self) {
        self.projecting.cancel();
    }
}

fn jobs(zone: Tz) -> Settings {
    let daily = || JobSchedule {
        cron: "0 0 9 * * *".to_owned(),
        zone: None,
        weekdays: WeekdayNumbers::Posix,
        skipped_hour: SkippedHour::RunAfter,
        repeated_hour: RepeatedHour::Once,
        misfire: Policy::RunOnce,
        grace: Duration::from_secs(24 * 60 * 60),
    };
    Settings {
        zone,
        chunk_rows: 4,
        table_wait: Duration::from_secs(30),
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
            schedule: daily(),
            coupon_valid_days: 90,
            coupon_amounts: BTreeMap::new(),
        },
        alert_due: scheduler::AlertDue {
            schedule: daily(),
            catch_up_hours: 24,
        },
    }
}
