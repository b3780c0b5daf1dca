//! The stream behind the log: created when there is none, else compared with what is wanted and never changed.
//!
//! Several processes may start at once. Each offers a new epoch with its creation; the server takes the first and
//! refuses the others, and everybody reads the one that won back from the stream.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, ErrorCode};
use proto_schemas::Epoch;
use proto_schemas::subject::STREAM_SUBJECTS;
use uuid::Uuid;

use crate::error::{Cause, OpenError};
use crate::settings::Settings;

/// Where the stream carries its epoch.
const EPOCH_KEY: &str = "lastcall.epoch";

/// Hexadecimal digits of a new epoch: 48 random bits tell the logs of one installation apart.
const EPOCH_DIGITS: usize = 12;

/// A setting of the stream that is not as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name, as `nats stream info --json` shows it.
    pub setting: &'static str,
    /// What is configured or required.
    pub wanted: String,
    /// What the stream has.
    pub found: String,
}

/// What stands between the stream and the configuration.
#[derive(Debug, Default)]
struct Comparison {
    /// Promises would be broken in silence: the stream is refused.
    fatal: Vec<Difference>,
    /// Weaker or just other than configured: reported.
    tolerable: Vec<Difference>,
}

/// The stream as it was found or made.
pub(crate) struct Topology {
    pub(crate) epoch: Epoch,
    pub(crate) replicas: usize,
    pub(crate) retention: Option<Duration>,
    pub(crate) differences: Vec<Difference>,
}

impl Topology {
    /// Creates the stream, or verifies the one that is there.
    pub(crate) async fn establish(context: &Context, settings: &Settings) -> Result<Self, OpenError> {
        let info = find_or_create(context, wanted(settings)).await?;
        let Comparison { mut fatal, tolerable } = compare(settings, &info.config);
        let epoch = epoch_of(&info.config);
        match epoch {
            Some(epoch) if fatal.is_empty() => Ok(Self {
                epoch,
                replicas: info.config.num_replicas,
                retention: Some(info.config.max_age).filter(|age| !age.is_zero()),
                differences: tolerable,
            }),
            epoch => {
                if epoch.is_none() {
                    fatal.push(missing_epoch(&info.config));
                }
                Err(OpenError::Unsuitable {
                    stream: settings.stream.clone(),
                    differences: fatal,
                })
            }
        }
    }
}

/// The epoch that a stream carries, if it is a valid one.
pub(crate) fn epoch_of(config: &Config) -> Option<Epoch> {
    config
        .metadata
        .get(EPOCH_KEY)
        .and_then(|epoch| Epoch::new(epoch).ok())
}

/// The stream of that name as it is, created as wanted when there is none.
pub(crate) async fn find_or_create(context: &Context, wanted: Config) -> Result<Info, OpenError> {
    let name = wanted.name.clone();
    if let Some(found) = find(context, &name).await? {
        return Ok(found);
    }
    match context.create_stream(wanted).await {
        Ok(stream) => Ok(stream.cached_info().clone()),
        Err(error) => match error.kind() {
            // Somebody else was faster; theirs has the epoch.
            CreateStreamErrorKind::JetStream(refusal)
                if refusal.error_code() == ErrorCode::STREAM_NAME_EXIST =>
            {
                find(context, &name)
                    .await?
                    .ok_or_else(|| unavailable(&name, &refusal))
            }
            _ => Err(unavailable(&name, &error)),
        },
    }
}

async fn find(context: &Context, name: &str) -> Result<Option<Info>, OpenError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(refusal) if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(unavailable(name, &error)),
        },
    }
}

fn unavailable(stream: &str, error: &dyn fmt::Display) -> OpenError {
    OpenError::Stream {
        stream: stream.to_owned(),
        cause: Cause::of(error),
    }
}

fn wanted(settings: &Settings) -> Config {
    let epoch = Uuid::new_v4().simple().to_string()[..EPOCH_DIGITS].to_owned();
    Config {
        name: settings.stream.clone(),
        description: Some("Lastcall: everything that anybody is told, in order".to_owned()),
        subjects: STREAM_SUBJECTS.map(str::to_owned).to_vec(),
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        allow_direct: true,
        num_replicas: settings.replicas,
        max_age: settings.retention,
        duplicate_window: settings.duplicate_window,
        max_consumers: settings.max_consumers,
        max_message_size: message_size(settings),
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        metadata: [(EPOCH_KEY.to_owned(), epoch)].into(),
        ..Config::default()
    }
}

/// The server counts headers too: the message id takes about 70 bytes.
fn message_size(settings: &Settings) -> i32 {
    const HEADERS: usize = 1024;
    i32::try_from(settings.max_payload_bytes + HEADERS).unwrap_or(i32::MAX)
}

fn compare(settings: &Settings, found: &Config) -> Comparison {
    let wanted = wanted(settings);
    let mut comparison = Comparison::default();
    comparison.require(&wanted, found);
    comparison.expect(&wanted, found);
    comparison
}

impl Comparison {
    /// What the log cannot be without.
    fn require(&mut self, wanted: &Config, found: &Config) {
        let fatal = &mut self.fatal;
        for subject in STREAM_SUBJECTS {
            if !found.subjects.iter().any(|bound| bound == subject) {
                fatal.push(Difference::new(
                    "subjects",
                    subject,
                    &format!("[{}]", found.subjects.join(", ")),
                ));
            }
        }
        differ(fatal, "storage", &wanted.storage, &found.storage);
        differ(fatal, "retention", &wanted.retention, &found.retention);
        differ(fatal, "allow_direct", &wanted.allow_direct, &found.allow_direct);
        differ(fatal, "no_ack", &wanted.no_ack, &found.no_ack);
        differ(fatal, "sealed", &wanted.sealed, &found.sealed);
        differ(
            fatal,
            "max_msgs_per_subject",
            &wanted.max_messages_per_subject,
            &found.max_messages_per_subject,
        );
        differ(
            fatal,
            "discard_new_per_subject",
            &wanted.discard_new_per_subject,
            &found.discard_new_per_subject,
        );
        differ(fatal, "mirror", &false, &found.mirror.is_some());
        differ(
            fatal,
            "subject_transform",
            &false,
            &found.subject_transform.is_some(),
        );
    }

    /// What was configured, and works in another way too.
    fn expect(&mut self, wanted: &Config, found: &Config) {
        let tolerable = &mut self.tolerable;
        for subject in &found.subjects {
            if !wanted.subjects.contains(subject) {
                tolerable.push(Difference::new("subjects", "nothing else", subject));
            }
        }
        differ(
            tolerable,
            "num_replicas",
            &wanted.num_replicas,
            &found.num_replicas,
        );
        differ(tolerable, "max_age", &wanted.max_age, &found.max_age);
        differ(
            tolerable,
            "duplicate_window",
            &wanted.duplicate_window,
            &found.duplicate_window,
        );
        differ(
            tolerable,
            "max_consumers",
            &wanted.max_consumers,
            &found.max_consumers,
        );
        differ(
            tolerable,
            "max_msg_size",
            &wanted.max_message_size,
            &found.max_message_size,
        );
        differ(tolerable, "max_msgs", &wanted.max_messages, &found.max_messages);
        differ(tolerable, "max_bytes", &wanted.max_bytes, &found.max_bytes);
        differ(tolerable, "discard", &wanted.discard, &found.discard);
    }
}

impl Difference {
    fn new(setting: &'static str, wanted: &str, found: &str) -> Self {
        Self {
            setting,
            wanted: wanted.to_owned(),
            found: found.to_owned(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, wanted {}", self.setting, self.found, self.wanted)
    }
}

pub(crate) fn differ<T: PartialEq + fmt::Debug>(
    differences: &mut Vec<Difference>,
    setting: &'static str,
    wanted: &T,
    found: &T,
) {
    if wanted != found {
        differences.push(Difference::new(
            setting,
            &format!("{wanted:?}"),
            &format!("{found:?}"),
        ));
    }
}

fn missing_epoch(config: &Config) -> Difference {
    let found = config.metadata.get(EPOCH_KEY).map_or("nothing", String::as_str);
    Difference::new(
        "metadata lastcall.epoch",
        "a short text of 0-9 a-z that no other log has",
        found,
    )
}
