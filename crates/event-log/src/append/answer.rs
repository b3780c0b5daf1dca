//! What the server answers to a message that was to be stored.

use std::borrow::Cow;

use async_nats::{Message, StatusCode};
use serde::Deserialize;

use crate::error::Cause;

/// Statuses for "not now": too much at once; no leader, overloaded or starting, or nobody who stores the subject.
const PASSING_CODES: [u16; 2] = [429, 503];

/// "duplicate message id is in process": an earlier copy is on its way to the other servers of the cluster. Asked again,
/// the server knows whether it got there.
const IN_PROCESS: u32 = 10_158;

/// Refusals of one message for what it is: "message size exceeds maximum allowed" and "header size exceeds maximum
/// allowed". All other errors that a stream may answer to ours (account limits 10002, sealed 10109, …) hold for any
/// message. The list is nats-server's `server/errors.json`.
const OF_ONE_RECORD: [u32; 2] = [10_054, 10_097];

/// An answer, as far as an append goes by it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Stored,
    /// It had been stored before.
    Duplicate,
    /// The same message may be answered otherwise in a moment.
    Passing(Cause),
    Final(Refusal),
}

/// An answer that no repetition changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Of this record, for what it is.
    Record(Cause),
    /// Of any record.
    Log(Cause),
    /// A stream of that name has stored it, which is not the log.
    OtherStream(String),
}

/// The fields that are gone by; the server sends more of them where it is one of many.
#[derive(Deserialize)]
struct Ack<'a> {
    #[serde(borrow, default)]
    stream: Cow<'a, str>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
struct Error<'a> {
    code: u16,
    #[serde(default)]
    err_code: u32,
    #[serde(borrow, default)]
    description: Cow<'a, str>,
}

impl Answer {
    /// Reads the answer to a message that the stream `expected` was to store.
    pub(crate) fn read(message: &Message, expected: &str) -> Self {
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Self::Passing(Cause::of(
                &"nobody answers for the subject: the stream is gone, or has no leader for the moment",
            ));
        }
        // A status beside a payload repeats what the payload says.
        match serde_json::from_slice(&message.payload) {
            Ok(Ack {
                error: Some(error), ..
            }) => error.into(),
            Ok(Ack { stream, seq, .. }) if seq > 0 && stream != expected => {
                Self::Final(Refusal::OtherStream(stream.into_owned()))
            }
            Ok(Ack { seq, duplicate, .. }) if seq > 0 => {
                if duplicate {
                    Self::Duplicate
                } else {
                    Self::Stored
                }
            }
            Ok(_) => Self::Passing(Cause::of(&"an answer that is no ack")),
            Err(error) => Self::Passing(Cause::of(&format_args!("an answer that is no ack: {error}"))),
        }
    }
}

impl From<Error<'_>> for Answer {
    fn from(error: Error<'_>) -> Self {
        let Error {
            code,
            err_code,
            description,
        } = error;
        let cause = Cause::of(&format_args!("{description} (error {err_code})"));
        if PASSING_CODES.contains(&code) || err_code == IN_PROCESS {
            Self::Passing(cause)
        } else if OF_ONE_RECORD.contains(&err_code) {
            Self::Final(Refusal::Record(cause))
        } else {
            Self::Final(Refusal::Log(cause))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: Option<u16>, payload: &'static str) -> Answer {
        let message = Message {
            subject: "inbox.1.2".into(),
            reply: None,
            payload: payload.into(),
            headers: None,
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            description: None,
            length: 0,
        };
        Answer::read(&message, "EVENTS")
    }

    fn error(code: u16, err_code: u32) -> Answer {
        let payload = format!(
            r#"{{"error":{{"code":{code},"err_code":{err_code},"description":"why"}},"stream":"EVENTS","seq":0}}"#
        );
        read(None, payload.leak())
    }

    #[test]
    fn acks_are_read_as_the_server_writes_them() {
        assert_eq!(read(None, r#"{"stream":"EVENTS", "seq":17}"#), Answer::Stored);
        assert_eq!(
            read(
                None,
                r#"{"stream":"EVENTS","domain":"hub","seq":17,"duplicate": true}"#
            ),
            Answer::Duplicate
        );
        assert_eq!(
            read(None, r#"{"stream":"MINE", "seq":17}"#),
            Answer::Final(Refusal::OtherStream("MINE".to_owned()))
        );
    }

    #[test]
    fn only_a_record_that_is_refused_for_what_it_is_is_refused_alone() {
        for one in [10_054, 10_097] {
            assert!(
                matches!(error(400, one), Answer::Final(Refusal::Record(_))),
                "{one}"
            );
        }
        // Account limits; sealed; another expectation; anything that a later server thinks of.
        for every in [10_002, 10_109, 10_071, 19_999] {
            assert!(
                matches!(error(400, every), Answer::Final(Refusal::Log(_))),
                "{every}"
            );
        }
    }

    #[test]
    fn what_may_be_answered_otherwise_in_a_moment_is_no_refusal() {
        for (code, err_code) in [
            (503, 10_008),
            (503, 10_077),
            (503, 10_023),
            (429, 10_167),
            (409, 10_158),
        ] {
            assert!(matches!(error(code, err_code), Answer::Passing(_)), "{err_code}");
        }
        let busy = r#"{"error":{"code":429,"err_code":10167,"description":"too many requests"},"stream":"EVENTS","seq":0}"#;
        for (status, payload) in [
            (Some(503), ""),
            (Some(429), busy),
            (None, ""),
            (None, "+OK"),
            (None, "{}"),
        ] {
            assert!(
                matches!(read(status, payload), Answer::Passing(_)),
                "{status:?} {payload:?}"
            );
        }
    }
}
