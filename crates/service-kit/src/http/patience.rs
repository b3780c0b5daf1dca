//! How long clients may keep us waiting: for the head of a request, for the next request, for taking an answer.
//!
//! The last is the hardest to see. The server asks an answer's body for more whenever it has room, and only then: a body
//! that gave something and is not asked again belongs to a client that does not read. Nobody would notice, since nothing is
//! written and nothing fails. So the body notes when it gave and when it was asked in vain, and whoever serves the answer
//! waits beside it for the time to be up.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A client that has not sent its whole head by then is cut off: it would hold a task and a socket for nothing.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept on which nobody asks for anything. Proxies keep theirs for 60 s, and must be the ones that
/// close: a request that meets a connection in the moment of its end is lost, and one that changes something is not repeated.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// In the extensions of an answer: for how long its client may take nothing of it before it is cut off, where that is to be
/// another time than a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StallTimeout(pub Duration);

impl Default for StallTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(60))
    }
}

/// What is waited for on a connection whose requests follow each other, or for one answer.
pub(super) struct Patience {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

/// What a client is to do, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// Nothing: it is our turn.
    Ours,
    /// To ask for something.
    Request { since: Instant },
    /// To send the rest of a head.
    Head { since: Instant },
    /// To take what the answer gave, if that is not done.
    Answer {
        timeout: StallTimeout,
        given: Option<Instant>,
    },
}

/// What a client has not done in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    Request,
    Head,
    Answer,
}

/// The body of an answer that is watched.
pub(super) struct Watched {
    body: Body,
    patience: Arc<Patience>,
}

impl Patience {
    /// With a client that has just come, and is to ask for something at once.
    pub(super) fn with_newcomer() -> Arc<Self> {
        Self::waiting_for(Waiting::Head {
            since: Instant::now(),
        })
    }

    /// With a client that has asked for something.
    pub(super) fn with_asker() -> Arc<Self> {
        Self::waiting_for(Waiting::Ours)
    }

    fn waiting_for(waiting: Waiting) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(waiting),
            changed: Notify::new(),
        })
    }

    /// Something was read.
    pub(super) fn heard(&self) {
        let mut waiting = self.lock();
        if let Waiting::Request { .. } = *waiting {
            *waiting = Waiting::Head {
                since: Instant::now(),
            };
            self.changed.notify_one();
        }
    }

    /// A request is whole, and to be answered.
    pub(super) fn asked(&self) {
        *self.lock() = Waiting::Ours;
    }

    /// Watches this answer from now on.
    pub(super) fn watch(self: &Arc<Self>, mut response: Response) -> Response<Watched> {
        *self.lock() = Waiting::Answer {
            timeout: response.extensions_mut().remove().unwrap_or_default(),
            given: Some(Instant::now()),
        };
        self.changed.notify_one();
        response.map(|body| Watched {
            body,
            patience: Arc::clone(self),
        })
    }

    /// Waits until the client is late.
    pub(super) async fn ends(&self) -> Overdue {
        loop {
            match self.deadline() {
                None => self.changed.notified().await,
                Some((deadline, overdue)) if deadline <= Instant::now() => return overdue,
                // Either way it is looked at again.
                Some((deadline, _)) => drop(timeout_at(deadline, self.changed.notified()).await),
            }
        }
    }

    /// When to look again. It may be too early: a timer that every event moved would cost more than the event.
    fn deadline(&self) -> Option<(Instant, Overdue)> {
        match *self.lock() {
            Waiting::Ours => None,
            Waiting::Request { since } => Some((since + IDLE_TIMEOUT, Overdue::Request)),
            Waiting::Head { since } => Some((since + HEAD_TIMEOUT, Overdue::Head)),
            Waiting::Answer { timeout, given } => {
                let since = given.unwrap_or_else(Instant::now);
                Some((since + timeout.0, Overdue::Answer))
            }
        }
    }

    /// Notes when the answer gave something, or that there is room for more than it has.
    fn note(&self, now_given: Option<Instant>) {
        if let Waiting::Answer { given, .. } = &mut *self.lock() {
            *given = now_given;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    /// The whole answer was given.
    fn drop(&mut self) {
        *self.patience.lock() = Waiting::Request {
            since: Instant::now(),
        };
        self.patience.changed.notify_one();
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
            Poll::Ready(Some(_)) => self.patience.note(Some(Instant::now())),
            // Its last frame may still be on its way.
            Poll::Ready(None) => {}
            Poll::Pending => self.patience.note(None),
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

    fn watched(patience: &Arc<Patience>, body: Body) -> Watched {
        let mut response = body.into_response();
        response.extensions_mut().insert(StallTimeout(TIMEOUT));
        patience.watch(response).into_body()
    }

    async fn frame(body: &mut Watched) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *body).poll_frame(context))).await
    }

    async fn end(patience: &Patience) -> (Overdue, Duration) {
        let began = Instant::now();
        (patience.ends().await, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_gave_something_and_is_not_asked_again_is_not_taken() {
        let patience = Patience::with_asker();
        let mut body = watched(
            &patience,
            Body::from_stream(stream::repeat(Ok::<_, Infallible>("x"))),
        );
        for _ in 0..10 {
            sleep(TIMEOUT / 2).await;
            assert!(frame(&mut body).await.is_ready());
        }
        assert_eq!(end(&patience).await, (Overdue::Answer, TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_has_nothing_to_give_is_waited_for() {
        let patience = Patience::with_asker();
        let mut body = watched(
            &patience,
            Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>()),
        );
        assert!(frame(&mut body).await.is_pending());
        let waited = tokio::time::timeout(TIMEOUT * 100, patience.ends()).await;
        assert!(waited.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_never_asked_for_is_not_taken() {
        let patience = Patience::with_asker();
        let body = watched(&patience, Body::empty());
        assert_eq!(end(&patience).await, (Overdue::Answer, TIMEOUT));
        drop(body);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_less_time_than_a_pause_and_a_handler_has_as_much_as_it_needs() {
        let patience = Patience::with_newcomer();
        assert_eq!(end(&patience).await, (Overdue::Head, HEAD_TIMEOUT));
        patience.asked();
        let waited = tokio::time::timeout(IDLE_TIMEOUT * 10, patience.ends()).await;
        assert!(waited.is_err());
        drop(watched(&patience, Body::empty()));
        let (pause, ()) = tokio::join!(end(&patience), async {
            sleep(IDLE_TIMEOUT / 2).await;
            patience.heard();
            sleep(HEAD_TIMEOUT / 2).await;
            patience.heard();
        });
        assert_eq!(pause, (Overdue::Head, IDLE_TIMEOUT / 2 + HEAD_TIMEOUT));
        drop(watched(&patience, Body::empty()));
        assert_eq!(end(&patience).await, (Overdue::Request, IDLE_TIMEOUT));
    }
}
