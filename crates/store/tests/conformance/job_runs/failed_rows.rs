use serde_json::json;
use store::job_runs::{Counts, PageBegan, PageDone, PageEnd, State};

use super::{AT, MORE, SOME, claim, claim_and_stall, end, failed, look, page, run, taken};
use crate::engines::{Database, on_both_engines};

on_both_engines!(
    a_run_that_failed_goes_on_from_its_first_page_with_a_failed_row,
    a_run_that_was_cut_off_keeps_its_failed_rows,
    a_row_that_fails_again_has_its_new_reason,
    what_is_kept_of_a_failed_row_is_bounded,
    failed_rows_come_page_by_page,
);

fn began(checkpoint: &str, counts: Counts) -> PageBegan {
    PageBegan {
        checkpoint: Some(json!(checkpoint)),
        counts,
    }
}

async fn a_run_that_failed_goes_on_from_its_first_page_with_a_failed_row(Database { store, .. }: Database) {
    let attempt = claim(&store, AT).await.attempt;
    store
        .save_checkpoint(&attempt, &page(json!("b"), SOME))
        .await
        .unwrap();
    let second = PageDone {
        failed_rows: vec![failed("coupon 7", "no zone")],
        began: began("b", SOME),
        ..page(json!("c"), MORE)
    };
    store.save_checkpoint(&attempt, &second).await.unwrap();
    let last = PageEnd {
        failed_rows: vec![failed("coupon 9", "no holder")],
        began: began("c", MORE),
        ..end(MORE)
    };
    let outcome = Err("too many bad rows".to_owned());
    store.finish_run(&attempt, outcome, &last).await.unwrap();
    let rows = store.failed_rows(attempt.run_id, None, 10).await.unwrap();
    assert_eq!(
        rows,
        [failed("coupon 7", "no zone"), failed("coupon 9", "no holder")]
    );

    let again = claim_and_stall(&store, AT).await;
    assert_eq!(
        (again.earlier, again.checkpoint, again.counts),
        (Some(State::Failed), Some(json!("b")), SOME)
    );
    assert_eq!(again.attempt.before, SOME);
    assert!(
        store
            .failed_rows(attempt.run_id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    // Cut off before its first page, it still begins there.
    let next = taken(look(&store, "bob").await);
    assert_eq!((next.checkpoint, next.counts), (Some(json!("b")), SOME));
    // Mended, it goes on; should it fail for another reason, there is no page to go back to.
    store
        .save_checkpoint(&next.attempt, &page(json!("c"), MORE))
        .await
        .unwrap();
    let outcome = Err("broke".to_owned());
    store
        .finish_run(&next.attempt, outcome, &end(MORE))
        .await
        .unwrap();
    assert_eq!(claim(&store, AT).await.checkpoint, Some(json!("c")));
}

async fn a_run_that_was_cut_off_keeps_its_failed_rows(Database { store, .. }: Database) {
    let first = claim_and_stall(&store, AT).await.attempt;
    let bad = PageDone {
        failed_rows: vec![failed("coupon 7", "no zone")],
        ..page(json!("b"), SOME)
    };
    store.save_checkpoint(&first, &bad).await.unwrap();
    let second = taken(look(&store, "bob").await);
    assert_eq!(second.checkpoint, Some(json!("b")));
    assert_eq!(store.failed_rows(first.run_id, None, 10).await.unwrap().len(), 1);
    // The restart is kept as well: nothing came before the first page.
    let outcome = Err("broke".to_owned());
    store
        .finish_run(&second.attempt, outcome, &end(MORE))
        .await
        .unwrap();
    let third = claim(&store, AT).await;
    assert_eq!((third.checkpoint, third.counts), (None, Counts::default()));

    // One that succeeds may have skipped rows; done again, it meets them again.
    store.save_checkpoint(&third.attempt, &bad).await.unwrap();
    store
        .finish_run(&third.attempt, Ok(()), &end(MORE))
        .await
        .unwrap();
    assert_eq!(store.failed_rows(first.run_id, None, 10).await.unwrap().len(), 1);
    claim(&store, AT).await;
    assert!(
        store
            .failed_rows(first.run_id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(run(&store, AT).await.counts, Counts::default());
}

async fn a_row_that_fails_again_has_its_new_reason(Database { store, .. }: Database) {
    let attempt = claim(&store, AT).await.attempt;
    for reason in ["no zone", "no holder"] {
        let bad = PageDone {
            failed_rows: vec![failed("coupon 7", "first of two"), failed("coupon 7", reason)],
            ..page(json!(reason), SOME)
        };
        store.save_checkpoint(&attempt, &bad).await.unwrap();
    }
    let rows = store.failed_rows(attempt.run_id, None, 10).await.unwrap();
    assert_eq!(rows, [failed("coupon 7", "no holder")]);
}

async fn what_is_kept_of_a_failed_row_is_bounded(Database { store, .. }: Database) {
    let attempt = claim(&store, AT).await.attempt;
    let bad = PageEnd {
        failed_rows: vec![failed(
            &"\u{1f600}".repeat(400),
            &format!("\0{}", "\u{d55c}".repeat(2000)),
        )],
        ..end(SOME)
    };
    store.finish_run(&attempt, Ok(()), &bad).await.unwrap();
    let row = store
        .failed_rows(attempt.run_id, None, 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(row.row, "\u{1f600}".repeat(300));
    assert_eq!(row.reason, format!("\u{fffd}{}", "\u{d55c}".repeat(999)));
}

async fn failed_rows_come_page_by_page(Database { store, .. }: Database) {
    let attempt = claim(&store, AT).await.attempt;
    // More than one statement takes, and in an order that locales see differently.
    let keys: Vec<String> = (0..1100)
        .map(|n| format!("{}{n:04}", ["B", "a", "_"][n % 3]))
        .collect();
    let bad = PageEnd {
        failed_rows: keys.iter().map(|key| failed(key, "bad")).collect(),
        ..end(SOME)
    };
    store.finish_run(&attempt, Ok(()), &bad).await.unwrap();
    let mut read: Vec<String> = Vec::new();
    loop {
        let after = read.last().map(String::as_str);
        let rows = store.failed_rows(attempt.run_id, after, 500).await.unwrap();
        if rows.is_empty() {
            break;
        }
        read.extend(rows.into_iter().map(|row| row.row));
    }
    let mut sorted = keys;
    sorted.sort();
    assert_eq!(read, sorted);
}
