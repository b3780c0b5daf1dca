//! `eventsource-client` reconnects by itself, whatever the status.
//!
//! It leaves out blocks without data: neither their id nor their `retry` count. So until its first event it would come back
//! without a position, and the URL has one; and it waits for times of its own.

use std::time::Duration;

use clients::{arguments, print};
use eventsource_client::{Client as _, ClientBuilder, Error, ReconnectOptions, SSE};
use futures::StreamExt as _;
use launchdarkly_sdk_transport::HyperTransport;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (url, token) = arguments();
    let transport = HyperTransport::builder()
        .connect_timeout(Duration::from_secs(10))
        .build_http()
        .expect("a transport");
    let reconnect = ReconnectOptions::reconnect(true)
        .retry_initial(true)
        .delay_max(Duration::from_secs(4))
        .build();
    let client = ClientBuilder::for_url(&url)
        .and_then(|client| client.header("Authorization", &format!("Bearer {token}")))
        .expect("a URL and a token");
    let client = client.reconnect(reconnect).build_with_transport(transport);
    let mut stream = client.stream();
    while let Some(next) = stream.next().await {
        match next {
            Ok(SSE::Event(event)) => print(
                event.id.as_deref().unwrap_or_default(),
                &event.event_type,
                &event.data,
            ),
            Ok(SSE::Connected(_) | SSE::Comment(_)) | Err(Error::Eof) => {}
            Err(error) => eprintln!("{error}"),
        }
    }
}
