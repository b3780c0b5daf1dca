use std::time::Duration;

use async_nats::jetstream::stream::{Config, StorageType};
use event_log::{Bounds, EventLog, OpenError, Settings};
use test_support::nats::NatsServer;

use crate::{numbered, open, settings};

#[tokio::test]
async fn processes_that_start_at_once_agree_on_one_epoch_and_later_ones_find_it() {
    let server = NatsServer::start().await;
    let opened = futures::future::join_all((0..8).map(|_| open(&server))).await;
    let again = open(&server).await;
    assert!(opened.iter().all(|log| log.epoch() == again.epoch()));
    assert!(again.differences().is_empty(), "{:?}", again.differences());
    assert_eq!(again.retention(), Some(Settings::default().retention));
}

#[tokio::test]
async fn the_bounds_are_those_of_what_is_kept() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    assert_eq!(
        log.bounds().await.unwrap(),
        Bounds {
            first_sequence: 1,
            last_sequence: 0
        }
    );
    log.append(&numbered(0..10)).await.unwrap();
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = context.get_stream("EVENTS").await.unwrap();
    stream.purge().sequence(5).await.unwrap();
    assert_eq!(
        log.bounds().await.unwrap(),
        Bounds {
            first_sequence: 5,
            last_sequence: 10
        }
    );
    stream.purge().await.unwrap();
    assert_eq!(
        log.bounds().await.unwrap(),
        Bounds {
            first_sequence: 11,
            last_sequence: 10
        }
    );
}

#[tokio::test]
async fn a_stream_with_other_settings_is_used_and_each_difference_is_said() {
    let server = NatsServer::start().await;
    open(&server).await;
    let configured = Settings {
        retention: Duration::from_secs(40 * 86_400),
        duplicate_window: Duration::from_secs(7 * 86_400),
        max_consumers: 50,
        ..settings(&server)
    };
    let log = EventLog::open(&configured).await.unwrap();
    let said: Vec<_> = log
        .differences()
        .iter()
        .map(|difference| difference.setting)
        .collect();
    assert_eq!(said, ["max_age", "duplicate_window", "max_consumers"]);
    assert_eq!(
        log.differences()[2].to_string(),
        "max_consumers is 1000, wanted 50"
    );
}

#[tokio::test]
async fn a_stream_that_cannot_keep_the_promises_is_refused_with_everything_that_is_wrong() {
    let server = NatsServer::start().await;
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let unsuitable = Config {
        name: "EVENTS".to_owned(),
        subjects: vec!["evt.all".to_owned()],
        storage: StorageType::Memory,
        max_messages_per_subject: 1,
        ..Config::default()
    };
    context.create_stream(unsuitable).await.unwrap();
    let error = EventLog::open(&settings(&server))
        .await
        .err()
        .expect("the stream is refused");
    let OpenError::Unsuitable { differences, .. } = &error else {
        panic!("{error}")
    };
    let said: Vec<_> = differences.iter().map(|difference| difference.setting).collect();
    assert_eq!(
        said,
        [
            "subjects",
            "storage",
            "allow_direct",
            "max_msgs_per_subject",
            "metadata lastcall.epoch"
        ],
        "{error}"
    );
    assert!(
        error.to_string().contains("storage is Memory, wanted File"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_without_its_password() {
    let mut server = NatsServer::start().await;
    server.kill().await;
    let url = server.url().replace("nats://", "nats://ann:s3cret@");
    let error = EventLog::open(&Settings {
        url,
        ..Settings::default()
    })
    .await
    .err()
    .expect("nobody is there");
    let said = error.to_string();
    assert!(
        said.contains(&server.url()) && said.contains("check that it runs"),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
}
