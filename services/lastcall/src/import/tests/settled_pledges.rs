use chrono::TimeDelta;
use domain::settlement::{Outcome, Reward};

use super::*;

#[tokio::test]
async fn pledges_that_come_after_the_settlement_are_rejected_and_the_others_taken() {
    let place = Place::new().await;
    let fundings = "id,title,goal,closes_at,status\nf1,A,1,2026-01-01,\nf2,B,1,2026-01-01,\nf3,C,1,2020-01-01,succeeded\n";
    place.import(Kind::Fundings, "f.csv", fundings).await;
    let before = "funding_id,user_id,amount\nf1,u1,5\nf1,u2,6\n";
    place.import(Kind::Pledges, "before.csv", before).await;
    let reward = Reward {
        validity: TimeDelta::days(90),
        amounts: Vec::new(),
    };
    let settled = place
        .store
        .settle("f1", utc("2026-01-02T00:00:00Z"), &reward)
        .await;
    assert_eq!(settled.unwrap(), Some(Outcome::Succeeded));

    // What was there, one that is new, one that says otherwise, one of an open funding and one of the site's history.
    let after = format!("{before}f1,late,1\nf1,u2,7\nf2,u1,1\nf3,u1,1\n");
    let summary = place.import(Kind::Pledges, "after.csv", after).await;
    assert_eq!((summary.accepted, summary.rejected), (4, 2));
    let rejected = rejected(&summary);
    let lines: Vec<u64> = rejected.iter().map(|(line, ..)| *line).collect();
    assert_eq!(lines, [4, 5]);
    for (_, _, reason) in &rejected {
        assert!(reason.contains("the funding is settled"), "{reason}");
    }
    assert_eq!(place.store.count(Table::Pledges).await.unwrap(), 4);
}
