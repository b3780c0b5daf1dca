//! A few people, fundings and coupons around today, so that there is something to be told.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use domain::catalogue::{Alert, Coupon, Follow, Funding, FundingStatus, Pledge, User};
use domain::money::{Currency, Money};
use domain::reminder::TimeOfDay;
use proto_schemas::UserId;
use store::Store;

/// Id, language, zone.
const USERS: [(&str, &str, &str); 4] = [
    ("mina", "ko", "Asia/Seoul"),
    ("jonas", "en", "Europe/Berlin"),
    ("amara", "en", "Africa/Lagos"),
    ("sora", "ko", "Asia/Seoul"),
];

/// Id, title, goal, currency, hours until it closes, maker.
const FUNDINGS: [(&str, &str, &str, &str, i64, &str); 5] = [
    (
        "f-lamp",
        "달빛 램프 — 손으로 만든 무드등",
        "3000000",
        "KRW",
        20,
        "sora",
    ),
    ("f-atlas", "Atlas of Small Rivers", "12000", "EUR", 26, "jonas"),
    (
        "f-bakery",
        "The \"Night Owl\" Bakery, reopened",
        "8000",
        "USD",
        30,
        "amara",
    ),
    (
        "f-synth",
        "Pocket synthesizer, second batch",
        "25000",
        "USD",
        90,
        "jonas",
    ),
    ("f-garden", "옥상 정원 프로젝트", "5000000", "KRW", 200, "mina"),
];

/// Funding, backer, amount in major units.
const PLEDGES: [(&str, &str, &str); 7] = [
    ("f-lamp", "mina", "1800000"),
    ("f-lamp", "jonas", "1500000"),
    ("f-atlas", "amara", "4200.50"),
    ("f-atlas", "mina", "1250"),
    ("f-bakery", "mina", "6500"),
    ("f-bakery", "sora", "2100.25"),
    ("f-synth", "sora", "900"),
];

const FOLLOWS: [(&str, &str); 8] = [
    ("f-lamp", "amara"),
    ("f-lamp", "mina"),
    ("f-atlas", "mina"),
    ("f-atlas", "sora"),
    ("f-bakery", "mina"),
    ("f-bakery", "jonas"),
    ("f-synth", "mina"),
    ("f-garden", "sora"),
];

/// Id, holder, funding, hours until it expires.
const COUPONS: [(&str, &str, &str, i64); 7] = [
    ("c-1001", "mina", "f-lamp", 10),
    ("c-1002", "mina", "f-bakery", 18),
    ("c-1003", "jonas", "f-atlas", 12),
    ("c-1004", "amara", "f-synth", 20),
    ("c-1005", "sora", "f-garden", 16),
    ("c-1006", "sora", "f-lamp", 400),
    ("c-1007", "jonas", "f-bakery", 700),
];

/// Fills empty tables.
pub(super) async fn fill(store: &Store) -> anyhow::Result<()> {
    let now = Utc::now()
        .with_nanosecond(0)
        .context("the clock is out of range")?;
    let in_hours = |hours| now + TimeDelta::hours(hours);
    let mut fundings = Vec::new();
    for (id, title, goal, currency, hours, maker) in FUNDINGS {
        fundings.push(funding(
            id,
            title,
            money(goal, currency)?,
            in_hours(hours),
            maker,
        )?);
    }
    // Closes while somebody looks at the page, and is settled at the next full minute.
    let soon = now + TimeDelta::minutes(2);
    fundings.push(funding(
        "f-flash",
        "Two-minute sale: hand-bound notebooks",
        money("500", "USD")?,
        soon,
        "amara",
    )?);

    let mut pledges = vec![pledge("f-flash", "mina", money("320", "USD")?)?];
    pledges.push(pledge("f-flash", "jonas", money("250", "USD")?)?);
    for (funding_id, user, amount) in PLEDGES {
        let currency = FUNDINGS.iter().find(|f| f.0 == funding_id).map_or("USD", |f| f.3);
        pledges.push(pledge(funding_id, user, money(amount, currency)?)?);
    }
    store.upsert_fundings(&fundings).await?;
    store.upsert_pledges(&pledges).await?;
    store.upsert_follows(&follows()?).await?;
    store.upsert_coupons(&coupons(in_hours)?).await?;
    store.upsert_alerts(&alerts(now)?).await?;
    // Last, because a start that finds no users fills the tables: one that was cut off here is done again.
    Ok(store.upsert_users(&users()?).await?)
}

fn users() -> anyhow::Result<Vec<User>> {
    let user = |(id, locale, zone): (&str, &str, &str)| {
        Ok(User {
            id: UserId::new(id)?,
            locale: Some(locale.parse()?),
            time_zone: Some(zone.parse()?),
            email: Some(format!("{id}@example.com")),
            phone: None,
        })
    };
    USERS.into_iter().map(user).collect()
}

fn funding(
    id: &str,
    title: &str,
    goal: Money,
    closes_at: DateTime<Utc>,
    maker: &str,
) -> anyhow::Result<Funding> {
    Ok(Funding {
        id: id.to_owned(),
        title: title.to_owned(),
        goal,
        raised: None,
        closes_at,
        status: Some(FundingStatus::Open),
        maker_id: Some(UserId::new(maker)?),
    })
}

fn pledge(funding_id: &str, user: &str, amount: Money) -> anyhow::Result<Pledge> {
    Ok(Pledge {
        funding_id: funding_id.to_owned(),
        user_id: UserId::new(user)?,
        amount,
    })
}

fn follows() -> anyhow::Result<Vec<Follow>> {
    let follow = |(funding_id, user): (&str, &str)| {
        Ok(Follow {
            funding_id: funding_id.to_owned(),
            user_id: UserId::new(user)?,
        })
    };
    FOLLOWS
        .into_iter()
        .chain([("f-flash", "sora")])
        .map(follow)
        .collect()
}

fn coupons(in_hours: impl Fn(i64) -> DateTime<Utc>) -> anyhow::Result<Vec<Coupon>> {
    let coupon = |(id, user, funding_id, hours): (&str, &str, &str, i64)| {
        Ok(Coupon {
            id: id.to_owned(),
            user_id: UserId::new(user)?,
            funding_id: Some(funding_id.to_owned()),
            expires_at: in_hours(hours),
            status: None,
            amount: None,
        })
    };
    COUPONS.into_iter().map(coupon).collect()
}

/// One for each user, a few minutes from now on their own clock.
fn alerts(now: DateTime<Utc>) -> anyhow::Result<Vec<Alert>> {
    let alert = |(index, (user, locale, zone)): (usize, (&str, &str, &str))| {
        let zone: chrono_tz::Tz = zone.parse()?;
        let local = now.with_timezone(&zone) + TimeDelta::minutes(5);
        let minute = u16::try_from(local.hour() * 60 + local.minute())?;
        Ok(Alert {
            id: format!("a-{}", index + 1),
            user_id: UserId::new(user)?,
            title: if locale == "ko" {
                "쿠폰 확인하기"
            } else {
                "Look through my coupons"
            }
            .to_owned(),
            content: None,
            at: TimeOfDay::from_minute(minute).context("no such minute")?,
            weekdays: None,
            time_zone: None,
        })
    };
    USERS.into_iter().enumerate().map(alert).collect()
}

fn money(text: &str, currency: &str) -> anyhow::Result<Money> {
    Ok(Money::from_major(text, currency.parse::<Currency>()?)?)
}
