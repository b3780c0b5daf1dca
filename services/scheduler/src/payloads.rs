//! The stored form of many events, in few blocks of memory.

use bytes::{Bytes, BytesMut};
use proto_schemas::CloudEvent;

/// About what one event takes.
const EVENT_BYTES: usize = 768;

/// Where the events of a page are written, one after another: thousands of blocks of memory fewer for the allocator, and
/// none larger than its event.
pub(crate) struct Payloads {
    /// One event while it is written; its parts are added faster here than there.
    one: Vec<u8>,
    all: BytesMut,
}

impl Payloads {
    /// For about so many events.
    pub(crate) fn for_events(count: usize) -> Self {
        Self {
            one: Vec::with_capacity(EVENT_BYTES),
            all: BytesMut::with_capacity(count * EVENT_BYTES),
        }
    }

    /// The stored form of one event.
    pub(crate) fn write(&mut self, event: &CloudEvent) -> Result<Bytes, serde_json::Error> {
        self.one.clear();
        event.write_json(&mut self.one)?;
        self.all.extend_from_slice(&self.one);
        Ok(self.all.split().freeze())
    }
}
