//! The projector on a real log and real tables.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod inboxes;

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use domain::notice::{ExpiringCoupon, PersonRow, RunContext};
use event_log::{EventLog, Record};
use projector::{Projector, ProjectorError, Settings};
use proto_schemas::{Recipient, UserId};
use service_kit::health::Readiness;
use store::Store;
use store::counting::Table;
use store::projection::{NOTIFICATIONS, Position, ProjectedBatch};
use tempfile::TempDir;
use test_support::lastcall::eventually;
use test_support::nats::NatsServer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

struct Setting {
    nats: NatsServer,
    log: EventLog,
    store: Store,
    _folder: TempDir,
}

async fn setting() -> Setting {
    let nats = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(&nats).await;
    let url = format!("sqlite:{}", folder.path().join("tables.db").display());
    let store = Store::connect(&store::Settings {
        url,
        ..store::Settings::default()
    })
    .await
    .unwrap();
    store.migrate().await.unwrap();
    Setting {
        nats,
        log,
        store,
        _folder: folder,
    }
}

async fn open_log(nats: &NatsServer) -> EventLog {
    let settings = event_log::Settings {
        url: nats.url(),
        ..event_log::Settings::default()
    };
    EventLog::open(&settings).await.unwrap()
}

fn start(setting: &Setting) -> (CancellationToken, JoinHandle<Result<(), ProjectorError>>) {
    let batch = Settings {
        batch_messages: NonZeroUsize::new(100).unwrap(),
    };
    let projector = Projector::new(setting.store.clone(), setting.log.clone(), batch);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(projector.run(Readiness::default().gate("projector"), shutdown.clone()));
    (shutdown, running)
}

fn coupon(number: usize) -> Record {
    let due = ExpiringCoupon {
        coupon_id: format!("c{number}"),
        holder: PersonRow {
            user_id: format!("u{}", number % 7),
            habits: Arc::default(),
        },
        funding_id: None,
        funding_title: None,
        expires_at: "2026-11-22T14:59:59Z".parse().unwrap(),
        amount: None,
    };
    let run = RunContext {
        scheduled_at: "2026-11-21T09:00:00Z".parse().unwrap(),
    };
    let notice = due.notice(run).unwrap();
    Record {
        recipient: notice.recipient,
        id: notice.event.id,
        payload: notice.event.to_json().unwrap().into(),
    }
}

fn raw(payload: &'static str) -> Record {
    let recipient = Recipient::User(UserId::new("u1").unwrap());
    Record {
        recipient,
        id: Uuid::new_v4(),
        payload: Bytes::from_static(payload.as_bytes()),
    }
}

async fn projected_until(store: &Store, sequence: u64) {
    eventually("the table catches up", || async {
        let position = store.projection_position(NOTIFICATIONS).await.unwrap();
        position.filter(|position| position.sequence >= sequence)
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_and_the_rest_flows() {
    let setting = setting().await;
    let records = [
        coupon(1),
        raw("no JSON"),
        raw(
            r#"{"specversion":"1.0","id":"1dd77cd7-a3b7-518a-abba-fcc98389be86","source":"/x","type":"shop.order.v1","time":"2026-11-21T09:00:00Z","data":{}}"#,
        ),
        coupon(2),
    ];
    setting.log.append(&records).await.unwrap();
    let (shutdown, running) = start(&setting);
    projected_until(&setting.store, 4).await;
    assert_eq!(setting.store.count(Table::Notifications).await.unwrap(), 2);
    assert_eq!(setting.store.set_aside_count().await.unwrap(), 2);
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn it_goes_on_where_the_table_stands() {
    let setting = setting().await;
    for round in 0..3 {
        let (shutdown, running) = start(&setting);
        let records: Vec<_> = (round * 250..(round + 1) * 250).map(coupon).collect();
        setting.log.append(&records).await.unwrap();
        projected_until(&setting.store, 250 * round as u64 + 100).await;
        shutdown.cancel();
        running.await.unwrap().unwrap();
    }
    let (shutdown, running) = start(&setting);
    projected_until(&setting.store, 750).await;
    assert_eq!(setting.store.count(Table::Notifications).await.unwrap(), 750);
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn two_projectors_write_every_row_once_and_the_second_takes_over() {
    let setting = setting().await;
    let (first_shutdown, first) = start(&setting);
    let (second_shutdown, second) = start(&setting);
    let records: Vec<_> = (0..2000).map(coupon).collect();
    setting.log.append(&records).await.unwrap();
    projected_until(&setting.store, 2000).await;
    assert_eq!(setting.store.count(Table::Notifications).await.unwrap(), 2000);

    first_shutdown.cancel();
    first.await.unwrap().unwrap();
    setting
        .log
        .append(&(2000..2100).map(coupon).collect::<Vec<_>>())
        .await
        .unwrap();
    projected_until(&setting.store, 2100).await;
    assert_eq!(setting.store.count(Table::Notifications).await.unwrap(), 2100);
    second_shutdown.cancel();
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_table_from_another_log_is_left_alone() {
    let mut setting = setting().await;
    let position = Position {
        epoch: setting.log.epoch().clone(),
        sequence: 1,
    };
    let moved = setting
        .store
        .project(NOTIFICATIONS, None, &position, &ProjectedBatch::default())
        .await;
    moved.unwrap();
    setting.nats.restart_empty().await;
    setting.log = open_log(&setting.nats).await;
    let (_shutdown, running) = start(&setting);
    assert!(matches!(
        running.await.unwrap(),
        Err(ProjectorError::OtherLog { .. })
    ));
}

#[tokio::test]
async fn a_log_that_ends_behind_the_table_is_an_error_and_not_silence() {
    let setting = setting().await;
    setting.log.append(&[coupon(1)]).await.unwrap();
    let position = Position {
        epoch: setting.log.epoch().clone(),
        sequence: 5,
    };
    let moved = setting
        .store
        .project(NOTIFICATIONS, None, &position, &ProjectedBatch::default())
        .await;
    moved.unwrap();
    let (_shutdown, running) = start(&setting);
    assert!(matches!(running.await.unwrap(), Err(ProjectorError::Log(_))));
}
