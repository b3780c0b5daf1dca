//! Tables that are not what the log says.

use domain::entry::Entry;
use store::projection::{Logged, NOTIFICATIONS, Position, ProjectedBatch};
use store::rebuild::Differs;

use crate::messages::{coupon, coupon_id};
use crate::setting::{COMPARE, SWAP, Setting, on_both_engines};

on_both_engines!(a_row_that_is_not_what_the_log_says_is_found_and_mended);

/// Coupons 1 and 2 as they are in the log, 3 with another title, 4 missing; and 9, which is not in the log.
async fn a_row_that_is_not_what_the_log_says_is_found_and_mended(setting: Setting) {
    setting
        .append(&[coupon(1), coupon(2), coupon(3), coupon(4)])
        .await;
    let mut entries: Vec<Logged> = [1, 2, 3, 9].map(logged).into();
    if let Entry::Told(told) = &mut entries[2].entry {
        told.notification.title = "tampered with".to_owned();
    }
    let batch = ProjectedBatch {
        entries,
        ..ProjectedBatch::default()
    };
    let position = Position {
        epoch: setting.log.epoch().clone(),
        sequence: 4,
    };
    let projected = setting.store.project(NOTIFICATIONS, None, &position, &batch);
    projected.await.unwrap();

    for plan in [COMPARE, SWAP] {
        let rebuilt = setting.rebuild(plan).await.unwrap();
        let comparison = rebuilt.comparison.unwrap();
        assert!(!comparison.is_equal());
        let found = &comparison.tables[0];
        let counts = (found.equal, found.only_live, found.only_rebuilt, found.different);
        assert_eq!((found.table, counts), ("notifications", (2, 1, 1, 1)));
        let mut differences: Vec<_> = found
            .differences
            .iter()
            .map(|difference| (difference.key.replace('-', ""), &difference.differs))
            .collect();
        differences.sort_by(|a, b| a.0.cmp(&b.0));
        let key = |number| coupon_id(number).simple().to_string();
        assert_eq!(
            differences,
            [
                (key(3), &Differs::Columns(vec!["title".to_owned()])),
                (key(4), &Differs::OnlyRebuilt),
                (key(9), &Differs::OnlyLive),
            ]
        );
    }
    setting.assert_tables_are_the_log().await;
}

fn logged(number: u64) -> Logged {
    let record = coupon(number);
    Logged {
        sequence: number.min(5),
        stored_at: chrono::Utc::now(),
        recipient: record.recipient,
        entry: Entry::from_stored(&record.payload).unwrap(),
    }
}
