//! From stored messages to rows. Pure.

use domain::notification::Notification;
use event_log::Stored;
use proto_schemas::Recipient;
use service_kit::telemetry::chain;
use store::projection::{ProjectedBatch, SetAside};

/// What the messages make of the tables.
pub(crate) fn read(messages: &[Stored]) -> ProjectedBatch {
    let mut batch = ProjectedBatch::default();
    for message in messages {
        if let Err(reason) = add(&mut batch, message) {
            batch.set_aside.push(aside(message, reason));
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

fn add(batch: &mut ProjectedBatch, message: &Stored) -> Result<(), String> {
    let recipient = message.recipient().map_err(|error| chain(&error))?;
    let notification = Notification::from_stored(&message.payload).map_err(|error| chain(&error))?;
    match recipient {
        Recipient::User(user) => batch.notifications.push((user, message.sequence, notification)),
        Recipient::Everybody => batch.announcements.push((message.sequence, notification)),
    }
    Ok(())
}

fn aside(message: &Stored, reason: String) -> SetAside {
    SetAside {
        sequence: message.sequence,
        subject: message.subject.to_string(),
        payload: message.payload.to_vec(),
        reason,
    }
}
