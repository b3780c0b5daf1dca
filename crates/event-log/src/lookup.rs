//! Single messages, asked of the leader: a replica may not have them yet.

use async_nats::connection::State;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use proto_schemas::Recipient;

use crate::EventLog;
use crate::error::{Cause, ReadError};
use crate::replay::found_or_none;
use crate::stored::Stored;

impl EventLog {
    /// The last message for a recipient, if the log has any.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or there is no connection to it.
    pub async fn last_of(&self, recipient: &Recipient) -> Result<Option<Stored>, ReadError> {
        self.require_connection_to_read()?;
        let subject = recipient.subject();
        match self
            .leader()
            .await?
            .get_last_raw_message_by_subject(&subject)
            .await
        {
            Ok(message) => Ok(Some(stored(message))),
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(error) => Err(ReadError::Refused(Cause::of(&error))),
        }
    }

    /// The message with a sequence, if the log still has it.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or there is no connection to it.
    pub async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        self.require_connection_to_read()?;
        let found = self.leader().await?.get_raw_message(sequence).await;
        Ok(found_or_none(found)?.map(stored))
    }

    /// The client library would wait for a connection until the time is up.
    fn require_connection_to_read(&self) -> Result<(), ReadError> {
        match self.inner.client.connection_state() {
            State::Connected => Ok(()),
            State::Pending | State::Disconnected => {
                Err(ReadError::Refused(Cause::of(&"there is no connection to it")))
            }
        }
    }
}

fn stored(message: StreamMessage) -> Stored {
    let nanoseconds = message.time.unix_timestamp_nanos();
    Stored::new(message.sequence, &message.subject, nanoseconds, message.payload)
}
