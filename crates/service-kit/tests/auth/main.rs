//! Tokens of public keys, checked with key sets that a real server or a real file holds.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

mod faults;
mod forgery;
mod issuer;
mod keys;
mod process;
mod refused_settings;
mod rotation;
mod signing_key;
