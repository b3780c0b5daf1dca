//! Files that change while connections are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use tokio::time::sleep;

use crate::authority::{Files, Pair, write};
use crate::client::Client;
use crate::server::{LIMIT, Server};

const FAILED: &str = "lastcall_tls_certificate_readings_total{result=\"failed\"} ";

/// Waits until a new connection shows that certificate.
async fn shows(server: &Server, client: &Client, pair: &Pair) {
    let shown = async {
        while client.connect(server.address).await.unwrap().1 != pair.der {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, shown)
        .await
        .expect("the certificate is taken");
}

async fn has_failed_to_read(server: &Server, times: f64) {
    let failed = async {
        while server.metric(FAILED).await < times {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, failed)
        .await
        .expect("the files are read again");
}

#[tokio::test]
async fn a_new_pair_is_taken_without_a_connection_that_fails_and_a_broken_one_is_not_taken() {
    let (old, new) = (Arc::new(Pair::new()), Arc::new(Pair::new()));
    let files = Files::with(&old);
    let server = Arc::new(Server::start(&files.settings()).await);
    let client = Arc::new(Client::new(&[&old, &new], &[&TLS12, &TLS13], &["h2", "http/1.1"]));
    let (mut early, _) = client.connect(server.address).await.unwrap();
    assert_eq!(early.get("/version").await, "HTTP/2.0");

    let (over, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (server, client, old, new) = (server.clone(), client.clone(), old.clone(), new.clone());
            let (over, made) = (over.clone(), made.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let (mut connection, certificate) = client.connect(server.address).await.unwrap();
                    assert!(certificate == old.der || certificate == new.der);
                    assert_eq!(connection.get("/version").await, "HTTP/2.0");
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    // A key that is not that of the certificate yet, and garbage: the old pair stays.
    write(&files.certificate, &new.certificate);
    has_failed_to_read(&server, 1.0).await;
    write(&files.certificate, "garbage");
    has_failed_to_read(&server, 2.0).await;
    let (_, certificate) = client.connect(server.address).await.unwrap();
    assert_eq!(certificate, old.der);
    // The new one whole.
    write(&files.key, &new.key);
    write(&files.certificate, &new.certificate);
    shows(&server, &client, &new).await;

    assert_eq!(early.get("/version").await, "HTTP/2.0", "who was there stays");
    over.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    assert!(made.load(Ordering::Relaxed) > 10, "there was a load");
}
