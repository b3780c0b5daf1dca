//! From stored messages to what they say. Pure.

use domain::entry::Entry;
use domain::inbox::Target;
use event_log::Stored;
use proto_schemas::{Recipient, UserId};
use service_kit::telemetry::chain;
use store::projection::{Logged, ProjectedBatch, SetAside};
use store::rebuild::Maker;

/// What the messages say.
pub(crate) fn read(messages: &[Stored]) -> ProjectedBatch {
    let mut batch = ProjectedBatch::default();
    for message in messages {
        match logged(message) {
            Ok(logged) => batch.entries.push(logged),
            Err(reason) => batch.set_aside.push(aside(message, reason)),
        }
    }
    batch
}

/// The same; what a database would refuse is set aside already. Where all rows are sent at once, the one that is refused
/// would take the others with it.
pub(crate) fn read_for(maker: Maker, messages: &[Stored]) -> ProjectedBatch {
    let mut batch = read(messages);
    let mut refused = Vec::new();
    batch.entries.retain(|logged| match maker.refuses(logged) {
        Some(reason) => {
            refused.push((logged.sequence, reason));
            false
        }
        None => true,
    });
    for (sequence, reason) in refused {
        if let Ok(at) = messages.binary_search_by_key(&sequence, |message| message.sequence) {
            batch.set_aside.push(aside(&messages[at], reason.to_owned()));
        }
    }
    batch
}

/// A batch that sets one message aside.
pub(crate) fn set_aside(message: &Stored, reason: String) -> ProjectedBatch {
    ProjectedBatch {
        set_aside: vec![aside(message, reason)],
        ..ProjectedBatch::default()
    }
}

fn logged(message: &Stored) -> Result<Logged, String> {
    let recipient = message.recipient().map_err(|error| chain(&error))?;
    let entry = Entry::from_stored(&message.payload).map_err(|error| chain(&error))?;
    check(message.sequence, &recipient, &entry)?;
    Ok(Logged {
        sequence: message.sequence,
        stored_at: message.stored_at,
        recipient,
        entry,
    })
}

/// What an event says of itself must agree with where it is stored, which alone was authorised.
fn check(sequence: u64, recipient: &Recipient, entry: &Entry) -> Result<(), String> {
    match entry {
        Entry::Told(_) => Ok(()),
        Entry::PreferencesChanged { user, .. } => in_subject_of(user, recipient),
        Entry::StateChanged(change) => {
            in_subject_of(&change.user, recipient)?;
            match change.target {
                // It would also reach what comes later, and only where that is in the tables already.
                Target::UpTo(last) if last > sequence => Err(format!(
                    "upTo is {last}, beyond the event's own sequence {sequence}"
                )),
                _ => Ok(()),
            }
        }
    }
}

fn in_subject_of(user: &UserId, recipient: &Recipient) -> Result<(), String> {
    match recipient {
        Recipient::User(subject) if subject == user => Ok(()),
        _ => Err(format!(
            "the event is by {:?}, and stored under somebody else's subject",
            user.as_str()
        )),
    }
}

fn aside(message: &Stored, reason: String) -> SetAside {
    SetAside {
        sequence: message.sequence,
        subject: message.subject.to_string(),
        payload: message.payload.to_vec(),
        reason,
    }
}
