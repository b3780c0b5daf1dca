//! Clients of HTTP/1.1 that are slow or want too much.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::sleep;

use crate::server::{LIMIT, STALL, Server, until_end};

/// How long a head may take.
const HEAD: Duration = Duration::from_secs(10);

/// Far more than the server says, and far less than for ever.
const SLACK: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_client_that_sends_its_head_byte_by_byte_or_nothing_at_all_is_cut_off_in_time() {
    let server = Server::start().await;
    let (mut dripping, mut silent) = tokio::join!(server.connect(), server.connect());
    let began = Instant::now();
    let drip = async {
        let (mut reader, mut writer) = dripping.split();
        let head = b"GET /hello HTTP/1.1\r\nx: "
            .iter()
            .chain(std::iter::repeat(&b'y'));
        let endless = async {
            for byte in head {
                if writer.write_all(&[*byte]).await.is_err() {
                    break;
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        let mut said = Vec::new();
        tokio::select! {
            _ = reader.read_to_end(&mut said) => {}
            () = endless => {}
        }
        String::from_utf8_lossy(&said).into_owned()
    };
    let (dripped, nothing, ()) = tokio::join!(drip, until_end(&mut silent), server.is_well());
    let waited = began.elapsed();
    assert!((HEAD..HEAD + SLACK).contains(&waited), "{waited:?}");
    assert!(!dripped.contains("200"), "{dripped}");
    assert_eq!(nothing, "");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_the_server_goes_on() {
    let server = Server::start().await;
    let long = "x".repeat(64 * 1024);
    let many = "x: y\r\n".repeat(1_000);
    for (head, statuses) in [
        (
            format!("GET /hello HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"),
            ["431", "431"],
        ),
        (
            format!("GET /hello HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
            ["431", "431"],
        ),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), ["414", "431"]),
    ] {
        let mut socket = server.connect().await;
        let (reader, mut writer) = socket.split();
        let write = async {
            // It may be refused before all is sent.
            let _ = writer.write_all(head.as_bytes()).await;
        };
        let (said, ()) = tokio::join!(first_line(reader), write);
        assert!(
            statuses
                .iter()
                .any(|status| said.starts_with(&format!("HTTP/1.1 {status} "))),
            "{said}"
        );
        server.is_well().await;
    }
}

/// What comes first, before the server closes with what it did not read behind it.
async fn first_line(reader: impl AsyncRead + Unpin) -> String {
    let mut line = String::new();
    let mut reader = BufReader::new(reader);
    let read = reader.read_line(&mut line);
    tokio::time::timeout(LIMIT, read)
        .await
        .expect("an answer")
        .unwrap();
    line
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut_off_and_the_memory_for_it_is_bounded() {
    let server = Server::start().await;
    for version in ["1.0", "1.1"] {
        let mut deaf = server.connect().await;
        let request = format!("GET /endless HTTP/{version}\r\nhost: x\r\n\r\n");
        deaf.write_all(request.as_bytes()).await.unwrap();
        server.gives(1).await;
        let began = Instant::now();
        server.gives(0).await;
        assert!(began.elapsed() < STALL * 2 + SLACK, "{:?}", began.elapsed());
        server.is_well().await;
    }
}

#[tokio::test]
async fn a_process_that_ends_does_not_wait_for_a_client_that_takes_nothing() {
    let server = Server::start().await;
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    server.gives(1).await;
    server.shutdown.cancel();
    let ended = tokio::time::timeout(SLACK, server.served).await;
    ended.expect("it ends").unwrap().unwrap();
}
