//! The tables as they were.

use chrono::{DateTime, Utc};
use domain::inbox::{Change, Target};
use projector::rebuild::show;
use serde_json::Value;

use crate::messages::{announcement, changed, coupon, coupon_id, mixture, unreadable, wants_no_coupons};
use crate::setting::{Setting, on_both_engines};

on_both_engines!(what_came_later_is_not_shown);

async fn what_came_later_is_not_shown(setting: Setting) {
    setting.append(&[coupon(1), unreadable(1), announcement(1)]).await;
    setting
        .append(&[
            changed(1, Change::Seen, Target::UpTo(3), 1),
            wants_no_coupons(1, 1),
            coupon(8),
        ])
        .await;
    let before = after_last(&setting).await;
    setting
        .append(&[changed(1, Change::Read, Target::Named(vec![coupon_id(1)]), 2)])
        .await;
    setting.append(&mixture(20, 500)).await;

    let mut out = Vec::new();
    let shown = show(&setting.store, &setting.log, before, &mut out, &|_| {})
        .await
        .unwrap();
    assert_eq!((shown.sequence, shown.messages, shown.rows), (6, 6, 6));
    let text = String::from_utf8(out).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |table: &str| -> Vec<&Value> { rows.iter().filter(|row| row["table"] == table).collect() };
    let coupons = of("notifications");
    assert_eq!(coupons.len(), 2, "{text}");
    assert!(
        coupons[0]["seen_at"].is_string() && coupons[0]["read_at"].is_null(),
        "{text}"
    );
    assert_eq!(coupons[1]["silenced"], "type_off");
    assert_eq!(coupons[1]["sequence"], 6);
    for table in ["announcements", "announcement_states", "preferences", "set_aside"] {
        assert_eq!(of(table).len(), 1, "{table}: {text}");
    }
    assert_eq!(of("set_aside")[0]["payload"], "no JSON");
}

/// An instant behind the last message, by the clock that stores them.
async fn after_last(setting: &Setting) -> DateTime<Utc> {
    let last = setting.log.bounds().await.unwrap().last_sequence;
    let message = setting.log.message(last).await.unwrap().unwrap();
    let until = message.stored_at + chrono::TimeDelta::microseconds(1);
    // What comes next is to be later by that clock.
    while Utc::now() <= until {
        tokio::task::yield_now().await;
    }
    until
}
