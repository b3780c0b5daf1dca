//! Who is understood, and who is not.

use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::authority::{Files, Pair};
use crate::client::Client;
use crate::server::{LIMIT, Server};

#[tokio::test]
async fn both_versions_of_both_protocols_are_spoken_with_keys_of_all_kinds() {
    for pair in [Pair::new(), Pair::rsa(), Pair::sec1()] {
        let files = Files::with(&pair);
        let server = Server::start(&files.settings()).await;
        for tls in [&TLS12, &TLS13] {
            for (protocols, version) in [
                (&["h2", "http/1.1"][..], "HTTP/2.0"),
                (&["http/1.1"], "HTTP/1.1"),
                (&[], "HTTP/1.1"),
            ] {
                let client = Client::new(&[&pair], &[tls], protocols);
                let (mut connection, certificate) = client.connect(server.address).await.unwrap();
                assert_eq!(certificate, pair.der);
                assert_eq!(connection.get("/version").await, version);
                assert_eq!(connection.get("/version").await, version, "and again");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_told_nothing() {
    let pair = Pair::new();
    let files = Files::with(&pair);
    let server = Server::start(&files.settings()).await;
    let stranger = Client::new(&[&Pair::new()], &[&TLS13], &[]);
    assert!(stranger.shake_hands(server.address).await.is_err());
}

#[tokio::test]
async fn who_does_not_encrypt_or_shake_hands_is_cut_off_in_time() {
    let pair = Pair::new();
    let files = Files::with(&pair);
    let server = Server::start(&files.settings()).await;
    let began = Instant::now();
    let asked = async |bytes: &'static [u8]| {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut said = Vec::new();
        let read = tokio::time::timeout(LIMIT, socket.read_to_end(&mut said)).await;
        read.expect("it is cut off").unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    };
    let plain = b"GET /version HTTP/1.1\r\nhost: x\r\n\r\n";
    // The beginning of a hello that says it has 256 bytes.
    let (plain, begun, silent) = tokio::join!(asked(plain), asked(b"\x16\x03\x01\x01\x00\x01"), asked(b""));
    assert!(!plain.contains("HTTP"), "{plain}");
    assert_eq!((begun.as_str(), silent.as_str()), ("", ""));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let client = Client::new(&[&pair], &[&TLS13], &[]);
    let (mut connection, _) = client.connect(server.address).await.unwrap();
    assert_eq!(connection.get("/version").await, "HTTP/1.1");
}

#[tokio::test]
async fn a_crowd_that_says_nothing_delays_others_and_does_not_keep_them_out() {
    /// As many as may shake hands at once.
    const CROWD: usize = 1_000;
    let pair = Pair::new();
    let files = Files::with(&pair);
    let server = Server::start(&files.settings()).await;
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(TcpStream::connect(server.address).await.unwrap());
    }
    let began = Instant::now();
    let client = Client::new(&[&pair], &[&TLS13], &[]);
    let served = tokio::time::timeout(LIMIT, client.connect(server.address)).await;
    let (mut connection, _) = served.expect("it is its turn in time").unwrap();
    assert!(began.elapsed() > Duration::from_secs(1), "there is a bound");
    assert_eq!(connection.get("/version").await, "HTTP/1.1");
}
