use chrono::{DateTime, Utc};
use domain::notification::Notification;
use proto_schemas::{Epoch, UserId};
use reqwest::StatusCode;
use serde_json::Value;
use store::projection::{NOTIFICATIONS, Position, ProjectedBatch};
use uuid::Uuid;

use crate::Inbox;

const EPOCH: &str = "k3v9x2ma";

impl Inbox {
    /// Puts notifications with these sequences into the table, for one user or for everybody.
    async fn project(&self, user: Option<&str>, sequences: std::ops::RangeInclusive<u64>) {
        let expected = self.store.projection_position(NOTIFICATIONS).await.unwrap();
        let new = Position {
            epoch: Epoch::new(EPOCH).unwrap(),
            sequence: *sequences.end(),
        };
        let mut batch = ProjectedBatch::default();
        for sequence in sequences {
            match user {
                Some(user) => {
                    batch
                        .notifications
                        .push((UserId::new(user).unwrap(), sequence, notification(sequence)));
                }
                None => batch.announcements.push((sequence, notification(sequence))),
            }
        }
        self.store
            .project(NOTIFICATIONS, expected.as_ref(), &new, &batch)
            .await
            .unwrap();
    }

    async fn cursors(&self, user: &str, path: &str) -> Vec<String> {
        let (status, page) = self.get(user, path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page["notifications"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n["cursor"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(crate) fn notification(sequence: u64) -> Notification {
    let occurred_at: DateTime<Utc> = "2026-11-21T09:00:00Z".parse().unwrap();
    Notification {
        event_id: Uuid::new_v4(),
        event_type: "lastcall.coupon.expiring.v1".to_owned(),
        subject: format!("coupon/c{sequence}"),
        title: "Your coupon expires soon".to_owned(),
        body: "“Night, \"Owl\"”".to_owned(),
        locale: "en".to_owned(),
        occurred_at,
        expires_at: None,
    }
}

fn at(sequences: &[u64]) -> Vec<String> {
    sequences
        .iter()
        .map(|sequence| format!("{EPOCH}.{sequence}"))
        .collect()
}

#[tokio::test]
async fn pages_are_newest_first_and_stay_put_while_new_rows_arrive() {
    let inbox = Inbox::start().await;
    inbox.project(Some("u1"), 1..=3).await;
    inbox.project(None, 4..=4).await;
    inbox.project(Some("u1"), 5..=5).await;
    let (_, page) = inbox.get("u1", "/v1/notifications?limit=2").await;
    assert_eq!(page["cursor"], format!("{EPOCH}.5"));
    let next = page["next"].as_str().unwrap().to_owned();

    inbox.project(Some("u1"), 6..=9).await;
    let second = inbox
        .cursors("u1", &format!("/v1/notifications?limit=2&before={next}"))
        .await;
    assert_eq!(second, at(&[3, 2]));
    let last = inbox
        .get("u1", &format!("/v1/notifications?limit=2&before={}", second[1]))
        .await
        .1;
    assert_eq!(last["notifications"].as_array().unwrap().len(), 1);
    assert!(last["next"].is_null());
    assert_eq!(
        inbox.cursors("u1", "/v1/notifications").await,
        at(&[9, 8, 7, 6, 5, 4, 3, 2, 1])
    );
}

#[tokio::test]
async fn everybody_sees_announcements_and_nobody_anothers_notifications() {
    let inbox = Inbox::start().await;
    inbox.project(Some("u1"), 1..=2).await;
    inbox.project(None, 3..=3).await;
    assert_eq!(
        inbox
            .cursors("u2", &format!("/v1/notifications?before={EPOCH}.99"))
            .await,
        at(&[3])
    );
    assert_eq!(
        inbox.get("u2", "/v1/notifications/unread-count").await.1["unread"],
        1
    );
    assert_eq!(
        inbox.get("u1", "/v1/notifications/unread-count").await.1["unread"],
        3
    );
    assert_eq!(
        inbox.get("u1", "/v1/notifications/exists").await.1["exists"],
        true
    );
}

#[tokio::test]
async fn an_answer_is_never_older_than_the_client_asks_for() {
    let inbox = Inbox::start().await;
    inbox.project(Some("u1"), 1..=1).await;
    let path = format!("/v1/notifications/unread-count?at_least={EPOCH}.2");
    let (status, problem) = inbox.get("u1", &path).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Some("urn:lastcall:problem:table-behind")
        )
    );

    let (answer, ()) = tokio::join!(inbox.get("u1", &path), inbox.project(Some("u1"), 2..=2));
    assert_eq!((answer.0, &answer.1["unread"]), (StatusCode::OK, &Value::from(2)));
}

#[tokio::test]
async fn an_empty_inbox_is_an_answer() {
    let inbox = Inbox::start().await;
    let (status, page) = inbox.get("u1", "/v1/notifications").await;
    assert_eq!(
        (status, page["notifications"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(0))
    );
    assert_eq!(
        inbox.get("u1", "/v1/notifications/exists").await.1["exists"],
        false
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_as_a_problem_that_names_it() {
    let inbox = Inbox::start().await;
    inbox.project(Some("u1"), 1..=1).await;
    for (path, status, named) in [
        ("/v1/notifications?limit=0", 400, "limit"),
        ("/v1/notifications?limit=many", 400, "limit"),
        ("/v1/notifications?before=.", 400, "before"),
        ("/v1/notifications?page=2", 400, "page"),
        ("/v1/notifications?before=other.1", 410, "other.1"),
        ("/v1/notifications/exists?at_least=other.1", 410, "other.1"),
    ] {
        let (found, problem) = inbox.get("u1", path).await;
        assert_eq!(found.as_u16(), status, "{path}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{path}: {problem}"
        );
    }
}

#[tokio::test]
async fn without_a_valid_token_there_is_nothing() {
    let inbox = Inbox::start().await;
    for path in [
        "/v1/notifications",
        "/v1/notifications/unread-count",
        "/v1/notifications/exists",
    ] {
        let response = inbox
            .client
            .get(format!("{}{path}", inbox.url))
            .bearer_auth("forged")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
}
