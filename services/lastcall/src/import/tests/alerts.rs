use proto_schemas::UserId;

use super::*;

#[tokio::test]
async fn an_alert_may_say_what_it_is_for_and_which_clock_it_goes_by() {
    let place = Place::new().await;
    let long = "x".repeat(1001);
    let text = format!(
        "id,user_id,title,at,content,time_zone\n\
         a1,u1,Look,09:30,/lists/7,Asia/Seoul\n\
         a2,u1,Look,09:30,,Mars/Phobos\n\
         a3,u1,Look,09:30,{long},\n\
         a4,u1,Look,09:30,,\n"
    );
    let summary = place.import(Kind::Alerts, "a.csv", text).await;
    let expected = [
        (3, "time_zone", "is no IANA time zone such as Asia/Seoul"),
        (4, "content", "has 1001 bytes; 1000 is the most"),
    ];
    let expected = expected.map(|(line, column, reason)| (line, column.to_owned(), reason.to_owned()));
    assert_eq!(rejected(&summary), expected);

    // A later file that does not have those columns leaves them as they are.
    place
        .import(
            Kind::Alerts,
            "again.csv",
            "id,user_id,title,at\na1,u1,Look again,09:30\n",
        )
        .await;
    let owner = UserId::new("u1").unwrap();
    let alerts = place.store.list_alerts(&owner, None, 10).await.unwrap();
    let found: Vec<_> = alerts
        .iter()
        .map(|alert| {
            (
                alert.setting.title.as_str(),
                alert.setting.content.as_deref(),
                alert.zone.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("Look again", Some("/lists/7"), "Asia/Seoul"),
            ("Look", None, "UTC")
        ]
    );
}
