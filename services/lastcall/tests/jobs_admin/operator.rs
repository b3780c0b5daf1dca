use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use test_support::lastcall::eventually;

/// Somebody who administers over HTTP.
pub(crate) struct Operator {
    http: Client,
    admin: String,
    token: String,
}

impl Operator {
    pub(crate) fn new(admin: &str, token: &str) -> Self {
        Self {
            http: Client::new(),
            admin: admin.to_owned(),
            token: token.to_owned(),
        }
    }

    /// A request to be sent as it is or with a token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.admin))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.authorized(Method::GET, path)).await
    }

    /// What is there.
    pub(crate) async fn found(&self, path: &str) -> Value {
        let (status, value) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    pub(crate) async fn post(&self, path: &str) -> (StatusCode, Value) {
        answer(self.authorized(Method::POST, path)).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.authorized(Method::POST, path).json(body)).await
    }

    /// Asks for a run and waits for its end.
    pub(crate) async fn run(&self, job: &str, body: &Value) -> Value {
        let request = self.authorized(Method::POST, &format!("/v1/jobs/{job}/runs"));
        let begun: Response = request.json(body).send().await.unwrap();
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let location = begun.headers()["location"].to_str().unwrap().to_owned();
        let begun: Value = begun.json().await.unwrap();
        assert_eq!(begun["job"], job);
        eventually("the run ends", || async {
            let run = self.found(&location).await;
            assert_eq!(run["scheduled_at"], begun["scheduled_at"]);
            let attempts = run["attempts"].as_array().unwrap();
            let last = attempts.last().unwrap();
            assert_eq!(last["number"], begun["attempt"]);
            assert!(run["state"] == last["state"], "both of one moment: {run}");
            (run["state"] != "running").then_some(run)
        })
        .await
    }

    /// The value of a series, such as `lastcall_scheduler_runs_total{job="alert-due",result="failed"}`.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = self.request(Method::GET, "/metrics").send().await.unwrap();
        let text = text.text().await.unwrap();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        value.parse().unwrap()
    }

    fn authorized(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&self.token)
    }
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}
