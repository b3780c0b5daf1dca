//! What all clients go through together, each directly and through each proxy, and how it ends: with what the log holds.

use std::iter;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use event_log::Record;
use serde_json::json;
use test_support::browser;
use test_support::lastcall::LIMIT;
use test_support::proxy::{Kind, Proxy};
use test_support::stored_log;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Heard, Program};
use crate::library::{self, BeforeFirst};
use crate::site::{Site, own, shared, token};
use crate::wire::Wire;
use crate::{answer_everything, page};

const POLL: Duration = Duration::from_millis(10);

const BROWSER: &str = "chromium";

/// Text that breaks a client which takes more for the end of a line than the standard does, or bytes for characters.
const TEXT: &str = "달빛 🌙 램프 \u{2028}\u{2029}\u{85}\u{b}\u{c} : data: id: 7";

/// Larger than the pieces in which clients read, and than what they get before a cut.
const LARGE: usize = 12 * 1024;

/// In the middle of a large event that comes after a small one.
const MIDDLE: usize = LARGE / 2;

/// A way from clients to the edges, which can be cut.
struct Route {
    name: &'static str,
    wire: Wire,
    clients: usize,
    /// Ends with the route.
    _proxy: Option<Proxy>,
}

struct Journey {
    site: Site,
    routes: Vec<Route>,
    clients: Vec<Client>,
    /// How many events each client has to have by now.
    due: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_gets_what_the_log_holds_once_and_in_order_by_every_way_and_through_every_fault() {
    let shop = answer_everything("a page").await;
    let origin = format!("http://{shop}");
    let site = Site::start(&[
        format!("--set=http.cors_origins={origin}"),
        "--set=edge.drain=3s".to_owned(),
    ])
    .await;
    let mut routes = vec![Route::new("directly", site.edges[0].node.http, None).await];
    let behind = site.behind(shop, Some(origin.clone()));
    for kind in [Kind::Haproxy, Kind::Nginx] {
        if let Some(proxy) = Proxy::start(kind, &behind).await {
            let name = if kind == Kind::Haproxy {
                "through HAProxy"
            } else {
                "through nginx"
            };
            routes.push(Route::new(name, proxy.address, Some(proxy)).await);
        }
    }
    let mut journey = Journey::new(site, routes);
    let (pages, done) = (journey.open_pages(), CancellationToken::new());
    let urls = journey
        .routes
        .iter()
        .map(|route| format!("http://{}", route.wire.address));
    let listening = page::listen(origin, urls.collect(), token(BROWSER), pages, done.clone());
    // A journey that fails must not take the browser with it before it is closed.
    let travelled = async {
        let travelled = tokio::task::spawn_local(async move { journey.travel().await });
        let ended = travelled.await;
        done.cancel();
        ended
    };
    let ((), ended) = LocalSet::new()
        .run_until(async { tokio::join!(listening, travelled) })
        .await;
    if let Err(failed) = ended {
        resume_unwind(failed.into_panic());
    }
}

impl Route {
    async fn new(name: &'static str, server: SocketAddr, proxy: Option<Proxy>) -> Self {
        Self {
            name,
            wire: Wire::to(server).await,
            clients: 0,
            _proxy: proxy,
        }
    }
}

impl Journey {
    /// With every library on every route.
    fn new(site: Site, mut routes: Vec<Route>) -> Self {
        let libraries = library::available();
        let mut clients = Vec::new();
        let beginning = site.log.epoch().at(0);
        for route in &mut routes {
            for library in &libraries {
                let query = match library.before_first {
                    BeforeFirst::Id => String::new(),
                    BeforeFirst::Nothing => format!("?last_event_id={beginning}"),
                };
                let url = format!("http://{}/v1/stream{query}", route.wire.address);
                let (user, heard) = (library.user(), Heard::default());
                let program = Program::start(library.command(), &url, &token(&user), heard.clone());
                route.clients += 1;
                clients.push(Client {
                    name: format!("{user} {}", route.name),
                    user,
                    heard,
                    program: Some(program),
                });
            }
        }
        Self {
            site,
            routes,
            clients,
            due: 0,
        }
    }

    /// What the browser will hear on each route. Nobody listens where there is no browser.
    fn open_pages(&mut self) -> Vec<Heard> {
        if !browser::is_here() {
            return Vec::new();
        }
        let mut pages = Vec::new();
        for route in &mut self.routes {
            let heard = Heard::default();
            pages.push(heard.clone());
            route.clients += 1;
            self.clients.push(Client {
                name: format!("{BROWSER} {}", route.name),
                user: BROWSER.to_owned(),
                heard,
                program: None,
            });
        }
        pages
    }

    async fn travel(&mut self) {
        // Cut off before anything was told: whoever comes back has to know where it was.
        self.everybody_is_connected().await;
        self.cut_all_after(0, "while everybody is away").await;
        self.everybody_has_it().await;

        // Cut in the middle of an event, which the client has got the id of.
        self.everybody_is_connected().await;
        self.cut_all_after(MIDDLE, "torn").await;
        self.everybody_has_it().await;

        // An edge dies, and the other goes on. Whoever comes directly waits for the same one.
        self.everybody_is_connected().await;
        self.site.edges[0].kill().await;
        self.tell("with one edge").await;
        self.site.edges[0].start().await;
        self.tell("with both again").await;
        self.everybody_has_it().await;

        // All edges die in the middle of an event, and are down for a time in which each client asks in vain: what tells it so
        // must not make it forget where it was.
        self.everybody_is_connected().await;
        self.cut_all_after(MIDDLE, "torn before the night").await;
        let before: Vec<_> = self.routes.iter().map(|route| route.wire.connections()).collect();
        for edge in &mut self.site.edges {
            edge.kill().await;
        }
        self.tell("with no edge").await;
        for (route, before) in self.routes.iter().zip(before) {
            route.wire.has_connections(before + route.clients).await;
        }
        for edge in &mut self.site.edges {
            edge.start().await;
        }
        self.everybody_has_it().await;

        // An edge sends its clients away one after the other while there is news.
        self.everybody_is_connected().await;
        self.site.edges[0].begin_to_end();
        self.tell("while an edge drains").await;
        self.site.edges[0].has_ended().await;
        self.tell("after an edge has drained").await;
        self.site.edges[0].start().await;
        self.everybody_has_it().await;
        self.compare().await;
    }

    async fn everybody_is_connected(&self) {
        for route in &self.routes {
            route.wire.has_positioned(route.clients).await;
        }
    }

    /// Cuts everybody off so many bytes after something is told.
    async fn cut_all_after(&mut self, bytes: usize, what: &str) {
        let before: Vec<_> = self.routes.iter().map(|route| route.wire.severed()).collect();
        for route in &self.routes {
            route.wire.cut_after(bytes);
        }
        self.tell(what).await;
        for (route, before) in self.routes.iter().zip(before) {
            route.wire.has_severed(before + route.clients).await;
        }
    }

    /// Events for everybody and for each, small and large ones.
    async fn tell(&mut self, what: &str) {
        let payload = |to: &str, filler: usize| {
            let filler = ".".repeat(filler);
            json!({ "what": what, "to": to, "text": TEXT, "filler": filler }).to_string()
        };
        let mut users: Vec<_> = self.clients.iter().map(|client| client.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        let each = |filler| users.iter().map(move |user| own(user, payload(user, filler)));
        let all = |filler| iter::once(shared(payload("all", filler)));
        let round: Vec<Record> = all(0)
            .chain(all(LARGE))
            .chain(each(0))
            .chain(each(100))
            .chain(all(0))
            .collect();
        self.site.append(&round).await;
        // Of its own two, and three for everybody.
        self.due += 5;
    }

    async fn everybody_has_it(&mut self) {
        let deadline = Instant::now() + LIMIT;
        while self.clients.iter().any(|client| client.heard.len() < self.due) {
            if Instant::now() > deadline {
                let states: Vec<_> = self.clients.iter_mut().map(Client::state).collect();
                panic!("not everybody has {} events:\n{}", self.due, states.join("\n"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn compare(&mut self) {
        let log = stored_log::read(&self.site.nats, "EVENTS", 0).await;
        let epoch = self.site.log.epoch().to_string();
        for client in &mut self.clients {
            client.compare(&log, &epoch);
        }
    }
}
