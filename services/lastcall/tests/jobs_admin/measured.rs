use std::collections::HashSet;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::operator::Operator;
use crate::{dev, import_coupons, lastcall};

/// The text, checked line by line as a scraper reads it.
async fn scraped(operator: &Operator, accept: &str) -> (String, String) {
    let request = operator.request(Method::GET, "/metrics").header("accept", accept);
    let response = request.send().await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let text = response.text().await.unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.pop(), Some("# EOF"), "OpenMetrics ends so");
    let mut families = HashSet::new();
    for line in lines {
        if let Some(comment) = line.strip_prefix("# ") {
            let (keyword, rest) = comment.split_once(' ').unwrap();
            assert!(["HELP", "TYPE", "UNIT"].contains(&keyword), "{line}");
            let (family, _) = rest.split_once(' ').unwrap();
            assert!(
                keyword != "TYPE" || families.insert(family.to_owned()),
                "twice: {line}"
            );
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().unwrap();
        let suffixes = ["_total", "_bucket", "_sum", "_count", ""];
        let of_family = |suffix: &&str| {
            name.strip_suffix(*suffix)
                .is_some_and(|family| families.contains(family))
        };
        assert!(suffixes.iter().any(of_family), "no type for {line}");
    }
    (content_type, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_can_be_scraped_and_count_what_runs_did() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    let (content_type, text) = scraped(
        &operator,
        "application/openmetrics-text;version=1.0.0,text/plain;q=0.1",
    )
    .await;
    assert!(
        content_type.starts_with("application/openmetrics-text"),
        "{content_type}"
    );
    assert!(text.contains("lastcall_build_info{version=\""), "{text}");
    let (content_type, _) = scraped(&operator, "text/plain;version=0.0.4").await;
    assert!(content_type.starts_with("text/plain"), "{content_type}");
    assert!(operator.metric("process_cpu_seconds_total").await > 0.0);

    import_coupons(&dev.lastcall, folder.path(), 25).await;
    let run = operator.run("coupon-expiring", &json!({})).await;
    let again = json!({ "scheduled_at": run["scheduled_at"] });
    operator.run("coupon-expiring", &again).await;
    for (series, expected) in [
        ("rows_read_total{job=\"coupon-expiring\"}", 50.0),
        ("events_emitted_total{job=\"coupon-expiring\"}", 25.0),
        ("events_already_emitted_total{job=\"coupon-expiring\"}", 25.0),
        ("rows_skipped_total{job=\"coupon-expiring\"}", 0.0),
        ("runs_total{job=\"coupon-expiring\",result=\"succeeded\"}", 2.0),
        ("runs_total{job=\"coupon-expiring\",result=\"failed\"}", 0.0),
        ("run_duration_seconds_count{job=\"coupon-expiring\"}", 2.0),
        ("running{job=\"coupon-expiring\"}", 0.0),
        ("runs_total{job=\"alert-due\",result=\"succeeded\"}", 0.0),
    ] {
        let value = operator.metric(&format!("lastcall_scheduler_{series}")).await;
        assert_eq!(value, expected, "{series}");
    }
}
