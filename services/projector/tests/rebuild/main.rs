//! Rebuilding the tables from a real log, beside a projector, on both engines.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod beside;
mod forgotten;
mod mended;
mod messages;
mod past;
mod setting;
