//! Random logs, cut into batches at random, against a fold in memory: wherever the batches were cut, the tables are what
//! the log says.

use chrono::{DateTime, TimeDelta, Utc};
use domain::entry::{Entry, Told};
use domain::inbox::{Change, StateChanged, Target};
use domain::notification::Notification;
use domain::preferences::{Preferences, QuietHours};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use proto_schemas::Recipient;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use store::Store;
use store::inbox::{Audience, Filter, InboxPage, InboxRow, StateFilter};
use store::projection::{Logged, NOTIFICATIONS, Projected, ProjectedBatch, SetAside};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::engines::{Database, on_both_engines, user, utc};
use crate::projection::at;
use crate::projection_model::{Line, Model, counts as model_counts, is};

on_both_engines!(the_tables_are_what_the_log_says_wherever_batches_are_cut);

const CASES: u32 = 40;

/// Nobody is told anything as the last one, who does things all the same.
const PEOPLE: [&str; 4] = ["ann", "bob", "민지", "nobody"];

/// So few that events come twice, to other people and as announcements too.
const EVENTS: u128 = 14;

const TYPES: [&str; 3] = [
    "lastcall.coupon.expiring.v1",
    "lastcall.funding.closing.v1",
    "lastcall.announcement.posted.v1",
];

const STATES: [StateFilter; 6] = [
    StateFilter::Inbox,
    StateFilter::Unread,
    StateFilter::Read,
    StateFilter::Unseen,
    StateFilter::Archived,
    StateFilter::All,
];

const TABLES: [&str; 6] = [
    "notifications",
    "announcements",
    "announcement_states",
    "preferences",
    "set_aside",
    "projection_checkpoint",
];

/// A message, before it has its place in the log.
#[derive(Debug, Clone)]
enum Message {
    Told {
        user: Option<usize>,
        event: u128,
        event_type: usize,
        funding: Option<usize>,
    },
    Changed {
        user: usize,
        change: Change,
        /// Events, or any place of the log so far.
        target: Result<Vec<u128>, Index>,
    },
    Wanted {
        user: usize,
        preferences: Preferences,
    },
    Unreadable,
}

#[derive(Debug, Clone)]
struct Step {
    message: Message,
    /// Sequences that are skipped before it.
    hole: u64,
    cut: [bool; 2],
}

fn message() -> impl Strategy<Value = Message> {
    let people = || 0..PEOPLE.len();
    let told = (
        prop::option::weighted(0.7, 0..PEOPLE.len() - 1),
        0..EVENTS,
        0..TYPES.len(),
        prop::option::of(0..2_usize),
    );
    let told = told.prop_map(|(user, event, event_type, funding)| Message::Told {
        user,
        event,
        event_type,
        funding,
    });
    let named = (people(), any_change(), prop::collection::vec(0..EVENTS, 1..4));
    let named = named.prop_map(|(user, change, events)| Message::Changed {
        user,
        change,
        target: Ok(events),
    });
    let up_to = (people(), any_change(), any::<Index>());
    let up_to = up_to
        .prop_filter("may be for all", |(_, change, _)| change.can_be_for_all())
        .prop_map(|(user, change, place)| Message::Changed {
            user,
            change,
            target: Err(place),
        });
    let wanted =
        (people(), preferences()).prop_map(|(user, preferences)| Message::Wanted { user, preferences });
    prop_oneof![8 => told, 5 => named, 3 => up_to, 2 => wanted, 1 => Just(Message::Unreadable)]
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Seen),
        Just(Change::Read),
        Just(Change::Unread),
        Just(Change::Archived),
        Just(Change::Unarchived),
    ]
}

fn preferences() -> impl Strategy<Value = Preferences> {
    let quiet = Just(("22:00", "07:00")).boxed();
    let hours = quiet.prop_map(|(from, to)| {
        let zone = chrono_tz::Asia::Seoul;
        QuietHours::new(from.parse().unwrap(), to.parse().unwrap(), zone).unwrap()
    });
    let types = prop::collection::btree_set(0..TYPES.len(), 0..2);
    let fundings = prop::collection::btree_set(0..2_usize, 0..2);
    (prop::option::of(hours), types, fundings).prop_map(|(quiet_hours, types, fundings)| Preferences {
        types_off: types.into_iter().map(|n| TYPES[n].to_owned()).collect(),
        quiet_hours,
        muted_fundings: fundings.into_iter().map(|n| format!("f{n}")).collect(),
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        message(),
        prop_oneof![4 => Just(0_u64), 1 => 1..4_u64],
        [prop::bool::weighted(0.3), prop::bool::weighted(0.05)],
    );
    let step = step.prop_map(|(message, hole, cut)| Step { message, hole, cut });
    prop::collection::vec(step, 1..60)
}

/// The messages with their places in the log.
fn log(steps: &[Step]) -> Vec<(u64, Option<Logged>)> {
    let mut sequence = 0;
    steps
        .iter()
        .enumerate()
        .map(|(n, step)| {
            sequence += 1 + step.hole;
            // A day and a half in all, by steps that are no part of it.
            let stored_at =
                utc("2026-11-21T09:00:00.123456Z") + TimeDelta::minutes(37) * n.try_into().unwrap();
            (sequence, logged(&step.message, sequence, stored_at))
        })
        .collect()
}

fn logged(message: &Message, sequence: u64, stored_at: DateTime<Utc>) -> Option<Logged> {
    let (of, entry) = match message {
        Message::Told {
            user,
            event,
            event_type,
            funding,
        } => (
            *user,
            Entry::Told(told(*event, TYPES[*event_type], *funding, stored_at)),
        ),
        Message::Changed {
            user: number,
            change,
            target,
        } => {
            let target = match target {
                Ok(events) => Target::Named(events.iter().map(|event| Uuid::from_u128(*event)).collect()),
                Err(place) => Target::UpTo(place.index(usize::try_from(sequence).unwrap() + 1) as u64),
            };
            let change = StateChanged {
                user: user(PEOPLE[*number]),
                change: *change,
                target,
                at: stored_at - TimeDelta::milliseconds(20),
            };
            (Some(*number), Entry::StateChanged(change))
        }
        Message::Wanted {
            user: number,
            preferences,
        } => {
            let changed = Entry::PreferencesChanged {
                user: user(PEOPLE[*number]),
                preferences: preferences.clone(),
            };
            (Some(*number), changed)
        }
        Message::Unreadable => return None,
    };
    let recipient = match of {
        Some(number) => Recipient::User(user(PEOPLE[number])),
        None => Recipient::Everybody,
    };
    Some(Logged {
        sequence,
        stored_at,
        recipient,
        entry,
    })
}

fn told(event: u128, event_type: &str, funding: Option<usize>, occurred_at: DateTime<Utc>) -> Told {
    let funding_id = funding.map(|number| format!("f{number}"));
    let notification = Notification {
        event_id: Uuid::from_u128(event),
        event_type: event_type.to_owned(),
        subject: match &funding_id {
            Some(id) => format!("funding/{id}"),
            None => "announcement/a".to_owned(),
        },
        title: format!("event {event}"),
        body: String::new(),
        locale: "en".to_owned(),
        occurred_at,
        expires_at: None,
    };
    Told {
        notification,
        funding_id,
        translations: Vec::new(),
        link: None,
    }
}

/// The log in batches, cut where the steps say so for that way of cutting.
fn batches(steps: &[Step], log: &[(u64, Option<Logged>)], way: usize) -> Vec<(u64, ProjectedBatch)> {
    let mut batches: Vec<(u64, ProjectedBatch)> = Vec::new();
    for (step, (sequence, logged)) in steps.iter().zip(log) {
        if step.cut[way] || batches.is_empty() {
            batches.push(Default::default());
        }
        let (last, batch) = batches.last_mut().unwrap();
        *last = *sequence;
        match logged {
            Some(logged) => batch.entries.push(logged.clone()),
            None => batch.set_aside.push(SetAside {
                sequence: *sequence,
                subject: "evt.user.ann".to_owned(),
                payload: b"?".to_vec(),
                reason: "unreadable".to_owned(),
            }),
        }
    }
    batches
}

async fn the_tables_are_what_the_log_says_wherever_batches_are_cut(database: Database) {
    let foreign = database.foreign().await;
    let store = &database.store;
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(CASES)
    });
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&steps(), |steps| {
            Handle::current().block_on(async {
                let log = log(&steps);
                for way in 0..2 {
                    empty(&foreign).await;
                    check(store, &log, batches(&steps, &log, way)).await?;
                }
                Ok(())
            })
        })
    });
    outcome.unwrap();
}

async fn empty(connection: &DatabaseConnection) {
    for table in TABLES {
        connection
            .execute_unprepared(&format!("DELETE FROM {table}"))
            .await
            .unwrap();
    }
}

/// Projects the batches, and compares after each what people see.
async fn check(
    store: &Store,
    log: &[(u64, Option<Logged>)],
    batches: Vec<(u64, ProjectedBatch)>,
) -> Result<(), TestCaseError> {
    let mut expected = None;
    let mut model = Model::default();
    for (last, batch) in batches {
        let new = at(last);
        let projected = store
            .project(NOTIFICATIONS, expected.as_ref(), &new, &batch)
            .await;
        prop_assert_eq!(projected.unwrap(), Projected::Advanced);
        expected = Some(new);
        for logged in &batch.entries {
            model.add(logged);
        }
        for person in PEOPLE {
            compare(store, &model, person, StateFilter::All).await?;
        }
    }
    for person in PEOPLE {
        for state in STATES {
            compare(store, &model, person, state).await?;
        }
        compare_preferences(store, &model, person).await?;
        compare_named(store, &model, person).await?;
    }
    let unreadable = log.iter().filter(|(_, logged)| logged.is_none()).count();
    prop_assert_eq!(store.set_aside_count().await.unwrap(), unreadable as u64);
    Ok(())
}

async fn compare(
    store: &Store,
    model: &Model,
    person: &str,
    state: StateFilter,
) -> Result<(), TestCaseError> {
    let filter = Filter {
        state,
        ..Filter::default()
    };
    let page = store.list_notifications(&user(person), &filter, None, 1000).await;
    let InboxPage { rows, counts } = page.unwrap().value;
    let lines = model.lines(person);
    let asked: Vec<_> = lines.iter().filter(|line| is(line, state)).cloned().collect();
    let read: Vec<_> = rows.iter().map(line).collect();
    prop_assert_eq!(read, asked, "{:?} of {}", state, person);
    prop_assert_eq!(counts, model_counts(&lines), "of {}", person);
    Ok(())
}

fn line(row: &InboxRow) -> Line {
    Line {
        sequence: row.sequence,
        event_id: row.notification.event_id,
        audience: row.audience,
        state: row.state,
        silenced: row.silenced,
    }
}

async fn compare_preferences(store: &Store, model: &Model, person: &str) -> Result<(), TestCaseError> {
    let stored = store.preferences(&user(person)).await.unwrap().value;
    let stored = stored.map(|stored| (stored.sequence, stored.preferences));
    prop_assert_eq!(stored.as_ref(), model.preferences(person), "of {}", person);
    Ok(())
}

/// The other ways to ask for what the list says.
async fn compare_named(store: &Store, model: &Model, person: &str) -> Result<(), TestCaseError> {
    let lines = model.lines(person);
    let ids: Vec<Uuid> = (0..EVENTS).map(Uuid::from_u128).collect();
    let states = store
        .notification_states(&user(person), &ids)
        .await
        .unwrap()
        .value;
    for id in ids {
        let of_id = |line: &&Line| line.event_id == id;
        let own = lines
            .iter()
            .filter(of_id)
            .find(|line| line.audience == Audience::Personal);
        let expected = own.or_else(|| lines.iter().find(of_id)).map(|line| line.state);
        let state = states
            .iter()
            .find(|(found, _)| *found == id)
            .map(|(_, state)| *state);
        prop_assert_eq!(state, expected, "{} of {}", id, person);
    }
    let counts = store.inbox_counts(&user(person)).await.unwrap().value;
    prop_assert_eq!(counts, model_counts(&lines), "of {}", person);
    let exists = store.unread_exists(&user(person)).await.unwrap().value;
    prop_assert_eq!(exists, counts.unread > 0, "of {}", person);
    Ok(())
}
