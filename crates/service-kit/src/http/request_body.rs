//! The body of a request, which has to come in time: whoever waits for it holds a task and a place among the connections.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How long the whole of it may take. It is small; a client that needs longer sends it byte by byte.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct RequestBody<B> {
    body: B,
    /// Begins when it is waited for.
    timeout: Option<Pin<Box<Sleep>>>,
}

/// Why it cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError<E: std::error::Error + 'static> {
    #[error("the body breaks off")]
    Broken(#[source] E),
    #[error("the body took longer than {} s", READ_TIMEOUT.as_secs())]
    Slow,
}

impl<B> RequestBody<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, timeout: None }
    }
}

impl<B> HttpBody for RequestBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    type Data = Bytes;
    type Error = BodyError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() {
            let timeout = self.timeout.get_or_insert_with(|| Box::pin(sleep(READ_TIMEOUT)));
            if timeout.as_mut().poll(context).is_ready() {
                return Poll::Ready(Some(Err(BodyError::Slow)));
            }
        }
        frame.map_err(BodyError::Broken)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use axum::body::{Body, to_bytes};
    use futures::stream::{self, StreamExt as _};
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A body of so many bytes, one a second.
    fn slow(bytes: usize) -> Body {
        let bytes = stream::iter(0..bytes).then(async |_| {
            sleep(Duration::from_secs(1)).await;
            Ok::<_, axum::Error>("x")
        });
        Body::new(RequestBody::new(Body::from_stream(bytes.boxed())))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_byte_by_byte_breaks_off_in_time() {
        assert_eq!(to_bytes(slow(20), 100).await.unwrap(), "x".repeat(20));
        let began = Instant::now();
        let error = to_bytes(slow(100), 100).await.unwrap_err();
        assert_eq!(began.elapsed().as_secs(), READ_TIMEOUT.as_secs());
        assert_eq!(
            error.source().unwrap().to_string(),
            "the body took longer than 30 s"
        );
    }
}
