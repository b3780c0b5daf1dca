//! Whatever is built parses back, and whatever is malformed is refused.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use proto_schemas::cursor::MAX_BYTES;
use proto_schemas::subject::MAX_TOKEN_BYTES;
use proto_schemas::{Cursor, Epoch, Recipient, UserId};

proptest! {
    #[test]
    fn any_user_id_is_one_token_that_parses_back(id in "\\PC{1,12}|[\\x00-\\x7f]{1,40}") {
        let user = UserId::new(id.as_str()).unwrap();
        let recipient = Recipient::User(user);
        let subject = recipient.subject();
        let token = subject.strip_prefix("evt.user.").unwrap();
        prop_assert!(token.len() <= MAX_TOKEN_BYTES);
        prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'%')));
        prop_assert_eq!(Recipient::from_subject(&subject), Ok(recipient));
    }

    #[test]
    fn two_users_never_share_a_subject(one in "\\PC{1,12}", other in "\\PC{1,12}") {
        let subject = |id: &str| Recipient::User(UserId::new(id).unwrap()).subject();
        prop_assert_eq!(one == other, subject(&one) == subject(&other));
    }

    #[test]
    fn a_subject_that_parses_is_the_one_that_would_be_written(subject in "evt\\.(user|all)?\\.?[A-Za-z0-9%._*> -]{0,20}") {
        if let Ok(recipient) = Recipient::from_subject(&subject) {
            prop_assert_eq!(recipient.subject(), subject);
        }
    }

    #[test]
    fn a_user_id_beyond_the_bound_is_refused(id in "[a-z]{129,300}|[가-힣]{15,40}") {
        prop_assert!(UserId::new(id).is_err());
    }

    #[test]
    fn any_cursor_parses_back(epoch in "[0-9a-z]{1,64}", sequence: u64) {
        let cursor = Epoch::new(&epoch).unwrap().at(sequence);
        let text = cursor.to_string();
        prop_assert!(text.len() <= MAX_BYTES);
        prop_assert_eq!(text.parse::<Cursor>(), Ok(cursor));
    }

    #[test]
    fn a_cursor_that_parses_is_the_one_that_would_be_written(text in "[0-9a-z]{0,4}\\.?[0-9+-]{0,22}|\\PC{0,140}") {
        if let Ok(cursor) = text.parse::<Cursor>() {
            prop_assert_eq!(cursor.to_string(), text);
        }
    }
}

#[test]
fn malformed_cursors_are_refused() {
    let long = format!("k3v9.{}", "1".repeat(MAX_BYTES));
    for text in [
        "",
        ".",
        "k3v9",
        "k3v9.",
        ".1",
        "k3v9.01",
        "k3v9.-1",
        "k3v9.1.2",
        "K3V9.1",
        "k3v9.18446744073709551616",
        "k3v9.1\n",
        "k3v9 .1",
        &long,
    ] {
        assert!(text.parse::<Cursor>().is_err(), "{text:?}");
    }
}

#[test]
fn malformed_subjects_are_refused() {
    for subject in [
        "",
        "evt",
        "evt.user",
        "evt.user.",
        "evt.user.a.b",
        "evt.user.%61",
        "evt.user.%2f",
        "evt.user.%ff",
        "evt.user.%",
        "evt.user.*",
        "evt.user.>",
        "evt.all.x",
        "orders.1",
    ] {
        assert!(Recipient::from_subject(subject).is_err(), "{subject:?}");
    }
}
