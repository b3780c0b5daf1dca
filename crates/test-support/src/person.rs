//! What a person sees over HTTP: their inbox and their stream.

use reqwest::StatusCode;
use serde_json::Value;

use crate::sse::{Connect, SseReader};

/// The most rows of one page of the inbox.
const PAGE: usize = 200;

/// Somebody with a token.
#[derive(Debug, Clone)]
pub struct Person {
    /// Where their inbox and their stream are.
    pub inbox: String,
    /// The same, when an edge of its own serves the stream.
    pub edge: String,
    /// What they send with each request.
    pub token: String,
    http: reqwest::Client,
}

impl Person {
    /// Somebody with this token, at these addresses.
    pub fn new(inbox: &str, edge: &str, token: String) -> Self {
        Self {
            inbox: inbox.to_owned(),
            edge: edge.to_owned(),
            token,
            http: reqwest::Client::new(),
        }
    }

    /// What the inbox answers to a `GET`.
    ///
    /// # Panics
    ///
    /// When it does not answer with JSON.
    pub async fn get(&self, path_and_query: &str) -> (StatusCode, Value) {
        let request = self.http.get(format!("{}{path_and_query}", self.inbox));
        let answer = request.bearer_auth(&self.token).send().await;
        let answer = answer.expect("the inbox answers");
        let status = answer.status();
        (status, answer.json().await.expect("the answer is JSON"))
    }

    /// All notifications, newest first, read page by page.
    ///
    /// # Panics
    ///
    /// When the inbox refuses.
    pub async fn notifications(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut before = String::new();
        loop {
            let (status, mut page) = self.get(&format!("/v1/notifications?limit={PAGE}{before}")).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            all.append(page["notifications"].as_array_mut().expect("a list"));
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return all,
            }
        }
    }

    /// How many notifications they have not read.
    ///
    /// # Panics
    ///
    /// When the inbox refuses.
    pub async fn unread(&self) -> u64 {
        let (status, count) = self.get("/v1/notifications/unread-count").await;
        assert_eq!(status, StatusCode::OK, "{count}");
        count["unread"].as_u64().expect("a count")
    }

    /// The last sequence of the log that is in the table; 0 before the first.
    ///
    /// # Panics
    ///
    /// When the inbox refuses.
    pub async fn projected(&self) -> u64 {
        let (status, count) = self.get("/v1/notifications/unread-count").await;
        assert_eq!(status, StatusCode::OK, "{count}");
        let sequence = count["cursor"].as_str().and_then(|cursor| cursor.split_once('.'));
        sequence.map_or(0, |(_, sequence)| sequence.parse().expect("a sequence"))
    }

    /// Opens their stream; `query` is such as `?from=earliest`.
    pub async fn stream(&self, query: &str) -> SseReader {
        let how = Connect {
            token: Some(self.token.clone()),
            ..Connect::default()
        };
        SseReader::connect(&format!("{}/v1/stream{query}", self.edge), &how).await
    }
}
