//! Every type of event as it was first written. Fixtures are kept for ever: what is stored must stay readable, and what is
//! written must not change for those who read it elsewhere.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use proto_schemas::events::{timestamp, v1};
use proto_schemas::{CloudEvent, Event};
use uuid::Uuid;

fn instant() -> DateTime<Utc> {
    "2026-11-22T14:59:59Z".parse().unwrap()
}

fn words() -> v1::Words {
    v1::Words {
        locale: "ko".to_owned(),
        title: "쿠폰이 곧 만료됩니다".to_owned(),
        body: "‘The \"Night Owl\"’\nline two".to_owned(),
    }
}

fn krw(minor_units: i64) -> Option<v1::Money> {
    Some(v1::Money {
        currency: "KRW".to_owned(),
        minor_units,
    })
}

fn events() -> Vec<Event> {
    let funding_id = || "f-lamp".to_owned();
    let funding_title = || "달빛 램프".to_owned();
    let at = || Some(timestamp(instant()));
    vec![
        v1::CouponExpiring {
            coupon_id: "c771".to_owned(),
            funding_id: Some(funding_id()),
            funding_title: Some(funding_title()),
            expires_at: at(),
            words: Some(words()),
            amount: None,
        }
        .into(),
        v1::CouponIssued {
            coupon_id: "c771".to_owned(),
            funding_id: funding_id(),
            funding_title: funding_title(),
            expires_at: at(),
            words: Some(words()),
            amount: None,
        }
        .into(),
        v1::FundingClosing {
            funding_id: funding_id(),
            funding_title: funding_title(),
            closes_at: at(),
            words: Some(words()),
        }
        .into(),
        v1::FundingSucceeded {
            funding_id: funding_id(),
            funding_title: funding_title(),
            closed_at: at(),
            goal: krw(3_000_000),
            raised: krw(9_007_199_254_740_993),
            role: v1::FundingRole::Backer.into(),
            words: Some(words()),
        }
        .into(),
        v1::FundingFailed {
            funding_id: funding_id(),
            funding_title: funding_title(),
            closed_at: at(),
            goal: krw(3_000_000),
            raised: krw(0),
            role: v1::FundingRole::Maker.into(),
            words: Some(words()),
        }
        .into(),
        v1::AlertDue {
            alert_id: "a-1".to_owned(),
            alert_title: "저녁 스트레칭".to_owned(),
            local_date: "2026-11-22".to_owned(),
            due_at: at(),
            words: Some(words()),
            content: None,
        }
        .into(),
        v1::AnnouncementPosted {
            announcement_id: "n-1".to_owned(),
            words: vec![words()],
            link: Some("/news/1".to_owned()),
        }
        .into(),
        v1::NotificationStateChanged {
            user_id: "u1".to_owned(),
            change: v1::StateChange::Read.into(),
            notification_ids: vec!["1dd77cd7-a3b7-518a-abba-fcc98389be86".to_owned()],
            up_to: None,
        }
        .into(),
        v1::PreferencesChanged {
            user_id: "u1".to_owned(),
            preferences: Some(v1::Preferences {
                types_off: vec!["lastcall.coupon.expiring.v1".to_owned()],
                quiet_hours: Some(v1::QuietHours {
                    from: "22:00".to_owned(),
                    to: "07:00".to_owned(),
                    time_zone: "Asia/Seoul".to_owned(),
                }),
                muted_fundings: vec!["f-lamp".to_owned()],
            }),
        }
        .into(),
    ]
}

/// Events with a field that came after their first fixture was written, or that stands instead of another one, each with
/// the field's name.
fn grown_events() -> Vec<(&'static str, Event)> {
    let grown = events().into_iter().filter_map(|event| match event {
        Event::CouponExpiring(coupon) => Some((
            "amount",
            v1::CouponExpiring {
                amount: krw(5000),
                ..coupon
            }
            .into(),
        )),
        Event::CouponIssued(coupon) => Some((
            "amount",
            v1::CouponIssued {
                amount: krw(5000),
                ..coupon
            }
            .into(),
        )),
        Event::AlertDue(alert) => Some((
            "content",
            v1::AlertDue {
                content: Some("/lists/7".to_owned()),
                ..alert
            }
            .into(),
        )),
        Event::NotificationStateChanged(changed) => Some((
            "up-to",
            v1::NotificationStateChanged {
                notification_ids: Vec::new(),
                up_to: Some(9_007_199_254_740_993),
                ..changed
            }
            .into(),
        )),
        _ => None,
    });
    grown.collect()
}

fn cloud_event(event: Event) -> CloudEvent {
    CloudEvent {
        id: Uuid::from_u128(0x1dd7_7cd7_a3b7_518a_abba_fcc9_8389_be86),
        source: "/lastcall/scheduler".to_owned(),
        time: instant() - TimeDelta::days(1),
        expiry_time: Some(instant()),
        event,
    }
}

/// The events with their fixtures.
fn fixtures() -> Vec<(PathBuf, Event)> {
    let file = |name: String| {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(name)
    };
    let first = events()
        .into_iter()
        .map(|event| (file(format!("{}.json", event.type_name())), event));
    let grown = grown_events()
        .into_iter()
        .map(|(field, event)| (file(format!("{}+{field}.json", event.type_name())), event));
    first.chain(grown).collect()
}

#[test]
fn every_type_is_written_exactly_as_in_its_fixture_and_read_back_from_it() {
    for (path, event) in fixtures() {
        let stored = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let expected = cloud_event(event);
        let written = expected.to_json().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&written),
            String::from_utf8_lossy(stored.trim_ascii_end()),
            "{}",
            path.display()
        );
        assert_eq!(CloudEvent::from_json(&stored).unwrap(), expected);
    }
}

#[test]
fn every_type_has_a_fixture() {
    let covered: BTreeSet<&str> = events().iter().map(Event::type_name).collect();
    assert_eq!(covered, Event::TYPE_NAMES.iter().copied().collect());
}

#[test]
fn what_people_are_told_has_words_and_what_they_did_themselves_has_none() {
    for event in events() {
        let told = Event::TOLD_TYPE_NAMES.contains(&event.type_name());
        assert_eq!(!event.words().is_empty(), told, "{}", event.type_name());
    }
}

#[test]
fn a_stored_event_is_one_line() {
    for event in events() {
        let line = cloud_event(event).to_json().unwrap();
        assert!(!line.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
    }
}

#[test]
fn what_a_newer_writer_added_does_not_stop_an_older_reader() {
    for event in events() {
        let expected = cloud_event(event);
        let mut json: serde_json::Value = serde_json::from_slice(&expected.to_json().unwrap()).unwrap();
        json["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into();
        json["data"]["fieldOfTheFuture"] = 1.into();
        assert_eq!(
            CloudEvent::from_json(json.to_string().as_bytes()).unwrap(),
            expected
        );
    }
}

#[test]
fn what_is_no_event_is_refused_and_the_place_is_named() {
    let valid = cloud_event(events().remove(0)).to_json().unwrap();
    let refusal = |edit: fn(&mut serde_json::Value)| {
        let mut json: serde_json::Value = serde_json::from_slice(&valid).unwrap();
        edit(&mut json);
        let error = CloudEvent::from_json(json.to_string().as_bytes()).unwrap_err();
        let source = std::error::Error::source(&error)
            .map(ToString::to_string)
            .unwrap_or_default();
        format!("{error}: {source}")
    };
    assert!(refusal(|json| json["specversion"] = "0.3".into()).contains("specversion"));
    assert!(refusal(|json| json["id"] = "c771".into()).contains("UUID"));
    assert!(
        refusal(|json| json["type"] = "lastcall.coupon.lost.v1".into()).contains("lastcall.coupon.lost.v1")
    );
    assert!(
        refusal(|json| json["data"]["expiresAt"] = "soon".into()).contains("lastcall.coupon.expiring.v1")
    );
    assert!(refusal(|json| json["time"] = serde_json::Value::Null).contains("time"));
    assert!(CloudEvent::from_json(b"").is_err() && CloudEvent::from_json(b"{").is_err());
}
