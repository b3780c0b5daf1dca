use event_log::{AppendError, Appended, EventLog, Settings};
use test_support::nats::NatsServer;

use crate::{numbered, open, record, settings, user};

#[tokio::test]
async fn a_record_that_cannot_be_stored_is_named_and_nothing_of_its_chunk_is_sent() {
    let server = NatsServer::start().await;
    let log = EventLog::open(&Settings {
        max_payload_bytes: 8,
        ..settings(&server)
    })
    .await
    .unwrap();
    let empty = log
        .append(&[record(user("ann"), "fine"), record(user("ann"), "")])
        .await
        .unwrap_err();
    assert!(matches!(empty, AppendError::Empty { index: 1, .. }), "{empty}");
    let large = log
        .append(&[record(user("ann"), "fine"), record(user("ann"), "much too large")])
        .await
        .unwrap_err();
    assert!(
        matches!(
            large,
            AppendError::TooLarge {
                index: 1,
                bytes: 14,
                limit: 8,
                ..
            }
        ),
        "{large}"
    );
    assert_eq!(log.bounds().await.unwrap().last_sequence, 0);
}

#[tokio::test]
async fn what_the_stream_refuses_is_an_error_that_names_the_record() {
    let server = NatsServer::start().await;
    open(&server).await;
    // The stream was made for small payloads; this process is configured for larger ones.
    let log = EventLog::open(&Settings {
        max_payload_bytes: 100_000,
        ..settings(&server)
    })
    .await
    .unwrap();
    let large = "x".repeat(50_000);
    let error = log
        .append(&[record(user("ann"), "fine"), record(user("ann"), &large)])
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            AppendError::Refused {
                index: 1,
                appended: Appended {
                    emitted: 1,
                    already_emitted: 0
                },
                total: 2,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_larger_than_the_server_takes_at_all_is_refused_alone() {
    let server = NatsServer::start().await;
    let log = EventLog::open(&Settings {
        max_payload_bytes: 1024 * 1024,
        ..settings(&server)
    })
    .await
    .unwrap();
    // With its headers it is more than the megabyte that the server takes.
    let large = "x".repeat(1024 * 1024);
    let error = log
        .append(&[record(user("ann"), "fine"), record(user("ann"), &large)])
        .await
        .unwrap_err();
    assert!(
        matches!(error, AppendError::Refused { index: 1, .. }),
        "{error:?}"
    );
    assert_eq!(log.append(&numbered(0..10)).await.unwrap().emitted, 10);
}

#[tokio::test]
async fn a_log_that_takes_nothing_blames_no_record() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    log.append(&numbered(0..1)).await.unwrap();
    let info = server.request("$JS.API.STREAM.INFO.EVENTS", b"").await;
    let mut info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let mut config = info["config"].take();
    config["sealed"] = true.into();
    let answer = server
        .request("$JS.API.STREAM.UPDATE.EVENTS", config.to_string().as_bytes())
        .await;
    assert!(!answer.contains("error"), "{answer}");
    let error = log.append(&numbered(1..5)).await.unwrap_err();
    assert!(
        matches!(
            error,
            AppendError::Unwritable {
                confirmed: 0,
                total: 4,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_stream_that_is_gone_is_asked_again_and_then_said_to_be_gone() {
    let server = NatsServer::start().await;
    let log = open(&server).await;
    server.request("$JS.API.STREAM.DELETE.EVENTS", b"").await;
    let error = log.append(&numbered(0..10)).await.unwrap_err();
    assert!(
        matches!(error, AppendError::Unconfirmed { confirmed: 0, .. }),
        "{error:?}"
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("the stream is gone"), "{cause}");
}
