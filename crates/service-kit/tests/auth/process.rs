//! A process that checks tokens.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use service_kit::auth::{Authenticator, KeyError, Settings};
use service_kit::metrics::{self, Registry};
use service_kit::supervisor::Supervisor;
use tokio::net::TcpListener;

/// Longer than anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Process {
    authenticator: Arc<Authenticator>,
    metrics: String,
}

impl Process {
    pub(crate) async fn try_start(settings: &Settings) -> Result<Self, KeyError> {
        let mut supervisor = Supervisor::new();
        let mut registry = metrics::registry("0.0.0");
        let authenticator = Authenticator::start(settings, &mut supervisor, &mut registry).await?;
        tokio::spawn(supervisor.run(Duration::ZERO));
        Ok(Self {
            authenticator: Arc::new(authenticator),
            metrics: serve(registry).await,
        })
    }

    pub(crate) async fn start(settings: &Settings) -> Self {
        Self::try_start(settings).await.unwrap()
    }

    /// The user of a good token, or the status of the refusal.
    pub(crate) async fn check(&self, token: &str) -> Result<String, u16> {
        let checked = self.authenticator.check(token).await;
        checked
            .map(|identity| identity.user.as_str().to_owned())
            .map_err(|problem| problem.status)
    }

    /// Waits until the token is answered so.
    pub(crate) async fn comes_to(&self, token: &str, answer: Result<&str, u16>) {
        let answer = answer.map(ToOwned::to_owned);
        let reached = async {
            while self.check(token).await != answer {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let reached = tokio::time::timeout(LIMIT, reached).await;
        assert!(reached.is_ok(), "the token is never answered with {answer:?}");
    }

    /// One line of /metrics.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = reqwest::get(&self.metrics).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        line.trim().parse().unwrap()
    }
}

async fn serve(registry: Registry) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", socket.local_addr().unwrap());
    let router = metrics::router(registry);
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    url
}

pub(crate) fn by_url(url: impl Into<String>) -> Settings {
    Settings {
        jwks_url: Some(url.into()),
        ..Settings::default()
    }
}

pub(crate) fn by_file(path: &Path) -> Settings {
    Settings {
        jwks_file: Some(path.to_owned()),
        ..Settings::default()
    }
}
