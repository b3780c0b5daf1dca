use reqwest::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::lastcall::Lastcall;
use test_support::nats::NatsServer;

use crate::operator::Operator;
use crate::{dev, lastcall};

const GUARDED: [(Method, &str); 7] = [
    (Method::GET, "/v1/jobs"),
    (Method::GET, "/v1/jobs/alert-due"),
    (Method::GET, "/v1/jobs/alert-due/history"),
    (Method::GET, "/v1/jobs/alert-due/runs/2026-11-21T09:00:00Z"),
    (Method::POST, "/v1/jobs/alert-due/runs"),
    (Method::POST, "/v1/jobs/alert-due/pause"),
    (Method::POST, "/v1/jobs/alert-due/resume"),
];

const OPEN: [&str; 4] = ["/livez", "/readyz", "/metrics", "/v1/openapi.json"];

#[tokio::test(flavor = "multi_thread")]
async fn only_who_sends_the_operators_token_sees_or_steers_jobs() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    let right = dev.endpoint("admin_token");
    let persons = dev.lastcall.token("anna").await;
    let wrong = [
        None,
        Some(String::new()),
        Some(format!("{right}x")),
        Some(right[1..].to_owned()),
        Some(dev.endpoint("token_key").to_owned()),
        Some(persons),
    ];
    for (method, path) in GUARDED {
        for token in &wrong {
            let mut request = operator.request(method.clone(), path);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} with {token:?}");
            assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
            assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Bearer");
        }
    }
    assert_eq!(
        operator.found("/v1/jobs/alert-due").await["paused_since"],
        Value::Null,
        "nobody has paused it"
    );
    for path in OPEN {
        let answer = operator.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_as_a_problem_that_names_it() {
    let folder = TempDir::new().unwrap();
    let (dev, operator) = dev(&lastcall(), &folder).await;
    let job = "/v1/jobs/alert-due";
    for (path, status, named) in [
        ("/v1/jobs/tea-time".to_owned(), 404, "tea-time"),
        ("/v1/jobs/tea-time/history".to_owned(), 404, "coupon-expiring"),
        (format!("{job}/runs/yesterday"), 400, "yesterday"),
        (format!("{job}/runs/0001-01-01T00:00:00Z"), 400, "1970"),
        (format!("{job}/history?limit=0"), 400, "1 to 200"),
        (format!("{job}/history?limit=201"), 400, "1 to 200"),
        (format!("{job}/history?limit=all"), 400, "limit"),
        (format!("{job}/history?before=now"), 400, "now"),
        (format!("{job}/history?after=now"), 400, "after"),
        (format!("{job}/runs/2026-11-21T09:00:00Z?rows=1001"), 400, "1000"),
    ] {
        let (found, problem) = operator.get(&path).await;
        assert_eq!(found, status, "{path}: {problem}");
        assert_eq!(problem["status"], status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{path}: {detail}");
    }
    for (body, named) in [
        (json!({ "scheduled_at": "soon" }), "soon"),
        (json!({ "scheduled_at": 7 }), "scheduled_at"),
        (json!({ "at": "2026-11-21T09:00:00Z" }), "at"),
        (json!({ "dry_run": true, "samples": 101 }), "100"),
        (json!([]), "alid"),
    ] {
        let (found, problem) = operator.post_json(&format!("{job}/runs"), &body).await;
        assert_eq!(found, 400, "{body}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{body}: {detail}");
    }
    let history = operator.found(&format!("{job}/history")).await;
    assert_eq!(history["entries"], json!([]), "nothing of it was run");

    for (arguments, code, named) in [
        (
            &["jobs", "show", "tea-time", "2026-11-21"][..],
            2,
            "coupon-expiring",
        ),
        (&["jobs", "show", "alert-due", "yesterday"], 1, "yesterday"),
        (&["jobs", "run", "alert-due", "--at=yesterday"], 1, "yesterday"),
        (&["jobs", "run", "alert-due", "--samples=3"], 2, "--dry-run"),
        (
            &["jobs", "history", "alert-due", "--before=yesterday"],
            1,
            "yesterday",
        ),
        (&["jobs", "history", "alert-due", "--limit=0"], 2, "--limit"),
    ] {
        let ended = dev.lastcall.run(arguments).await;
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(named), "{arguments:?}: {}", ended.stderr);
    }
}

/// A scheduler of its own on a free admin port, as it is deployed.
async fn scheduler(lastcall: &Lastcall, token: Option<&str>) -> (test_support::lastcall::Process, String) {
    let token = token.map(|token| format!("--set=admin.token={token}"));
    let lastcall = lastcall.with(token).with(["--set=admin.listen=127.0.0.1:0"]);
    let mut process = lastcall.start(["scheduler"]);
    let address = process.said("admin on ").await;
    (process, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_without_a_token_lets_nobody_in_and_says_which_setting_would() {
    let (nats, folder) = (NatsServer::start().await, TempDir::new().unwrap());
    let lastcall = lastcall().with([
        format!("--nats={}", nats.url()),
        format!("--database=sqlite:{}", folder.path().join("tables.db").display()),
    ]);
    lastcall.succeed(["migrate"]).await;

    let (mut closed, address) = scheduler(&lastcall, None).await;
    let operator = Operator::new(&address, "whatever it may be");
    for (method, path) in GUARDED {
        let request = operator.request(method, path).bearer_auth("whatever it may be");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], "urn:lastcall:problem:administration-off");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("admin.token_file"), "{detail}");
    }
    assert!(operator.metric("process_start_time_seconds").await > 0.0);
    assert!(closed.stop(Signal::TERM).await.success());

    let token = "an operators' token";
    let (mut open, address) = scheduler(&lastcall, Some(token)).await;
    let jobs = Operator::new(&address, token).found("/v1/jobs").await;
    assert_eq!(jobs.as_array().unwrap().len(), 4);
    assert!(open.stop(Signal::TERM).await.success());

    let short = lastcall
        .with(["--set=admin.token=short"])
        .run(["scheduler"])
        .await;
    assert_eq!(short.status.code(), Some(1));
    assert!(short.stderr.contains("at least 16"), "{}", short.stderr);
}
