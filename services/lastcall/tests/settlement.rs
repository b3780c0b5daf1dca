//! A table of fundings from elsewhere, settled as of a date: every outcome is right, everybody concerned is told of it
//! once, and settling again changes nothing.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use test_support::csv_file;
use test_support::lastcall::{CLOCK_OFF, Dev, LIMIT, Lastcall, eventually, last_line_json};

const FUNDINGS: usize = 200;

/// Code and decimals.
const CURRENCIES: [(&str, u32); 6] = [
    ("USD", 2),
    ("EUR", 2),
    ("GBP", 2),
    ("KRW", 0),
    ("JPY", 0),
    ("KWD", 3),
];

/// Raised, less the goal, in minor units. Around the boundary one unit decides.
const DISTANCES: [i64; 7] = [0, -1, 1, 0, -90_000, 90_000, -1];

/// Last days, of which the first two are over as of the first settlement and the third as of the second.
const LAST_DAYS: [&str; 4] = ["2018-01-15", "2018-01-31", "2018-02-01", "2018-03-01"];
const FIRST_SETTLEMENT: &str = "--at=2018-02-01";
const SECOND_SETTLEMENT: &str = "--at=2018-02-02";

const TITLES: [&str; 7] = [
    "Lamp, \"hand made\", 2nd edition",
    "달빛 램프, \"수제\"",
    "مصباح القمر",
    "ランプ; と、月",
    "Лампа 'Луна'",
    "🌙 <b>Lamp</b> & more",
    "  =1+1, \"\"\"\" ",
];

/// A funding of the file, and what has to become of it.
struct Funding {
    id: String,
    title: String,
    currency: &'static str,
    goal: String,
    raised: String,
    last_day: &'static str,
    succeeds: bool,
    maker: String,
    /// In the order in which they pledged.
    backers: Vec<String>,
    followers: Vec<String>,
}

/// What somebody is told: type of the event, funding, role.
type Told = (String, String, String);

fn fundings() -> Vec<Funding> {
    (0..FUNDINGS)
        .map(|i| {
            let (currency, digits) = CURRENCIES[i % CURRENCIES.len()];
            let goal = 100_000 + 37 * i64::try_from(i).unwrap();
            let distance = DISTANCES[i % DISTANCES.len()];
            let maker = format!("maker{}", i % 4);
            let mut backers = vec![format!("backer{}", i % 5), format!("backer{}", (i + 1) % 5)];
            let mut followers = vec![format!("follower{}", i % 3)];
            // Some have two roles, and are told once, in the first.
            if i % 10 == 0 {
                backers.push(maker.clone());
            }
            if i % 7 == 0 {
                followers.push(backers[0].clone());
            }
            Funding {
                id: format!("f{i:03}"),
                title: format!("{} #{i}", TITLES[i % TITLES.len()].trim()),
                currency,
                goal: major(goal, digits),
                raised: major(goal + distance, digits),
                last_day: LAST_DAYS[i % LAST_DAYS.len()],
                succeeds: distance >= 0,
                maker,
                backers,
                followers,
            }
        })
        .collect()
}

/// With as many decimals as the currency has.
fn major(minor: i64, digits: u32) -> String {
    let unit = 10_i64.pow(digits);
    match digits {
        0 => minor.to_string(),
        _ => format!(
            "{}.{:0width$}",
            minor / unit,
            minor % unit,
            width = digits as usize
        ),
    }
}

/// What each person has to be told once the fundings that end on these days are settled.
fn expected(fundings: &[Funding], settled: &[&str]) -> BTreeMap<String, BTreeSet<Told>> {
    let mut told: BTreeMap<String, BTreeSet<Told>> = BTreeMap::new();
    for funding in fundings.iter().filter(|f| settled.contains(&f.last_day)) {
        let outcome = if funding.succeeds { "succeeded" } else { "failed" };
        let mut roles: BTreeMap<&str, &str> = BTreeMap::new();
        roles.extend(funding.followers.iter().map(|id| (id.as_str(), "FOLLOWER")));
        roles.extend(funding.backers.iter().map(|id| (id.as_str(), "BACKER")));
        roles.insert(&funding.maker, "MAKER");
        for (person, role) in roles {
            let told = told.entry(person.to_owned()).or_default();
            told.insert((
                format!("lastcall.funding.{outcome}.v1"),
                funding.id.clone(),
                format!("FUNDING_ROLE_{role}"),
            ));
            if funding.succeeds && funding.backers.iter().any(|backer| backer == person) {
                let coupon = "lastcall.coupon.issued.v1".to_owned();
                told.insert((coupon, funding.id.clone(), String::new()));
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_right_everybody_is_told_once_and_settling_again_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let lastcall = Lastcall::new(env!("CARGO_BIN_EXE_lastcall")).with(CLOCK_OFF);
    let dev = Dev::start(&lastcall, folder.path(), &["--seed=none", "--http=127.0.0.1:0"]).await;
    let fundings = fundings();
    import(&dev.lastcall, folder.path(), &fundings).await;

    let before = expected(&fundings, &LAST_DAYS[..2]);
    let first = settle(&dev, FIRST_SETTLEMENT).await;
    assert_eq!(first["emitted"], count(&before));
    assert_eq!(first["skipped"], 0);
    everybody_was_told(&dev, &fundings, &before).await;
    let again = settle(&dev, FIRST_SETTLEMENT).await;
    assert_eq!((&again["emitted"], &again["skipped"]), (&0.into(), &0.into()));
    everybody_was_told(&dev, &fundings, &before).await;

    let after = expected(&fundings, &LAST_DAYS[..3]);
    let second = settle(&dev, SECOND_SETTLEMENT).await;
    assert_eq!(second["emitted"], count(&after) - count(&before));
    everybody_was_told(&dev, &fundings, &after).await;

    // The site's file again, which still says that they are open: what is settled stays settled.
    import(&dev.lastcall, folder.path(), &fundings).await;
    assert_eq!(settle(&dev, SECOND_SETTLEMENT).await["emitted"], 0);
    everybody_was_told(&dev, &fundings, &after).await;
}

async fn settle(dev: &Dev, at: &str) -> Value {
    dev.lastcall
        .json(["jobs", "run", "funding-settlement", at, "--json"])
        .await
}

fn count(told: &BTreeMap<String, BTreeSet<Told>>) -> usize {
    told.values().map(BTreeSet::len).sum()
}

async fn everybody_was_told(dev: &Dev, fundings: &[Funding], expected: &BTreeMap<String, BTreeSet<Told>>) {
    for (user, told) in expected {
        let person = dev.person(user).await;
        let reached = || async { (person.unread().await >= told.len() as u64).then_some(()) };
        eventually("the table has everything", reached).await;
        let rows = person.notifications().await;
        assert_eq!(rows.len(), told.len(), "{user}");
        let events = person
            .stream("?from=earliest")
            .await
            .take(told.len(), LIMIT)
            .await;
        let events: Vec<Value> = events
            .iter()
            .map(|e| serde_json::from_str(&e.data).unwrap())
            .collect();
        let heard: BTreeSet<Told> = events.iter().map(|event| told_by(event, fundings)).collect();
        assert_eq!(&heard, told, "{user}");
        let shown = |each: &Value| (each["id"].to_string(), each["body"].to_string());
        let in_table: BTreeSet<_> = rows.iter().map(shown).collect();
        let in_stream = events.iter().map(|event| {
            (
                event["id"].to_string(),
                event["data"]["words"]["body"].to_string(),
            )
        });
        assert_eq!(in_table, in_stream.collect(), "{user}");
    }
}

/// What an event says, in words that name the funding as its makers wrote it.
fn told_by(event: &Value, fundings: &[Funding]) -> Told {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = &event["data"];
    let id = text(&data["fundingId"]);
    let funding = fundings.iter().find(|funding| funding.id == id).unwrap();
    assert_eq!(data["fundingTitle"], funding.title);
    let body = text(&data["words"]["body"]);
    assert!(body.contains(&funding.title), "{body} names {}", funding.title);
    (text(&event["type"]), id, text(&data["role"]))
}

async fn import(lastcall: &Lastcall, folder: &Path, fundings: &[Funding]) {
    let users = [
        ("maker0", "en"),
        ("maker1", "ko"),
        ("backer1", "ko-KR"),
        ("follower2", "ar"),
    ];
    let users = users.map(|(id, locale)| vec![id.to_owned(), locale.to_owned()]);
    let file = folder.join("users.csv");
    csv_file::write(&file, &["id", "locale"], users);
    let accepted = |kind: &'static str, file: std::path::PathBuf| async move {
        lastcall
            .json(["import", kind, file.to_str().unwrap(), "--json"])
            .await["accepted"]
            .clone()
    };
    assert_eq!(accepted("users", file).await, 4);
    import_fundings(lastcall, folder, fundings).await;

    let pledges = fundings.iter().flat_map(|funding| {
        let pledge = |backer: &String| vec![funding.id.clone(), backer.clone(), "1".to_owned()];
        funding.backers.iter().map(pledge)
    });
    let file = folder.join("pledges.csv");
    csv_file::write(&file, &["funding_id", "user_id", "amount"], pledges);
    let count: usize = fundings.iter().map(|funding| funding.backers.len()).sum();
    assert_eq!(accepted("pledges", file).await, count);

    let follows = fundings.iter().flat_map(|funding| {
        let follow = |follower: &String| vec![funding.id.clone(), follower.clone()];
        funding.followers.iter().map(follow)
    });
    let file = folder.join("follows.csv");
    csv_file::write(&file, &["funding_id", "user_id"], follows);
    let count: usize = fundings.iter().map(|funding| funding.followers.len()).sum();
    assert_eq!(accepted("follows", file).await, count);
}

/// The file has headers of its own, columns that nobody asked for, and rows that make no sense.
async fn import_fundings(lastcall: &Lastcall, folder: &Path, fundings: &[Funding]) {
    let columns = [
        "ID", "name", "currency", "deadline", "goal", "launched", "pledged", "creator",
    ];
    let row =
        |id: &str, title: &str, currency: &str, last_day: &str, goal: &str, raised: &str, maker: &str| {
            [
                id,
                title,
                currency,
                last_day,
                goal,
                "2017-12-01 11:12:28",
                raised,
                maker,
            ]
            .map(str::to_owned)
            .to_vec()
        };
    let good = fundings.iter().map(|f| {
        row(
            &f.id, &f.title, f.currency, f.last_day, &f.goal, &f.raised, &f.maker,
        )
    });
    let bad = [
        row("b1", "No number", "USD", "2018-01-01", "many", "1", "maker0"),
        row("b2", "Half a won", "KRW", "2018-01-01", "10.5", "1", "maker0"),
        row("b3", "No such day", "USD", "2018-02-30", "10", "1", "maker0"),
        row("b4", "No such money", "ZZZ", "2018-01-01", "10", "1", "maker0"),
    ];
    let file = folder.join("kick starter.csv");
    csv_file::write(&file, &columns, good.chain(bad.clone()));
    let mut command = vec![
        "import",
        "fundings",
        file.to_str().unwrap(),
        "--json",
        "--time-zone=UTC",
    ];
    for mapped in [
        "id=ID",
        "title=name",
        "closes_at=deadline",
        "raised=pledged",
        "maker_id=creator",
    ] {
        command.extend(["--map", mapped]);
    }
    let ended = lastcall.run(command).await;
    assert_eq!(ended.status.code(), Some(3), "some rows were left out: {ended:?}");
    let imported = last_line_json(&ended.stdout);
    assert_eq!(imported["accepted"], fundings.len());
    assert_eq!(imported["rejected"], bad.len());
}
