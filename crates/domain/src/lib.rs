//! The rules of Lastcall, pure: no async, no clock, no IO.
//!
//! - [`catalogue`]: the shop's and the site's rows, with [`money`] and [`reminder`] times.
//! - [`schedule`]: cron in a time zone; [`misfire`]: what becomes of the instants nobody was there for; [`due`]: which
//!   rows a run is about.
//! - [`notice`]: from such a row to the event it calls for, with its identity ([`occurrence`]) and its [`words`].
//! - [`settlement`]: what becomes of a funding at its deadline.
//! - [`entry`]: what a message of the log is to an inbox: a [`notification`], something that a person did with theirs
//!   ([`inbox`]), or what they want to be alerted of ([`preferences`]).

pub mod catalogue;
pub mod due;
pub mod entry;
pub mod inbox;
pub mod misfire;
pub mod money;
pub mod notice;
pub mod notification;
pub mod occurrence;
pub mod preferences;
pub mod reminder;
pub mod schedule;
pub mod settlement;
pub mod words;
