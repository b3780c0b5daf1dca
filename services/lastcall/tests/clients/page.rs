//! The `EventSource` of a real browser: a page of a shop with streams of other origins, by cookie.

use std::path::Path;
use std::time::Duration;

use fantoccini::Client as Browser;
use serde_json::{Value, json};
use test_support::browser::in_browser;
use tokio_util::sync::CancellationToken;

use crate::client::{Event, Heard};

const POLL: Duration = Duration::from_millis(50);

const OPEN: &str = "
    const [urls, token] = arguments;
    document.cookie = `lastcall_token=${token}; path=/`;
    window.heard = urls.map(() => []);
    window.sources = urls.map((url, i) => {
        const source = new EventSource(url, { withCredentials: true });
        for (const type of ['message', 'gap', 'reauth']) {
            source.addEventListener(type, event =>
                window.heard[i].push({ id: event.lastEventId, type: event.type, data: event.data }));
        }
        return source;
    });";

const TAKE: &str = "
    const gaveUp = window.sources.filter(source => source.readyState === EventSource.CLOSED);
    return { heard: window.heard.map(events => events.splice(0)), gaveUp: gaveUp.map(source => source.url) };";

/// Listens on each of the origins, from a page of another, until told to stop.
pub(crate) async fn listen(
    shop: String,
    origins: Vec<String>,
    token: String,
    heard: Vec<Heard>,
    stop: CancellationToken,
) {
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients.png");
    in_browser(&picture, async |page| {
        page.goto(&shop).await.unwrap();
        let urls: Vec<_> = origins
            .iter()
            .map(|origin| format!("{origin}/v1/stream"))
            .collect();
        page.execute(OPEN, vec![json!(urls), json!(token)]).await.unwrap();
        while !stop.is_cancelled() {
            take(&page, &heard).await;
            tokio::time::sleep(POLL).await;
        }
    })
    .await;
}

async fn take(page: &Browser, heard: &[Heard]) {
    let mut taken = page.execute(TAKE, vec![]).await.unwrap();
    assert_eq!(
        taken["gaveUp"],
        json!([]),
        "it comes back from everything that happens here"
    );
    let Value::Array(news) = taken["heard"].take() else {
        panic!("the page lost its script: {taken}");
    };
    for (heard, events) in heard.iter().zip(news) {
        let events: Vec<Event> = serde_json::from_value(events).unwrap();
        for event in events {
            heard.push(event);
        }
    }
}
