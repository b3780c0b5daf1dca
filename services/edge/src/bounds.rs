//! What the log still holds, asked once for all who need to know at the same time.

use event_log::{Bounds, EventLog, ReadError};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The latest answer, and when it was asked for.
#[derive(Default)]
pub(crate) struct SharedBounds(Mutex<Option<(Instant, Bounds)>>);

impl SharedBounds {
    /// The bounds as they were at `instant` or later. In a storm of replays one request serves everybody whose own
    /// moment had come when it was sent; the lock is held over the request so that the others wait for it.
    pub(crate) async fn not_before(&self, log: &EventLog, instant: Instant) -> Result<Bounds, ReadError> {
        let mut latest = self.0.lock().await;
        if let Some((asked, bounds)) = *latest
            && asked >= instant
        {
            return Ok(bounds);
        }
        let asked = Instant::now();
        let bounds = log.bounds().await?;
        *latest = Some((asked, bounds));
        Ok(bounds)
    }
}
