use std::net::SocketAddr;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const DOCUMENT: &str = "{\"keys\": []}";

/// An https server for the name `localhost`, with the certificate that vouches for it.
async fn server() -> (SocketAddr, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = socket.accept().await.unwrap();
            // Who does not trust the certificate breaks off here.
            let Ok(mut client) = acceptor.accept(client).await else {
                continue;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            let length = DOCUMENT.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{DOCUMENT}");
            client.write_all(answer.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
    (address, cert.der().clone())
}

fn trusting(authority: CertificateDer<'static>, url: &str) -> KeySource {
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    KeySource::Url {
        uri: url.parse().unwrap(),
        client: Box::new(client(tls().unwrap().with_root_certificates(roots))),
        interval: URL_PAUSE,
    }
}

async fn refusal(source: &KeySource) -> String {
    crate::telemetry::chain(&source.read().await.unwrap_err())
}

#[tokio::test]
async fn keys_are_read_over_https_from_whom_a_trusted_authority_vouches_for() {
    let (address, authority) = server().await;
    let url = format!("https://localhost:{}/keys", address.port());
    let read = trusting(authority.clone(), &url).read().await.unwrap();
    assert_eq!(read, DOCUMENT.as_bytes());

    // The same server under a name that the certificate does not have.
    let unnamed = refusal(&trusting(authority, &format!("https://{address}/keys"))).await;
    assert!(unnamed.contains("certificate"), "{unnamed}");
    // And where only the authorities of this machine are trusted, of which it is none.
    let unknown = refusal(&KeySource::url(&url, URL_PAUSE).unwrap()).await;
    assert!(unknown.contains("certificate"), "{unknown}");
}
