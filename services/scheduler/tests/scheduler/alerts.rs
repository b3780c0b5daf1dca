//! Alerts that people set, move and delete around the checks for due ones.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use domain::reminder::Weekdays;
use scheduler::{Counts, Job};
use store::alerts::AlertSetting;

use crate::{Setting, setting, user};

const MOST: u64 = 100;

/// A whole hour that is still to come: an alert comes due only after it was set.
fn hour() -> DateTime<Utc> {
    Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap() + TimeDelta::hours(1)
}

fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

/// On every day, at the time that the clock in UTC shows at an instant.
fn at(instant: DateTime<Utc>) -> AlertSetting {
    AlertSetting {
        title: "Stretch".to_owned(),
        content: None,
        at: instant.format("%H:%M").to_string().parse().unwrap(),
        weekdays: Weekdays::DAILY,
        time_zone: Some("UTC".to_owned()),
    }
}

impl Setting {
    async fn set(&self, id: &str, alert: &AlertSetting) {
        self.store.put_alert(&user("ann"), id, alert, MOST).await.unwrap();
    }

    /// Emitted, and emitted before.
    async fn check(&self, instant: DateTime<Utc>) -> (u64, u64) {
        let Counts {
            emitted,
            already_emitted,
            ..
        } = self.run(Job::AlertDue, instant).await;
        (emitted, already_emitted)
    }
}

#[tokio::test]
async fn an_alert_that_is_moved_after_it_fired_fires_no_second_time_that_day() {
    let (setting, hour) = (setting(10).await, hour());
    setting.set("a", &at(hour + minutes(5))).await;
    assert_eq!(setting.check(hour).await, (0, 0));
    assert_eq!(setting.check(hour + minutes(10)).await, (1, 0));
    setting.set("a", &at(hour + minutes(15))).await;
    assert_eq!(setting.check(hour + minutes(20)).await, (0, 1));
    // Another alert, even under the same id.
    setting.store.delete_alert(&user("ann"), "a").await.unwrap();
    setting.set("a", &at(hour + minutes(25))).await;
    assert_eq!(setting.check(hour + minutes(30)).await, (1, 0));
}

#[tokio::test]
async fn an_alert_does_not_fire_for_a_time_before_it_was_set() {
    let (setting, hour) = (setting(10).await, hour());
    // A minute that has passed already, within the window of the next check.
    setting.set("a", &at(Utc::now() - minutes(2))).await;
    assert_eq!(setting.check(hour).await, (0, 0));
}
