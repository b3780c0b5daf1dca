//! Whatever is sent: no panic, no connection that hangs, and the server goes on.

use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::{LIMIT, Server, until_end};

const ORDINARY: &[u8] =
    b"POST /echo HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 192.0.2.1\r\ncontent-type: text/plain\r\n\
                          cookie: a=b\r\ncontent-length: 5\r\n\r\nhello";

const CHUNKED: &[u8] =
    b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

/// A preface, settings, the head of `GET /hello` and a window update.
const FRAMES: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
                        \0\0\x0d\x01\x05\0\0\0\x01\x82\x86\x04\x06/hello\x01\x01x\
                        \0\0\x04\x08\0\0\0\0\0\0\0\0\x01";

/// Bytes of all kinds, and requests of which some bytes are others, are missing or are there twice.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    let request = prop_oneof![Just(ORDINARY), Just(CHUNKED), Just(FRAMES)];
    let mutations = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6);
    let mutated = (request, mutations).prop_map(|(request, mutations)| {
        let mut bytes = request.to_vec();
        for (index, byte, kind) in mutations {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        bytes
    });
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..2_000),
        1 => "[ -~\\r\\n]{0,500}".prop_map(String::into_bytes),
        4 => mutated,
    ]
}

fn samples(count: usize) -> Vec<Vec<u8>> {
    let mut runner = TestRunner::default();
    let trees = (0..count).map(|_| sent().new_tree(&mut runner).unwrap());
    trees.map(|tree| tree.current()).collect()
}

#[tokio::test]
async fn whatever_is_sent_before_the_client_closes_the_server_goes_on() {
    let server = Server::start().await;
    for bytes in samples(1_000) {
        let mut socket = server.connect().await;
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let said = until_end(&mut socket).await;
        assert!(
            !said.contains(" 500 "),
            "{said:?} to {:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    server.is_well().await;
}

#[tokio::test]
async fn whatever_is_sent_by_a_client_that_then_waits_it_is_answered_or_cut_off() {
    let server = Server::start().await;
    let all = samples(500).into_iter().map(async |bytes| {
        let mut socket = server.connect().await;
        let _ = socket.write_all(&bytes).await;
        // HTTP/2 has answers of other kinds, and who has asked over it is kept for longer.
        if !bytes.starts_with(b"PRI * HTTP/2.0") {
            answer_or_end(&mut socket).await;
        }
    });
    join_all(all).await;
    server.is_well().await;
}

/// Reads on until there is an answer, or to the end.
async fn answer_or_end(socket: &mut TcpStream) {
    let mut said = Vec::new();
    let read = async {
        while !said.starts_with(b"HTTP/1.") && matches!(socket.read_buf(&mut said).await, Ok(1..)) {}
    };
    let ended = tokio::time::timeout(LIMIT, read).await;
    assert!(ended.is_ok(), "neither an answer nor an end");
}
