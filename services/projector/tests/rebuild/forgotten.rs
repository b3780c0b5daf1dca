//! A log that no longer holds everything that the tables do, and one that was replaced.

use domain::inbox::{Change, Target};
use projector::ProjectorError;
use projector::rebuild::{LogOfTables, Plan, RebuildError, Then};
use store::counting::Table;

use crate::messages::{announcement, announcement_id, changed, coupon, coupon_id, mixture, wants_no_coupons};
use crate::setting::{SWAP, Setting, on_both_engines, open_log};

on_both_engines!(
    rows_older_than_the_log_stay_with_their_states,
    a_replaced_log_is_refused_until_one_says_so,
);

const FROM_NEW_LOG: Plan = Plan {
    log: LogOfTables::Another,
    then: Then::Swap,
};

async fn rows_older_than_the_log_stay_with_their_states(setting: Setting) {
    let named = |number| Target::Named(vec![coupon_id(number)]);
    let begin = [
        coupon(1),
        coupon(8),
        announcement(1),
        wants_no_coupons(1, 1),
        changed(1, Change::Read, named(1), 2),
        changed(1, Change::Archived, Target::Named(vec![announcement_id(1)]), 3),
        coupon(2),
    ];
    // Of these the log will still know that something was done with what it no longer has.
    let rest = [
        coupon(15),
        changed(1, Change::Read, named(8), 4),
        changed(1, Change::Unread, named(1), 5),
        changed(1, Change::Seen, Target::UpTo(9), 6),
    ];
    setting.append(&begin).await;
    setting.append(&rest).await;
    setting.append(&mixture(100, 200)).await;
    setting.project_all().await;
    let purged = setting
        .nats
        .request("$JS.API.STREAM.PURGE.EVENTS", br#"{"seq":8}"#)
        .await;
    assert!(purged.contains("\"success\":true"), "{purged}");
    let before = setting.inbox_of(1).await;

    let rebuilt = setting.rebuild(SWAP).await.unwrap();
    let comparison = rebuilt.comparison.unwrap();
    assert!(comparison.is_equal(), "{comparison:#?}");
    let kept = rebuilt.taken_over;
    assert_eq!(
        (kept.notifications, kept.announcements, kept.set_aside),
        (3, 1, 0)
    );
    assert!(kept.announcement_states > 0, "{kept:?}");
    assert_eq!(setting.inbox_of(1).await, before);
}

async fn a_replaced_log_is_refused_until_one_says_so(mut setting: Setting) {
    setting.append(&mixture(1, 60)).await;
    setting.project_all().await;
    let refused = setting.rebuild(FROM_NEW_LOG).await.unwrap_err();
    assert!(matches!(refused, RebuildError::SameLog), "{refused:?}");

    setting.nats.restart_empty().await;
    setting.log = open_log(&setting.nats).await;
    setting.append(&[coupon(1), coupon(2)]).await;
    let refused = setting.rebuild(SWAP).await.unwrap_err();
    assert!(matches!(refused, RebuildError::OtherLog { .. }), "{refused:?}");
    let (_shutdown, running) = setting.project();
    let told = running.await.unwrap().unwrap_err();
    assert!(matches!(told, ProjectorError::OtherLog { .. }));
    assert!(
        told.to_string()
            .contains("lastcall projector rebuild --from-new-log"),
        "{told}"
    );

    let rebuilt = setting.rebuild(FROM_NEW_LOG).await.unwrap();
    assert!(rebuilt.swapped && rebuilt.comparison.is_none());
    assert_eq!(setting.store.count(Table::Notifications).await.unwrap(), 2);
    setting.append(&mixture(3, 60)).await;
    setting.project_all().await;
    setting.assert_tables_are_the_log().await;
}
