//! Whoever judges what arrives silently, here or in a browser, judges by one table of cases.

// Tests fail by panicking.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, Utc};
use domain::preferences::{Preferences, PreferencesError};
use proto_schemas::events::v1;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    preferences: v1::Preferences,
    event: Judged,
    at: DateTime<Utc>,
    silence: Option<String>,
}

#[derive(Deserialize)]
struct Judged {
    #[serde(rename = "type")]
    event_type: String,
    #[serde(rename = "fundingId")]
    funding_id: Option<String>,
}

fn quiet(from: &str, to: &str, time_zone: &str) -> v1::Preferences {
    v1::Preferences {
        quiet_hours: Some(v1::QuietHours {
            from: from.to_owned(),
            to: to.to_owned(),
            time_zone: time_zone.to_owned(),
        }),
        ..v1::Preferences::default()
    }
}

#[test]
fn what_arrives_silently_is_what_the_table_says() {
    let cases = include_str!("../../../proto-schemas/fixtures/silence.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    for case in cases {
        let preferences = Preferences::from_message(case.preferences).unwrap();
        let funding_id = case.event.funding_id.as_deref();
        let silence = preferences.silence(&case.event.event_type, funding_id, case.at);
        assert_eq!(
            silence.map(|silence| silence.to_string()),
            case.silence,
            "{}",
            case.name
        );
    }
}

#[test]
fn preferences_are_read_back_as_they_were_written() {
    let written = v1::Preferences {
        types_off: vec!["lastcall.coupon.expiring.v1".to_owned()],
        muted_fundings: vec!["f-lamp".to_owned(), "f-moon".to_owned()],
        ..quiet("22:00", "07:05", "Asia/Seoul")
    };
    let read = Preferences::from_message(written.clone()).unwrap();
    assert_eq!(read.to_message(), written);
}

#[test]
fn hours_that_cannot_be_are_refused_and_the_field_is_named() {
    let refused = |message| Preferences::from_message(message).unwrap_err();
    assert_eq!(refused(quiet("22:00", "22:00", "UTC")), PreferencesError::Empty);
    assert_eq!(
        refused(quiet("22:00", "24:00", "UTC")),
        PreferencesError::TimeOfDay("to", "24:00".to_owned())
    );
    assert_eq!(
        refused(quiet("", "07:00", "UTC")),
        PreferencesError::TimeOfDay("from", String::new())
    );
    assert_eq!(
        refused(quiet("22:00", "07:00", "Seoul")),
        PreferencesError::Zone("Seoul".to_owned())
    );
}
