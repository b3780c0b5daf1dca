//! People, and tokens that the edges believe. Made here: a command for each would take a minute for all of them.

use chrono::TimeDelta;
use proto_schemas::{Recipient, UserId};
use service_kit::auth::{Settings, TokenIssuer};
use service_kit::secret::Secret;

pub(crate) const KEY: &str = "a key of the tests with more than 32 bytes";

/// Longer than any run.
const LIFETIME: TimeDelta = TimeDelta::days(1);

/// A person with an id that has to be written otherwise in a subject.
pub(crate) fn person(number: usize) -> Recipient {
    let id = UserId::new(format!("person {number}@shop")).expect("a user id");
    Recipient::User(id)
}

pub(crate) fn issuer() -> TokenIssuer {
    let settings = Settings {
        hs256_key: Some(Secret::new(KEY)),
        ..Settings::default()
    };
    TokenIssuer::new(&settings).expect("a key")
}

pub(crate) fn token(issuer: &TokenIssuer, recipient: &Recipient) -> String {
    let Recipient::User(user) = recipient else {
        panic!("nobody is everybody");
    };
    issuer.issue(user, LIFETIME).expect("a token")
}
