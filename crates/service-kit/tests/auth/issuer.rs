//! A server that publishes a key set, and that fails in the ways that servers do.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Text(String),
    Status(StatusCode),
    Redirect(String),
    /// Takes the request and says nothing.
    Nothing,
    /// Says that it answers and never comes to an end.
    Endless,
}

#[derive(Clone)]
pub(crate) struct Issuer {
    address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) async fn start(answer: Answer) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            address: socket.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
        };
        let router = Router::new().route("/keys", get(keys)).with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        issuer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn keys(State(issuer): State<Issuer>) -> Response {
    issuer.asked.fetch_add(1, Ordering::SeqCst);
    let answer = issuer.answer.lock().unwrap().clone();
    match answer {
        Answer::Text(text) => text.into_response(),
        Answer::Status(status) => status.into_response(),
        Answer::Redirect(url) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        Answer::Nothing => pending().await,
        Answer::Endless => {
            let parts = futures::stream::repeat(Ok::<_, std::convert::Infallible>(vec![b' '; 10_000]));
            Body::from_stream(parts).into_response()
        }
    }
}
