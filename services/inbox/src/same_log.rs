use std::time::Duration;

use event_log::{EventLog, ReadError, Replaced};
use tokio_util::sync::CancellationToken;

/// Between two looks.
const POLL: Duration = Duration::from_secs(5);

/// Fails once the log is another than when it was opened. Such an inbox would refuse every change for ever: places that it
/// names are places in the old log. One that is started anew knows the new one.
pub async fn while_the_log_is_the_same(log: EventLog, shutdown: CancellationToken) -> Result<(), Replaced> {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(POLL) => {}
        }
        if let Err(ReadError::Replaced(replaced)) = log.bounds().await {
            return Err(replaced);
        }
    }
}
