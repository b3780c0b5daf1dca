//! The published language of Lastcall: what is written to the log and how it is named. No IO.
//!
//! - [`events`]: one type for each kind of event, generated from the `.proto` files beside this crate.
//! - [`cloud_event`]: the envelope around them, one line of JSON for each stored message.
//! - [`subject`]: who a message is for, as a NATS subject.
//! - [`cursor`]: a position in the log, as clients carry it.

pub mod cloud_event;
pub mod cursor;
pub mod events;
pub mod subject;

pub use cloud_event::CloudEvent;
pub use cursor::{Cursor, Epoch};
pub use events::Event;
pub use subject::{Recipient, UserId};
