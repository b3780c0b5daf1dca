//! Clients of the event stream and proxies that others wrote, in front of edges that are cut off, killed and drained.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod client;
mod journey;
mod library;
mod page;
mod proxies;
mod site;
mod wire;

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

/// A server that answers everything with the same word: it stands for an inbox, and for the shop whose pages people have open.
async fn answer_everything(word: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async move || word);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
