//! Clients that trust nobody but those they are told to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use hyper::Request;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authority::{NAME, Pair};

pub(crate) struct Client {
    connector: TlsConnector,
}

/// A connection over which requests can be made.
pub(crate) enum Connection {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    pub(crate) fn new(
        trusted: &[&Pair],
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for pair in trusted {
            roots.add(CertificateDer::from(pair.der.clone())).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut configuration = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        configuration.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // Every connection is to show the certificate of the moment.
        configuration.resumption = rustls::client::Resumption::disabled();
        let connector = Arc::new(configuration).into();
        Self { connector }
    }

    pub(crate) async fn shake_hands(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(address).await?;
        self.connector.connect(NAME.try_into().unwrap(), socket).await
    }

    /// A connection, and the certificate of the server.
    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<(Connection, Vec<u8>)> {
        let stream = self.shake_hands(address).await?;
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().unwrap()[0].to_vec();
        let connection = if session.alpn_protocol() == Some(b"h2") {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
            tokio::spawn(connection);
            Connection::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            Connection::Http1(sender)
        };
        Ok((connection, certificate))
    }
}

impl Connection {
    pub(crate) async fn get(&mut self, path: &str) -> String {
        let request = Request::builder().header("host", NAME);
        let answer = match self {
            Self::Http1(sender) => {
                let request = request.uri(path).body(Body::empty()).unwrap();
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                let uri = format!("https://{NAME}{path}");
                sender
                    .send_request(request.uri(uri).body(Body::empty()).unwrap())
                    .await
            }
        };
        let body = to_bytes(Body::new(answer.unwrap().into_body()), 1_000)
            .await
            .unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }
}
