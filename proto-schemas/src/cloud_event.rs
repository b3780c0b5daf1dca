//! The envelope of every stored message: a CloudEvents 1.0 event in structured JSON mode, on one line.
//!
//! Attributes follow the [CloudEvents specification][spec]; `expirytime` is its documented [extension][expiry]. Readers
//! ignore attributes they do not know, as the specification asks.
//!
//! [spec]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
//! [expiry]: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/expirytime.md

use std::{fmt, io};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::events::{DataError, Event};

const SPEC_VERSION: &str = "1.0";
const JSON: &str = "application/json";

/// An event with what every event has.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudEvent {
    /// Identity of the occurrence: the same whenever and by whomever it is computed.
    pub id: Uuid,
    /// URI reference of the service that wrote it, for example `/lastcall/scheduler`.
    pub source: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// When it stops mattering, if ever.
    pub expiry_time: Option<DateTime<Utc>>,
    /// What happened.
    pub event: Event,
}

/// Why bytes from the log are no event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or an attribute is missing or of the wrong form.
    #[error("the message is no CloudEvents 1.0 event in JSON")]
    Envelope(#[source] serde_json::Error),
    /// The envelope is fine, what it carries is not.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What is written.
#[derive(Serialize)]
struct Written<'a> {
    specversion: SpecVersion,
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    subject: String,
    time: Rfc3339,
    #[serde(skip_serializing_if = "Option::is_none")]
    expirytime: Option<Rfc3339>,
    datacontenttype: &'a str,
    data: &'a Event,
}

/// What is read: the attributes that readers use.
#[derive(Deserialize)]
struct Read<'a> {
    #[serde(rename = "specversion")]
    _specversion: SpecVersion,
    id: Uuid,
    source: String,
    #[serde(rename = "type")]
    type_name: String,
    time: Rfc3339,
    #[serde(default)]
    expirytime: Option<Rfc3339>,
    /// Read once its type is known.
    #[serde(borrow)]
    data: &'a RawValue,
}

impl CloudEvent {
    /// Writes the stored form: one line of JSON without line breaks, so that it is one `data:` line of an event stream.
    ///
    /// # Errors
    ///
    /// When the writer fails, or the event holds what the proto3 JSON mapping has no form for. Some of it may have been
    /// written by then.
    pub fn write_json(&self, writer: impl io::Write) -> Result<(), serde_json::Error> {
        let written = Written {
            specversion: SpecVersion,
            id: self.id,
            source: &self.source,
            type_name: self.event.type_name(),
            subject: self.event.aggregate(),
            time: Rfc3339(self.time),
            expirytime: self.expiry_time.map(Rfc3339),
            datacontenttype: JSON,
            data: &self.event,
        };
        serde_json::to_writer(writer, &written)
    }

    /// The stored form by itself.
    ///
    /// # Errors
    ///
    /// As [`CloudEvent::write_json`].
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = Vec::new();
        self.write_json(&mut json)?;
        Ok(json)
    }

    /// Reads the stored form.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DecodeError> {
        let read: Read<'_> = serde_json::from_slice(bytes).map_err(DecodeError::Envelope)?;
        Ok(Self {
            id: read.id,
            source: read.source,
            time: read.time.0,
            expiry_time: read.expirytime.map(|t| t.0),
            event: Event::from_data(&read.type_name, read.data)?,
        })
    }
}

struct SpecVersion;

impl Serialize for SpecVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SPEC_VERSION)
    }
}

impl<'de> Deserialize<'de> for SpecVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)? {
            version if version == SPEC_VERSION => Ok(Self),
            other => Err(D::Error::custom(format_args!(
                "specversion is {other:?}, not {SPEC_VERSION:?}"
            ))),
        }
    }
}

/// An instant in the `Z` form, with a fraction only where there is one.
struct Rfc3339(DateTime<Utc>);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::deserialize(deserializer).map(Self)
    }
}
