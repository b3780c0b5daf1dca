//! The bytes that go down a stream: blocks of the [event stream format][spec], each ending with an empty line.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use event_log::Stored;
use proto_schemas::{Cursor, Epoch};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::block::{Block, Draft};

/// What an id and the names of fields take at most, beside what differs from block to block.
const FIELDS: usize = 160;

/// Why a stored message cannot go to anybody: none of our services writes such messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unservable {
    #[error("its payload is empty")]
    Empty,
    #[error("its payload is not UTF-8, which an event stream has to be")]
    NotText,
}

/// What a client is told when it cannot get what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Gap {
    pub(crate) reason: Reason,
    /// What it asked for.
    #[schema(example = "k3v9x2ma.12")]
    pub(crate) requested: String,
    /// After which it goes on.
    #[schema(value_type = String, example = "k3v9x2ma.1024")]
    pub(crate) resumed_from: Cursor,
}

/// Why there is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The log has deleted what came next, by age.
    Expired,
    /// The log was replaced since.
    EpochChanged,
    /// The log does not reach that far: it lost its last messages, or never had them.
    AheadOfLog,
}

impl Reason {
    pub(crate) const ALL: [Self; 3] = [Self::Expired, Self::EpochChanged, Self::AheadOfLog];

    /// As clients are told.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::EpochChanged => "epoch_changed",
            Self::AheadOfLog => "ahead_of_log",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// As what a client gets heartbeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Heartbeat {
    /// Whoever reads the bytes sees it; nobody has to do anything about it.
    #[default]
    Comment,
    /// A browser tells its page of nothing else, so that only this way a page can see that a stream has died.
    Event,
}

/// What a client reads out of a block with an event: its id and its data.
pub(crate) fn message(block: &Block) -> (String, String) {
    let text = block.text();
    let (mut id, mut data) = (String::new(), None::<String>);
    for line in std::str::from_utf8(&text).unwrap_or_default().lines() {
        if let Some(value) = line.strip_prefix("id: ") {
            value.clone_into(&mut id);
        } else if let Some(value) = line.strip_prefix("data: ") {
            match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            }
        }
    }
    (id, data.unwrap_or_default())
}

/// The block of a stored message; the same bytes for everybody who gets it.
pub(crate) fn event(epoch: &Epoch, stored: &Stored) -> Result<Block, Unservable> {
    if stored.payload.is_empty() {
        return Err(Unservable::Empty);
    }
    let payload = std::str::from_utf8(&stored.payload).map_err(|_| Unservable::NotText)?;
    let mut draft = Draft::with_capacity(payload.len() + 64);
    let block = draft.text();
    push_data(block, payload);
    push_id(block, epoch, stored.sequence);
    block.push('\n');
    Ok(draft.finish())
}

/// The first bytes of a stream: when to come back, and where it stands. Such a block dispatches no event and still moves
/// the client's last event id, so even a client that is cut off before its first event comes back with a position.
pub(crate) fn opening(retry: Duration, epoch: &Epoch, position: u64) -> Block {
    let mut draft = Draft::with_capacity(FIELDS);
    let block = draft.text();
    push_retry(block, retry);
    push_id(block, epoch, position);
    block.push('\n');
    draft.finish()
}

/// The first bytes of a stream that begins with a gap. One block: were the new position in a block of its own, a client
/// that is cut off in between would never hear of the gap.
pub(crate) fn opening_with_gap(retry: Duration, gap: &Gap) -> Block {
    let mut draft = Draft::with_capacity(FIELDS);
    push_retry(draft.text(), retry);
    push_gap(draft.text(), gap);
    draft.finish()
}

/// A gap in the middle of a stream.
pub(crate) fn gap(gap: &Gap) -> Block {
    let mut draft = Draft::with_capacity(FIELDS);
    push_gap(draft.text(), gap);
    draft.finish()
}

/// Keeps the connection alive and the position of a quiet client fresh.
pub(crate) fn heartbeat(as_what: Heartbeat, epoch: &Epoch, position: u64) -> Block {
    let mut draft = Draft::with_capacity(FIELDS);
    let block = draft.text();
    block.push_str(match as_what {
        Heartbeat::Comment => ": heartbeat\n",
        // Without data it would be dispatched to nobody; the data is empty.
        Heartbeat::Event => "event: heartbeat\ndata:\n",
    });
    push_id(block, epoch, position);
    block.push('\n');
    draft.finish()
}

/// That the token ends then, and the stream with it. Everything up to the position was sent, so its id may be, too: a client
/// that keeps the id of each event loses nothing by keeping this one.
pub(crate) fn reauth(epoch: &Epoch, position: u64, expires_at: DateTime<Utc>) -> Block {
    let mut draft = Draft::with_capacity(FIELDS);
    let block = draft.text();
    block.push_str("event: reauth\n");
    let expires_at = expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    push_data(block, &format!("{{\"expires_at\":\"{expires_at}\"}}"));
    push_id(block, epoch, position);
    block.push('\n');
    draft.finish()
}

/// All that a client gets when it cannot be served now.
pub(crate) fn come_back(retry: Duration) -> Block {
    let mut draft = Draft::with_capacity(FIELDS);
    push_retry(draft.text(), retry);
    draft.text().push('\n');
    draft.finish()
}

fn push_retry(block: &mut String, retry: Duration) {
    // Writing to a String cannot fail.
    let _ = writeln!(block, "retry: {}", retry.as_millis());
}

/// The last line of a block: some clients take an id before its block is whole, and when the connection breaks in the middle
/// they would ask for what comes after an event that they never got.
fn push_id(block: &mut String, epoch: &Epoch, sequence: u64) {
    let _ = writeln!(block, "id: {epoch}.{sequence}");
}

fn push_gap(block: &mut String, gap: &Gap) {
    block.push_str("event: gap\n");
    // Strings and a unit enum: nothing here can fail to be JSON.
    push_data(block, &serde_json::to_string(gap).unwrap_or_default());
    push_id(block, &gap.resumed_from.epoch, gap.resumed_from.sequence);
    block.push('\n');
}

/// A line break inside a `data:` line would end it, and what follows would be read as fields: an event could forge
/// others. All three kinds count ("lines must be separated by either a CRLF pair, a single LF or a single CR").
fn push_data(block: &mut String, data: &str) {
    let mut rest = data;
    loop {
        block.push_str("data: ");
        let Some(at) = rest.find(['\n', '\r']) else {
            block.push_str(rest);
            block.push('\n');
            return;
        };
        block.push_str(&rest[..at]);
        block.push('\n');
        let skipped = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + skipped..];
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn stored(payload: &[u8]) -> Stored {
        Stored {
            sequence: 7,
            subject: "evt.all".into(),
            stored_at: DateTime::UNIX_EPOCH,
            payload: Bytes::copy_from_slice(payload),
        }
    }

    fn epoch() -> Epoch {
        Epoch::new("k3v9x2ma").unwrap()
    }

    #[test]
    fn an_event_is_its_id_and_its_data() {
        let block = event(&epoch(), &stored(br#"{"id":"x"}"#)).unwrap().text();
        assert_eq!(block, "data: {\"id\":\"x\"}\nid: k3v9x2ma.7\n\n");
    }

    #[test]
    fn line_breaks_in_a_payload_cannot_forge_fields() {
        let block = event(&epoch(), &stored(b"a\nid: 9\r\nb\rc\n")).unwrap().text();
        assert_eq!(
            block,
            "data: a\ndata: id: 9\ndata: b\ndata: c\ndata: \nid: k3v9x2ma.7\n\n"
        );
    }

    #[test]
    fn a_block_is_read_as_a_client_does() {
        for (payload, data) in [
            (&b"{\"id\":\"x\"}"[..], "{\"id\":\"x\"}"),
            (b"a\nid: 9\r\nb\rc\n", "a\nid: 9\nb\nc\n"),
            (b" a ", " a "),
        ] {
            let block = event(&epoch(), &stored(payload)).unwrap();
            assert_eq!(message(&block), ("k3v9x2ma.7".to_owned(), data.to_owned()));
        }
    }

    #[test]
    fn what_no_stream_can_carry_is_refused() {
        assert_eq!(event(&epoch(), &stored(b"")), Err(Unservable::Empty));
        assert_eq!(event(&epoch(), &stored(b"\xff")), Err(Unservable::NotText));
    }

    #[test]
    fn the_other_blocks_are_byte_for_byte_as_documented() {
        let retry = Duration::from_millis(2_345);
        assert_eq!(
            opening(retry, &epoch(), 12).text(),
            "retry: 2345\nid: k3v9x2ma.12\n\n"
        );
        assert_eq!(
            heartbeat(Heartbeat::Comment, &epoch(), 12).text(),
            ": heartbeat\nid: k3v9x2ma.12\n\n"
        );
        assert_eq!(
            heartbeat(Heartbeat::Event, &epoch(), 12).text(),
            "event: heartbeat\ndata:\nid: k3v9x2ma.12\n\n"
        );
        let expires_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(
            reauth(&epoch(), 12, expires_at).text(),
            "event: reauth\ndata: {\"expires_at\":\"2027-01-15T08:00:00Z\"}\nid: k3v9x2ma.12\n\n"
        );
        assert_eq!(come_back(retry).text(), "retry: 2345\n\n");
        let missed = Gap {
            reason: Reason::EpochChanged,
            requested: "a.5".to_owned(),
            resumed_from: epoch().at(12),
        };
        let told = concat!(
            "event: gap\ndata: {\"reason\":\"epoch_changed\",",
            "\"requested\":\"a.5\",\"resumed_from\":\"k3v9x2ma.12\"}\nid: k3v9x2ma.12\n\n"
        );
        assert_eq!(gap(&missed).text(), told);
        assert_eq!(
            opening_with_gap(retry, &missed).text(),
            format!("retry: 2345\n{told}")
        );
    }
}
