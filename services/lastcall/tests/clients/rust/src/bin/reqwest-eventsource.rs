//! `reqwest-eventsource` reconnects by itself, unless the status is not 200.
//!
//! It leaves out blocks without data: neither their id nor their `retry` count. So until its first event it would come back
//! without a position, and the URL has one; and it waits for times of its own.

use clients::{arguments, print};
use futures::StreamExt as _;
use reqwest_eventsource::{Event, EventSource};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (url, token) = arguments();
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    let mut source = EventSource::new(request).expect("a request without a body");
    while let Some(next) = source.next().await {
        match next {
            Ok(Event::Message(event)) => print(&event.id, &event.event, &event.data),
            Ok(Event::Open) => {}
            Err(error) => eprintln!("{error}"),
        }
    }
}
