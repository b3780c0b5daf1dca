//! Clients that take nothing of their answers.
//!
//! The server asks an answer's body for more whenever it has room, and only then: a body that gave something and is not
//! asked again belongs to a client that does not read. Nobody would notice, since nothing is written and nothing fails. So
//! the body notes when it gave and when it was asked in vain, and whoever serves the answer waits beside it for the time
//! to be up.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// In the extensions of an answer: for how long its client may take nothing of it before it is cut off, where that is to be
/// another time than a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StallTimeout(pub Duration);

impl Default for StallTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(60))
    }
}

/// How the client of one answer, or of one connection whose answers follow each other, takes what it is given.
#[derive(Default)]
pub(super) struct Stall {
    state: Mutex<State>,
    begun: Notify,
}

#[derive(Default)]
struct State {
    /// Of the answer at hand; none before the first.
    timeout: Option<StallTimeout>,
    /// Since when there is something that the client has not taken, as far as is known.
    since: Option<Instant>,
}

/// The body of an answer that is watched.
pub(super) struct Watched {
    body: Body,
    stall: Arc<Stall>,
}

impl Stall {
    /// Watches this answer from now on.
    pub(super) fn watch(self: &Arc<Self>, mut response: Response) -> Response<Watched> {
        let timeout = response.extensions_mut().remove().unwrap_or_default();
        let mut state = self.lock();
        state.timeout = Some(timeout);
        state.since = Some(Instant::now());
        drop(state);
        self.begun.notify_one();
        response.map(|body| Watched {
            body,
            stall: Arc::clone(self),
        })
    }

    /// The client has everything that there is for it.
    pub(super) fn is_served(&self) {
        self.lock().since = None;
    }

    /// Waits until the client has taken nothing for too long.
    pub(super) async fn is_too_long(&self) {
        loop {
            match self.deadline() {
                None => self.begun.notified().await,
                Some(deadline) if deadline <= Instant::now() => return,
                // Either way it is looked at again.
                Some(deadline) => drop(timeout_at(deadline, self.begun.notified()).await),
            }
        }
    }

    /// When to look again: a timer that every event moved would cost more than the event.
    fn deadline(&self) -> Option<Instant> {
        let state = self.lock();
        let StallTimeout(timeout) = state.timeout?;
        Some(state.since.unwrap_or_else(Instant::now) + timeout)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match &frame {
            Poll::Ready(Some(_)) => self.stall.lock().since = Some(Instant::now()),
            // Its last frame may still be on its way.
            Poll::Ready(None) => {}
            Poll::Pending => self.stall.is_served(),
        }
        frame
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
    use std::convert::Infallible;

    use axum::response::IntoResponse as _;
    use futures::stream;
    use tokio::time::sleep;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(5);

    fn watched(stall: &Arc<Stall>, body: Body) -> Watched {
        let mut response = body.into_response();
        response.extensions_mut().insert(StallTimeout(TIMEOUT));
        stall.watch(response).into_body()
    }

    async fn frame(body: &mut Watched) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *body).poll_frame(context))).await
    }

    async fn time_until_too_long(stall: &Stall) -> Duration {
        let began = Instant::now();
        stall.is_too_long().await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_gave_something_and_is_not_asked_again_stalls() {
        let stall = Arc::default();
        let mut body = watched(
            &stall,
            Body::from_stream(stream::repeat(Ok::<_, Infallible>("x"))),
        );
        for _ in 0..10 {
            sleep(TIMEOUT / 2).await;
            assert!(frame(&mut body).await.is_ready());
        }
        assert_eq!(time_until_too_long(&stall).await, TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_has_nothing_to_give_does_not_stall() {
        let stall = Arc::default();
        let mut body = watched(
            &stall,
            Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>()),
        );
        assert!(frame(&mut body).await.is_pending());
        let waited = tokio::time::timeout(TIMEOUT * 100, stall.is_too_long()).await;
        assert!(waited.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_never_asked_for_stalls_and_the_one_before_it_does_not_matter() {
        let stall = Arc::new(Stall::default());
        drop(stall.watch(Body::empty().into_response()));
        stall.is_served();
        sleep(TIMEOUT * 100).await;
        let body = watched(&stall, Body::empty());
        assert_eq!(time_until_too_long(&stall).await, TIMEOUT);
        drop(body);
    }
}
