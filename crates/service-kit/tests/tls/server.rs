//! A server whose connections are encrypted.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::Version;
use axum::routing::get;
use service_kit::http::{Listener, Settings, Tls, TlsError};
use service_kit::metrics;
use service_kit::supervisor::Supervisor;
use tokio_util::sync::CancellationToken;

/// Longer than anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    metrics: String,
}

impl Server {
    pub(crate) async fn try_start(settings: &Settings) -> Result<Self, TlsError> {
        let (mut supervisor, mut registry) = (Supervisor::new(), metrics::registry("0.0.0"));
        let tls = Tls::start(settings, &mut supervisor, &mut registry).await?;
        tokio::spawn(supervisor.run(Duration::ZERO));
        let listener = Listener::bind("127.0.0.1:0").await.unwrap().encrypted_by(tls);
        let address = listener.address();
        assert_eq!(listener.url(), format!("https://{address}"));
        let version = async |version: Version| format!("{version:?}");
        let router = Router::new().route("/version", get(version));
        tokio::spawn(listener.serve(router, CancellationToken::new()));
        let shown = Listener::bind("127.0.0.1:0").await.unwrap();
        let metrics = format!("{}/metrics", shown.url());
        tokio::spawn(shown.serve(metrics::router(registry), CancellationToken::new()));
        Ok(Self { address, metrics })
    }

    pub(crate) async fn start(settings: &Settings) -> Self {
        Self::try_start(settings).await.unwrap()
    }

    /// One line of /metrics.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = reqwest::get(&self.metrics).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        line.trim().parse().unwrap()
    }
}
