//! What each proxy does with the configuration of `deploy/` when edges die, drain or are all away.

use std::collections::HashSet;
use std::net::IpAddr;

use reqwest::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ORIGIN,
};
use reqwest::{Client, Method, StatusCode};
use test_support::lastcall::{LIMIT, eventually};
use test_support::proxy::{Kind, Proxy};
use test_support::sse::{Connect, SseReader};

use crate::answer_everything;
use crate::site::{Site, shared, token};

const ORIGIN_OF_PAGES: &str = "https://shop.example";

/// Edges behind one proxy of each kind that this machine has.
struct Front {
    site: Site,
    proxies: Vec<(Kind, Proxy)>,
}

impl Front {
    async fn start(settings: &[&str]) -> Self {
        let settings: Vec<_> = settings
            .iter()
            .map(|setting| format!("--set={setting}"))
            .collect();
        let site = Site::start(&settings).await;
        let inbox = answer_everything("the inbox").await;
        let behind = site.behind(inbox, Some(ORIGIN_OF_PAGES.to_owned()));
        let mut proxies = Vec::new();
        for kind in [Kind::Haproxy, Kind::Nginx] {
            proxies.extend(Proxy::start(kind, &behind).await.map(|proxy| (kind, proxy)));
        }
        Self { site, proxies }
    }
}

fn url(proxy: &Proxy, path: &str) -> String {
    format!("http://{}{path}", proxy.address)
}

async fn open(proxy: &Proxy) -> SseReader {
    let how = Connect {
        token: Some(token("ann")),
        last_event_id: None,
    };
    let reader = SseReader::connect(&url(proxy, "/v1/stream"), &how).await;
    assert_eq!(
        reader.status,
        StatusCode::OK,
        "a browser comes back from no other"
    );
    reader
}

/// What an edge or a proxy does with somebody who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Welcome {
    Served,
    SentAway,
}

async fn welcome(reader: &mut SseReader) -> Welcome {
    let mut welcome = None;
    // A stream that ends says so by a panic of `read_until`, so the end is looked for by hand.
    while welcome.is_none() {
        let next = tokio::time::timeout(std::time::Duration::from_millis(10), reader.next(LIMIT)).await;
        let served = reader.text().contains("\nid: ");
        welcome = match next {
            _ if served => Some(Welcome::Served),
            Ok(None) => Some(Welcome::SentAway),
            Ok(Some(event)) => panic!("an event without an id: {event:?}"),
            Err(_) => None,
        };
    }
    if welcome == Some(Welcome::SentAway) {
        assert!(reader.text().starts_with("retry: "), "{}", reader.text());
    }
    welcome.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_when_an_edge_has_just_died_is_served_by_the_other() {
    let mut front = Front::start(&[]).await;
    for (kind, proxy) in &front.proxies {
        front.site.edges[0].kill().await;
        for attempt in 0..10 {
            let served = welcome(&mut open(proxy).await).await;
            assert_eq!(served, Welcome::Served, "attempt {attempt} through {kind:?}");
        }
        front.site.edges[0].start().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_edge_everybody_is_told_to_come_back_each_at_another_time_and_listed_pages_may_read_it() {
    let mut front = Front::start(&[]).await;
    for edge in &mut front.site.edges {
        edge.kill().await;
    }
    let client = Client::new();
    for (kind, proxy) in &front.proxies {
        let mut times = HashSet::new();
        for origin in [ORIGIN_OF_PAGES, "https://evil.example"].repeat(10) {
            let request = client.get(url(proxy, "/v1/stream")).header(ORIGIN, origin);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{kind:?}");
            let headers = answer.headers().clone();
            assert_eq!(headers[CONTENT_TYPE], "text/event-stream", "{kind:?}");
            assert_eq!(headers[CACHE_CONTROL], "no-store", "{kind:?}");
            let listed = origin == ORIGIN_OF_PAGES;
            assert_eq!(
                headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN),
                listed,
                "{kind:?}"
            );
            if listed {
                assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], origin, "{kind:?}");
                assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true", "{kind:?}");
            }
            let said = answer.text().await.unwrap();
            let time = said
                .strip_prefix("retry: ")
                .and_then(|said| said.strip_suffix("\n\n"));
            let time: u64 = time
                .and_then(|time| time.parse().ok())
                .unwrap_or_else(|| panic!("{said:?}"));
            assert!((2_000..=7_000).contains(&time), "{time}");
            times.insert(time);
        }
        assert!(
            times.len() > 1,
            "{kind:?} sends all of them back at one time: {times:?}"
        );
        let poll = client.get(url(proxy, "/v1/events")).send().await.unwrap();
        assert!(poll.status().is_server_error(), "who polls understands a status");
    }
    front.site.edges[1].start().await;
    for (kind, proxy) in &front.proxies {
        eventually(&format!("{kind:?} finds the edge again"), async || {
            let welcome = welcome(&mut open(proxy).await).await;
            (welcome == Welcome::Served).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_drains_keeps_its_streams_and_whoever_comes_is_served_by_the_other() {
    const STREAMS: usize = 24;
    // So slow that most of its streams are still there when the proxies have found out.
    let front = Front::start(&["edge.drain=640s", "edge.max_streams_per_user=1000"]).await;
    let mut readers = Vec::new();
    for (_, proxy) in &front.proxies {
        for _ in 0..STREAMS {
            let mut reader = open(proxy).await;
            assert_eq!(welcome(&mut reader).await, Welcome::Served);
            readers.push(reader);
        }
    }
    front.site.edges[0].begin_to_end();
    for (kind, proxy) in &front.proxies {
        match kind {
            // It asks edges whether they are ready.
            Kind::Haproxy => {
                eventually("HAProxy knows", async || {
                    proxy.log().contains("Server streams/edge1 is DOWN").then_some(())
                })
                .await;
                for _ in 0..10 {
                    assert_eq!(welcome(&mut open(proxy).await).await, Welcome::Served);
                }
            }
            // It does not, and takes edges in turns: who is sent away comes back to the other one.
            Kind::Nginx => {
                for _ in 0..10 {
                    let first = welcome(&mut open(proxy).await).await;
                    let second = welcome(&mut open(proxy).await).await;
                    assert!([first, second].contains(&Welcome::Served), "neither edge");
                }
            }
        }
    }
    front.site.append(&[shared("news".to_owned())]).await;
    let mut told = 0;
    for reader in &mut readers {
        told += usize::from(reader.next(LIMIT).await.is_some_and(|event| event.data == "news"));
    }
    let (streams, others) = (readers.len(), readers.len() / 2);
    assert!(
        told > others,
        "{told} of {streams} streams go on, {others} of them on the other edge"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_count_by_their_own_addresses_whatever_they_say_of_themselves() {
    let front = Front::start(&["edge.max_streams_per_address=1"]).await;
    for (index, (kind, proxy)) in front.proxies.iter().enumerate() {
        let come_from = async |address: IpAddr| {
            let client = Client::builder().local_address(address).build().unwrap();
            let request = client.get(url(proxy, "/v1/stream")).bearer_auth(token("ann"));
            let forged = request.header("x-forwarded-for", "203.0.113.9");
            let mut answer = forged.send().await.unwrap();
            let first = answer.chunk().await.unwrap().unwrap_or_default();
            let served = String::from_utf8_lossy(&first).contains("\nid: ");
            (served, answer)
        };
        let mut open = Vec::new();
        // Each has one stream at each edge.
        for last in [2, 2, 3, 3] {
            let address = IpAddr::from([127, 0, u8::try_from(index).unwrap(), last]);
            let (served, answer) = come_from(address).await;
            assert!(served, "{address} through {kind:?}");
            open.push(answer);
        }
        let (served, _) = come_from(IpAddr::from([127, 0, u8::try_from(index).unwrap(), 2])).await;
        assert!(!served, "a third stream through {kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_goes_where_it_is_answered_and_no_ticket_stands_in_a_log() {
    let front = Front::start(&[]).await;
    let client = Client::new();
    for (kind, proxy) in &front.proxies {
        for (method, path, by_inbox) in [
            (Method::GET, "/v1/notifications", true),
            (Method::GET, "/v1/alerts", true),
            (Method::GET, "/v1/stream?ticket=a-secret", false),
            (Method::POST, "/v1/stream/ticket", false),
            (Method::GET, "/v1/events", false),
        ] {
            let answer = client.request(method, url(proxy, path)).send().await.unwrap();
            let said = answer.text().await.unwrap();
            assert_eq!(said == "the inbox", by_inbox, "{path} through {kind:?}: {said}");
        }
        eventually("the log has it", async || {
            proxy.log().contains("/v1/stream").then_some(())
        })
        .await;
        assert!(!proxy.log().contains("a-secret"), "{kind:?}: {}", proxy.log());
    }
}
