//! An answer that goes on over the bare socket, without the server.
//!
//! Hyper keeps two buffers of 8 KiB for each connection, which is far more than an answer needs that lasts for hours and
//! is nearly always silent. A handler whose request carries an [`Offer`] may put a [`Takeover`] into the extensions of its
//! answer. The server then does not write that answer: it gives the socket away, with the answer's head as bytes, and
//! has done with the connection.

use std::fmt;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use httpdate::HttpDate;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

/// Headers that say how a message is framed and where it ends: here these are ours to say.
const FRAMING: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::TRANSFER_ENCODING,
];

/// In the extensions of a request whose answer may take the socket over. Only the server makes one: where there is none,
/// the request came another way (HTTP/1.0, HEAD, a test without a socket), and an ordinary answer is the only one.
#[derive(Debug, Clone, Copy)]
pub struct Offer(pub(super) ());

/// In the extensions of an answer: what takes the socket over.
#[derive(Clone)]
pub struct Takeover(Arc<Mutex<Option<Start>>>);

type Start = Box<dyn FnOnce(Taken, &TaskTracker) + Send>;

/// A socket in the middle of an answer that is yet to be written.
#[derive(Debug)]
pub struct Taken {
    /// The socket. Nagle's algorithm is off, the kernel keeps little unsent for it, and gives it up when its client's network
    /// has not answered for [`UNANSWERED`](super::UNANSWERED).
    pub socket: TcpStream,
    /// The answer's head with its empty line, to be written first. It says that the body is [chunked] and that the
    /// connection closes behind it.
    ///
    /// [chunked]: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
    pub head: Bytes,
    /// What the client has already sent after its request.
    pub read: Bytes,
}

impl Takeover {
    /// Takes the socket over with a task of its own. The server waits for that task when it ends, so it has to end when
    /// the process is told to.
    pub fn new<T, F>(task: T) -> Self
    where
        T: FnOnce(Taken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let start: Start = Box::new(move |taken, tasks| {
            tasks.spawn(task(taken));
        });
        Self(Arc::new(Mutex::new(Some(start))))
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}

/// What the service fails with, so that hyper gives the socket back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the socket was taken over")]
pub(super) struct HandedOver {
    takeover: Takeover,
    head: Bytes,
}

impl HandedOver {
    /// The answer itself, unless it takes the socket over.
    pub(super) fn unless_ordinary(mut response: Response) -> Result<Response, Self> {
        match response.extensions_mut().remove::<Takeover>() {
            Some(takeover) => Err(Self {
                takeover,
                head: head(response.status(), response.headers(), SystemTime::now()),
            }),
            None => Ok(response),
        }
    }

    /// Finds out whether that is what a connection ended with.
    pub(super) fn from_error(error: &hyper::Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().cloned()
    }

    /// Starts what takes the socket over.
    pub(super) fn go_on(self, socket: TcpStream, read: Bytes, tasks: &TaskTracker) {
        let start = self
            .takeover
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(start) = start {
            let head = self.head;
            start(Taken { socket, head, read }, tasks);
        }
    }
}

fn head(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Bytes {
    let mut head = Vec::with_capacity(512);
    let reason = status.canonical_reason().unwrap_or_default();
    // Writing to a Vec cannot fail.
    let _ = write!(head, "HTTP/1.1 {} {reason}\r\n", status.as_str());
    for (name, value) in headers.iter().filter(|(name, _)| !FRAMING.contains(name)) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    let date = HttpDate::from(now);
    let _ = write!(
        head,
        "transfer-encoding: chunked\r\nconnection: close\r\ndate: {date}\r\n\r\n"
    );
    head.into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_head_has_the_headers_of_the_answer_and_a_framing_of_its_own() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        headers.append(header::VARY, HeaderValue::from_static("cookie"));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let expected = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nvary: origin\r\nvary: cookie\r\n\
                        transfer-encoding: chunked\r\nconnection: close\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
        assert_eq!(head(StatusCode::OK, &headers, now), expected);
    }
}
