//! How the databases find what is asked for, in a table of 200,000 lines of which one person has 10,000.

use chrono::DateTime;
use domain::inbox::{Change, StateChanged, Target};
use proto_schemas::UserId;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbBackend, QuerySelect as _, QueryTrait as _, Statement,
    StatementBuilder,
};
use test_support::postgres::Postgres;
use uuid::Uuid;

use super::counts::counting;
use super::list::own_lines;
use super::{Filter, StateFilter};
use crate::projection::fold::Changed;
use crate::projection::{Reach, Tables, touched};
use crate::{Settings, Store};

const OF_ALL: &str = "notifications_user_id_sequence";
const OF_UNREAD: &str = "notifications_unread";
const OF_ARCHIVED: &str = "notifications_archived";

/// Ann has every twentieth line. A tenth of all is put away, most of the rest read.
const FILL: &str = "
INSERT INTO notifications (event_id, user_id, sequence, event_type, subject, title, body, locale, occurred_at, seen_at,
    read_at, archived_at)
SELECT EVENT_ID, CASE WHEN n % 20 = 0 THEN 'ann' ELSE 'u' || (n * 7919 % 9001) END, n, 'a', 's', 'title', 'body', 'en',
    '2026-11-21 09:00:00+00:00', CASE WHEN n % 61 <> 0 THEN AN_INSTANT END, CASE WHEN n % 31 <> 0 THEN AN_INSTANT END,
    CASE WHEN n % 200 > 180 THEN AN_INSTANT END
FROM NUMBERS
";

/// As if everybody had done the same with so many announcements.
const FILL_STATES: &str = "
INSERT INTO announcement_states (user_id, event_id, seen_at, read_at, archived_at)
SELECT user_id, event_id, seen_at, read_at, archived_at FROM notifications
";

async fn fill(store: &Store) {
    let [event_id, instant, numbers] = match store.connection().get_database_backend() {
        DbBackend::Postgres => ["gen_random_uuid()", "now()", "generate_series(1, 200000) AS n"],
        _ => [
            "randomblob(16)",
            "'2026-11-21 10:00:00+00:00'",
            "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200000) \
             SELECT n FROM numbers)",
        ],
    };
    let fill = FILL
        .replace("EVENT_ID", event_id)
        .replace("AN_INSTANT", instant)
        .replace("NUMBERS", numbers);
    for fill in [&fill, FILL_STATES] {
        store.connection().execute_unprepared(fill).await.unwrap();
    }
}

/// The plan, a step a line, in a transaction such as it is asked in.
async fn plan(transaction: DatabaseTransaction, asked: &impl StatementBuilder) -> String {
    let backend = transaction.get_database_backend();
    let (explain, column) = match backend {
        DbBackend::Postgres => ("EXPLAIN", 0),
        _ => ("EXPLAIN QUERY PLAN", 3),
    };
    let Statement { sql, values, .. } = backend.build(asked);
    let values = values.map(|values| values.0).unwrap_or_default();
    let explained = Statement::from_sql_and_values(backend, format!("{explain} {sql}"), values);
    let steps = transaction.query_all_raw(explained).await.unwrap();
    let steps = steps
        .iter()
        .map(|step| step.try_get_by_index::<String>(column).unwrap());
    let plan = steps.collect::<Vec<_>>().join("\n");
    assert!(!plan.contains("JIT"), "is not compiled first:\n{plan}");
    plan
}

fn goes_by(plan: &str, index: &str) {
    assert!(plan.contains(index), "goes by {index}:\n{plan}");
    for through_all in ["Seq Scan on notifications", "SCAN notifications"] {
        assert!(
            !plan.contains(through_all),
            "is no walk through all lines:\n{plan}"
        );
    }
}

async fn everything_goes_by_an_index(store: &Store) {
    let ann = UserId::new("ann").unwrap();
    let reading = async || store.begin_snapshot().await.unwrap();
    let changing = async || store.begin_paging().await.unwrap();
    for (state, index) in [
        (StateFilter::Inbox, OF_ALL),
        (StateFilter::All, OF_ALL),
        (StateFilter::Read, OF_ALL),
        (StateFilter::Unread, OF_UNREAD),
        (StateFilter::Unseen, OF_UNREAD),
        (StateFilter::Archived, OF_ARCHIVED),
    ] {
        let filter = Filter {
            state,
            ..Filter::default()
        };
        let page = own_lines(&ann, &filter, 100_000).limit(51).into_query();
        goes_by(&plan(reading().await, &page).await, index);
    }
    let counts = plan(reading().await, &counting(&ann)).await;
    goes_by(&counts, OF_UNREAD);
    if store.connection().get_database_backend() == DbBackend::Sqlite {
        assert!(counts.contains("COVERING INDEX notifications_unread"), "{counts}");
    }
    for (change, indexes) in [
        (Change::Seen, &[OF_UNREAD][..]),
        (Change::Read, &[OF_UNREAD, OF_ARCHIVED]),
        (Change::Archived, &[OF_ALL]),
    ] {
        let change = StateChanged {
            user: ann.clone(),
            change,
            target: Target::UpTo(100_000),
            at: DateTime::UNIX_EPOCH,
        };
        let changed = Changed {
            sequence: 200_001,
            change: &change,
        };
        let asked = Reach::of(&[changed]);
        let own: Vec<_> = asked.iter().flat_map(|reach| reach.own(&Tables::LIVE)).collect();
        assert_eq!(own.len(), indexes.len());
        for (question, index) in own.iter().zip(indexes) {
            goes_by(&plan(changing().await, question).await, index);
        }
    }
    // For `plan`, which fails where it is compiled first: nothing costs more there than what has no index.
    let unindexed = Query::select()
        .column("event_id")
        .from("announcements")
        .and_where(Expr::col("title").eq("none"))
        .take();
    plan(changing().await, &unindexed).await;
    let pairs = ["ann", "u7"].map(|user| (user, Uuid::nil()));
    let states = plan(changing().await, &touched(&pairs, &Tables::LIVE)).await;
    let by_person = ["Index Cond: (user_id = ANY", "(user_id=?)"];
    assert!(
        by_person.iter().any(|way| states.contains(way)),
        "goes by person:\n{states}"
    );
}

async fn check(url: String) {
    let settings = Settings {
        url,
        ..Settings::default()
    };
    let store = Store::connect(&settings).await.unwrap();
    store.migrate().await.unwrap();
    fill(&store).await;
    everything_goes_by_an_index(&store).await;
    store.connection().execute_unprepared("ANALYZE").await.unwrap();
    everything_goes_by_an_index(&store).await;
}

#[tokio::test]
async fn sqlite_finds_lines_by_indexes_with_and_without_statistics() {
    let folder = tempfile::tempdir().unwrap();
    check(format!("sqlite:{}", folder.path().join("t.db").display())).await;
}

#[tokio::test]
async fn postgres_finds_lines_by_indexes_with_and_without_statistics() {
    if let Some(server) = Postgres::start().await {
        check(server.url().to_owned()).await;
    }
}
