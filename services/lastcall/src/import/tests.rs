//! Whole files into a real SQLite.

mod alerts;
mod coupon_amounts;
mod settled_pledges;

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use domain::due::DueWindow;
use store::counting::Table;
use store::due::Lookups;
use store::{Settings, Store};
use tempfile::TempDir;
use test_support::postgres::Postgres;

use super::args::rejects_beside;
use super::*;

/// A folder with a database and files to import into it.
struct Place {
    folder: TempDir,
    store: Store,
}

impl Place {
    async fn new() -> Self {
        let folder = TempDir::with_prefix("import here ").unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let store = Store::connect(&Settings {
            url,
            ..Settings::default()
        })
        .await
        .unwrap();
        store.migrate().await.unwrap();
        Self { folder, store }
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    }

    async fn import(&self, kind: Kind, name: &str, contents: impl AsRef<[u8]>) -> Summary {
        self.import_with(kind, name, contents, |_| ()).await.unwrap()
    }

    async fn import_with(
        &self,
        kind: Kind,
        name: &str,
        contents: impl AsRef<[u8]>,
        change: impl FnOnce(&mut Request),
    ) -> anyhow::Result<Summary> {
        let mut request = request(kind, self.file(name, contents));
        change(&mut request);
        run(&self.store, request).await
    }

    async fn coupons(&self) -> Vec<(String, DateTime<Utc>)> {
        let always = DueWindow {
            after: DateTime::UNIX_EPOCH,
            until: DateTime::<Utc>::MAX_UTC,
        };
        let rows = self
            .store
            .coupons_expiring(&always, None, 100_000, &Lookups::default())
            .await
            .unwrap();
        rows.into_iter()
            .map(|row| (row.coupon_id, row.expires_at))
            .collect()
    }
}

fn request(kind: Kind, file: PathBuf) -> Request {
    Request {
        kind,
        format: None,
        map: Vec::new(),
        defaults: Defaults {
            time_zone: Tz::UTC,
            currency: "USD".parse().unwrap(),
        },
        rejects: rejects_beside(&file),
        progress: ProgressBar::hidden(),
        file,
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The rows of a rejects file without its header, as line, column and reason.
fn rejected(summary: &Summary) -> Vec<(u64, String, String)> {
    let file = summary.rejects_file.as_ref().expect("a rejects file");
    let mut rows = ::csv::Reader::from_path(file).unwrap();
    assert_eq!(rows.headers().unwrap(), vec!["line", "column", "reason", "value"]);
    rows.records()
        .map(|row| row.unwrap())
        .map(|row| (row[0].parse().unwrap(), row[1].to_owned(), row[2].to_owned()))
        .collect()
}

#[tokio::test]
async fn every_kind_is_read_from_csv_and_from_ndjson() {
    let place = Place::new().await;
    for (kind, csv, ndjson) in [
        (
            Kind::Users,
            "id,locale,time_zone,email,phone\nu1,ko-KR,Asia/Seoul,a@b.c,+82 10\nu2,,,,\n",
            "{\"id\":\"u1\",\"locale\":\"ko-KR\"}\n{\"id\":\"u2\",\"email\":null}\n",
        ),
        (
            Kind::Fundings,
            "id,title,goal,raised,currency,closes_at,status,maker_id\n\
             f1,One,100.50,0,KWD,2026-12-01,open,u1\nf2,Two,1,,,2026-12-01 10:00,,\n",
            "{\"id\":\"f1\",\"title\":\"One\",\"goal\":100.50,\"currency\":\"KWD\",\"closes_at\":\"2026-12-01\"}\n\
             {\"id\":\"f2\",\"title\":\"Two\",\"goal\":1,\"closes_at\":\"2026-12-01T10:00:00Z\"}",
        ),
        (
            Kind::Pledges,
            "funding_id,user_id,amount\nf1,u1,1.234\nf2,u1,5\n",
            "{\"funding_id\":\"f1\",\"user_id\":\"u1\",\"amount\":1.234}\n\
             {\"funding_id\":\"f2\",\"user_id\":\"u1\",\"amount\":\"5\"}\n",
        ),
        (
            Kind::Follows,
            "funding_id,user_id\nf1,u1\nf2,u1\n",
            "{\"funding_id\":\"f1\",\"user_id\":\"u1\"}\n\n{\"user_id\":\"u1\",\"funding_id\":\"f2\"}\n",
        ),
        (
            Kind::Coupons,
            "id,user_id,funding_id,expires_on,status\nc1,u1,f1,2026-12-01,active\nc2,u1,,2026-12-01,\n",
            "{\"id\":\"c1\",\"user_id\":\"u1\",\"expires_on\":\"2026-12-01\",\"status\":\"active\"}\n\
             {\"id\":\"c2\",\"user_id\":\"u1\",\"expires_on\":\"2026-12-01\"}\n",
        ),
        (
            Kind::Alerts,
            "id,user_id,title,content,at,weekdays,time_zone\n\
             a1,u1,Look,/lists/7,09:30,mon-fri,Asia/Seoul\na2,u1,Look,,9:30,,\n",
            "{\"id\":\"a1\",\"user_id\":\"u1\",\"title\":\"Look\",\"at\":\"09:30\",\"weekdays\":\"mon,fri\",\
             \"content\":\"/lists/7\",\"time_zone\":\"Asia/Seoul\"}\n\
             {\"id\":\"a2\",\"user_id\":\"u1\",\"title\":\"Look\",\"at\":\"09:30\"}\n",
        ),
    ] {
        for (name, text) in [
            ("rows.csv", csv),
            ("rows.ndjson", ndjson),
            ("rows", csv),
            ("lines", ndjson),
        ] {
            let summary = place.import(kind, name, text).await;
            assert_eq!((summary.accepted, summary.rejected), (2, 0), "{kind} {name}");
            assert!(summary.rejects_file.is_none() && summary.ignored_headers.is_empty());
            assert!(!rejects_beside(&place.folder.path().join(name)).exists());
        }
    }
    let tables = [
        Table::Users,
        Table::Fundings,
        Table::Pledges,
        Table::Follows,
        Table::Coupons,
        Table::Alerts,
    ];
    for table in tables {
        assert_eq!(place.store.count(table).await.unwrap(), 2, "{table:?}");
    }
}

#[tokio::test]
async fn bad_rows_are_rejected_with_their_line_column_and_reason_and_the_others_taken() {
    let place = Place::new().await;
    let mut text = b"\xef\xbb\xbfid,user_id,expires_on,status\r\n".to_vec();
    text.extend(b"good-1,u1,2026-12-01,\r\n");
    text.extend(b"\"two\r\nlines\",u1,2026-12-02,\r\n");
    text.extend(b"few,u1\r\n");
    text.extend(b"bytes,\xff\xfe,2026-12-01,\r\n");
    text.extend(b",u1,2026-12-01,\r\n");
    text.extend(b"when,u1,someday,\r\n");
    text.extend(b"status,u1,2026-12-01,lost\r\n");
    text.extend(b"nul\0,u1,2026-12-01,\r\n");
    text.extend(b"open,\"u1,2026-12-01,\r\n");
    text.extend(b"good-2,u1,2026-12-03,\r\n");
    text.extend(
        [
            b"long,".to_vec(),
            vec![b'u'; 2 << 20],
            b",2026-12-01,\r\n".to_vec(),
        ]
        .concat(),
    );
    text.extend(b"good-3,u1,2026-12-04,used");
    let summary = place.import(Kind::Coupons, "coupons.csv", &text).await;
    assert_eq!((summary.accepted, summary.rejected), (4, 8));
    let faults = rejected(&summary);
    let places: Vec<(u64, &str)> = faults
        .iter()
        .map(|(line, column, _)| (*line, column.as_str()))
        .collect();
    let expected = [
        (5, ""),
        (6, "user_id"),
        (7, "id"),
        (8, "expires_on"),
        (9, "status"),
        (10, "id"),
        (11, ""),
        (13, ""),
    ];
    assert_eq!(places, expected);
    for ((_, _, reason), word) in faults.iter().zip([
        "2 fields", "UTF-8", "missing", "a date", "revoked", "NUL", "quote", "1 MiB",
    ]) {
        assert!(reason.contains(word), "{reason}");
    }
    let ids: Vec<String> = place.coupons().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["good-1", "two\r\nlines", "good-2"], "good-3 is used");
    let largest = fs::metadata(summary.rejects_file.unwrap()).unwrap().len();
    assert!(largest < 10_000, "rejected values are cut short");
}

#[tokio::test]
async fn bad_lines_of_ndjson_are_rejected_too() {
    let place = Place::new().await;
    let text = [
        br#"{"id":"u1","shoe_size":42,"seen":{"by":"x"}}"#.as_slice(),
        br#"{"id":"u2""#,
        br#"["u3"]"#,
        b"{\"id\":\"\xff\"}",
        br#"{"id":["u5"]}"#,
        br#"{"locale":"en"}"#,
        br#"{"id":"u7","time_zone":"Mars/Olympus"}"#,
        "{\"id\":\"u8\",\"email\":\"\u{d55c}\\u0000\"}".as_bytes(),
        br#"{"id":9}"#,
    ]
    .join(b"\n".as_slice());
    let summary = place.import(Kind::Users, "users.ndjson", text).await;
    assert_eq!((summary.accepted, summary.rejected), (2, 7));
    assert_eq!(summary.ignored_headers, ["seen", "shoe_size"]);
    let places: Vec<(u64, String)> = rejected(&summary)
        .into_iter()
        .map(|(l, column, _)| (l, column))
        .collect();
    let expected = [
        (2, ""),
        (3, ""),
        (4, ""),
        (5, "id"),
        (6, "id"),
        (7, "time_zone"),
        (8, "email"),
    ];
    assert_eq!(places, expected.map(|(line, column)| (line, column.to_owned())));
    assert_eq!(
        place
            .store
            .list_users(10)
            .await
            .unwrap()
            .iter()
            .map(|u| &u.id)
            .collect::<Vec<_>>(),
        ["9", "u1"]
    );
}

#[tokio::test]
async fn foreign_headers_are_mapped_and_the_rest_is_named() {
    let place = Place::new().await;
    let text =
        "ID,name,deadline,goal,pledged,state\n7,\"A \"\"b\"\", 한국\",2026-12-01,30000.0,2421.0,failed\n";
    let map = [
        ("id", "ID"),
        ("title", "name"),
        ("closes_at", "deadline"),
        ("raised", "pledged"),
    ];
    let map: Vec<(String, String)> = map.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    let mapped = async |file: &str, map: &[(String, String)], text: &str| {
        place
            .import_with(Kind::Fundings, file, text, |request| request.map = map.to_vec())
            .await
    };
    let summary = mapped("f.csv", &map, text).await.unwrap();
    assert_eq!(
        (summary.accepted, summary.ignored_headers.as_slice()),
        (1, ["state".to_owned()].as_slice())
    );
    // A rejected value is named by the header that the file's owner knows.
    let summary = mapped("g.csv", &map, &text.replace("2026-12-01", "soon"))
        .await
        .unwrap();
    assert_eq!(rejected(&summary)[0].1, "deadline");

    let refused =
        async |map: &[(String, String)]| format!("{:#}", mapped("h.csv", map, text).await.unwrap_err());
    let said = refused(&map[..2]).await;
    assert!(
        said.contains("\"closes_at\"") && said.contains("\"deadline\"") && said.contains("--map closes_at="),
        "{said}"
    );
    let said = refused(&[("ttl".to_owned(), "name".to_owned())]).await;
    assert!(said.contains("\"ttl\"") && said.contains("maker_id"), "{said}");
    let said = refused(&[map.clone(), vec![("status".to_owned(), "nowhere".to_owned())]].concat()).await;
    assert!(said.contains("\"nowhere\""), "{said}");
}

#[tokio::test]
async fn what_cannot_be_imported_at_all_is_said_clearly() {
    let place = Place::new().await;
    let refused = async |name: &str, text: &[u8]| {
        format!(
            "{:#}",
            place
                .import_with(Kind::Users, name, text, |_| ())
                .await
                .unwrap_err()
        )
    };
    assert!(refused("empty.csv", b"").await.contains("empty"));
    assert!(refused("wide.csv", b"\xff\xfei\0d\0\n").await.contains("UTF-8"));
    assert!(
        refused("twice.csv", b"id,id\n1,2\n")
            .await
            .contains("two columns")
    );
    let over = place
        .import_with(Kind::Users, "users.csv", "id\n1\n", |request| {
            request.rejects = request.file.clone();
        })
        .await;
    assert!(format!("{:#}", over.unwrap_err()).contains("the file to import"));
    assert_eq!(
        fs::read_to_string(place.folder.path().join("users.csv")).unwrap(),
        "id\n1\n"
    );
    let missing = run(
        &place.store,
        request(Kind::Users, place.folder.path().join("none.csv")),
    )
    .await;
    assert!(format!("{:#}", missing.unwrap_err()).contains("none.csv"));
    let folder = run(&place.store, request(Kind::Users, place.folder.path().to_owned())).await;
    assert!(format!("{:#}", folder.unwrap_err()).contains("folder"));
}

#[tokio::test]
async fn a_date_is_the_end_of_that_day_in_the_zone() {
    let place = Place::new().await;
    let text =
        "id,user_id,expires_on\nc1,u1,2026-11-22\nc2,u1,2026-11-23 08:00\nc3,u1,2026-11-23T00:00:00Z\n";
    let seoul = |request: &mut Request| request.defaults.time_zone = chrono_tz::Asia::Seoul;
    place
        .import_with(Kind::Coupons, "c.csv", text, seoul)
        .await
        .unwrap();
    let expected = [
        ("c1".to_owned(), utc("2026-11-22T14:59:59Z")),
        ("c2".to_owned(), utc("2026-11-22T23:00:00Z")),
        ("c3".to_owned(), utc("2026-11-23T00:00:00Z")),
    ];
    assert_eq!(place.coupons().await, expected);
}

#[tokio::test]
async fn a_pledge_is_in_the_currency_of_its_funding_and_needs_one_that_is_known() {
    let place = Place::new().await;
    let fundings = "id,title,goal,currency,closes_at\nusd,A,1,USD,2026-12-01\nkrw,B,1,KRW,2026-12-01\n";
    place.import(Kind::Fundings, "f.csv", fundings).await;
    let pledges = "funding_id,user_id,amount\nusd,u1,1.50\nkrw,u1,1.50\nnone,u1,1\nkrw,u2,1500\nusd,u2,-1\n";
    let summary = place.import(Kind::Pledges, "p.csv", pledges).await;
    assert_eq!((summary.accepted, summary.rejected), (2, 3));
    let places: Vec<(u64, String)> = rejected(&summary)
        .into_iter()
        .map(|(l, column, _)| (l, column))
        .collect();
    let expected = [(3, "amount"), (4, "funding_id"), (6, "amount")];
    assert_eq!(places, expected.map(|(line, column)| (line, column.to_owned())));
}

#[tokio::test]
async fn importing_again_changes_nothing_and_the_last_of_several_rows_counts() {
    let place = Place::new().await;
    // The same key on both sides of the boundary between two chunks, and within one.
    let mut text = "id,user_id,expires_on\n".to_owned();
    text.extend((0..2500).map(|n| format!("c{n:04},u1,2026-12-01\n")));
    text.push_str("c0001,u1,2026-12-02\nc0001,u1,2026-12-03\nc2499,u1,2026-12-04\n");
    for _ in 0..2 {
        let summary = place.import(Kind::Coupons, "c.csv", &text).await;
        assert_eq!((summary.accepted, summary.rejected), (2503, 0));
        let coupons = place.coupons().await;
        assert_eq!(coupons.len(), 2500);
        assert_eq!(coupons[2498], ("c0001".to_owned(), utc("2026-12-03T23:59:59Z")));
        assert_eq!(coupons[2499], ("c2499".to_owned(), utc("2026-12-04T23:59:59Z")));
    }
}

#[tokio::test]
async fn a_row_that_the_database_refuses_costs_itself_only() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let settings = Settings {
        url: server.url().to_owned(),
        ..Settings::default()
    };
    let store = Store::connect(&settings).await.unwrap();
    store.migrate().await.unwrap();
    let coupon = |n: u64| Coupon {
        // What PostgreSQL keeps in no text.
        id: if n % 300 == 7 {
            format!("c{n}\0")
        } else {
            format!("c{n}")
        },
        user_id: "u1".parse().unwrap(),
        funding_id: None,
        expires_at: utc("2026-12-01T00:00:00Z"),
        status: None,
        amount: None,
    };
    let records = (2..1002).map(|line| (line, coupon(line))).collect();
    let refused = load::write_records(&store, records).await.unwrap();
    assert_eq!(
        refused.iter().map(|reject| reject.line).collect::<Vec<_>>(),
        [7, 307, 607, 907]
    );
    assert!(refused[0].fault.reason.starts_with("the database refuses it: "));
    assert_eq!(store.count(Table::Coupons).await.unwrap(), 996);
}

#[tokio::test]
async fn the_summary_ends_as_one_line_of_json() {
    let place = Place::new().await;
    let summary = place.import(Kind::Users, "u.csv", "id,age\nu1,3\n,4\n").await;
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&summary).unwrap()).unwrap();
    assert_eq!((&json["accepted"], &json["rejected"]), (&1.into(), &1.into()));
    assert_eq!(json["ignored_headers"][0], "age");
    assert!(
        json["rejects_file"]
            .as_str()
            .unwrap()
            .ends_with("u.csv.rejects.csv")
    );
    assert!(
        summary
            .to_string()
            .starts_with("1 users accepted, 1 rejected; see ")
    );
}
