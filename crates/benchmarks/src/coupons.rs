//! Coupons that expire, with the people who hold them and the fundings they came from.

use chrono::{DateTime, SecondsFormat, Utc};
use test_support::postgres::Postgres;

/// How many coupons a person has.
const A_USER: u64 = 5;

/// How many coupons a funding gave. Every fourth coupon is the shop's own.
const A_FUNDING: u64 = 100;

/// Fills the tables up to so many coupons that expire in the day after `at`, spread over it in no order. One half of the
/// people reads Korean in Seoul, the other English in New York.
pub async fn fill(postgres: &Postgres, coupons: u64, at: DateTime<Utc>) {
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (users, fundings) = (coupons / A_USER + 1, coupons / A_FUNDING + 1);
    let sql = format!(
        "
        INSERT INTO users (id, locale, time_zone)
        SELECT 'u' || n,
            CASE n % 2 WHEN 0 THEN 'ko-KR' ELSE 'en-US' END,
            CASE n % 2 WHEN 0 THEN 'Asia/Seoul' ELSE 'America/New_York' END
        FROM generate_series(1, {users}) n ON CONFLICT DO NOTHING;

        INSERT INTO fundings (id, title, goal_minor, currency, closes_at)
        SELECT 'f' || n,
            CASE n % 2 WHEN 0 THEN '달빛 양조장 ' ELSE 'Moonlight Brewery ' END || n,
            1000000, 'KRW', timestamptz '{at}' - interval '90 days'
        FROM generate_series(1, {fundings}) n ON CONFLICT DO NOTHING;

        INSERT INTO coupons (id, user_id, funding_id, expires_at)
        SELECT 'c' || n,
            'u' || 1 + (hashint8(n)::bigint & 2147483647) % {users},
            CASE n % 4 WHEN 0 THEN NULL ELSE 'f' || 1 + n / {A_FUNDING} END,
            timestamptz '{at}' + interval '1 hour' + (hashint8(n + 1)::bigint & 2147483647) % 80000 * interval '1 second'
        FROM generate_series(1, {coupons}) n ON CONFLICT DO NOTHING;

        VACUUM ANALYZE;
        "
    );
    postgres.execute(&sql).await;
}
