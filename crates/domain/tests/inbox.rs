//! What people do with their notifications.

// Tests fail by panicking.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, Utc};
use domain::entry::{Entry, Refused};
use domain::inbox::{Change, MAX_NAMED, State, StateChanged, StateChangedError, Target};
use proptest::prelude::*;
use proto_schemas::events::v1;
use proto_schemas::{CloudEvent, UserId};
use uuid::Uuid;

fn at(second: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(second), 0).unwrap()
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Seen),
        Just(Change::Read),
        Just(Change::Unread),
        Just(Change::Archived),
        Just(Change::Unarchived),
    ]
}

fn after(state: State, done: &[Change], from: usize) -> State {
    let mut state = state;
    for (second, change) in done.iter().enumerate().skip(from) {
        state.apply(*change, at(u32::try_from(second).unwrap()));
    }
    state
}

proptest! {
    #[test]
    fn applying_the_end_of_a_history_again_changes_nothing(
        done in prop::collection::vec(changes(), 0..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let once = after(State::default(), &done, 0);
        let again = after(once, &done, cut.index(done.len() + 1));
        prop_assert_eq!(again.is_unread(), once.is_unread());
        prop_assert_eq!(again.is_unseen(), once.is_unseen());
        prop_assert_eq!(again.archived_at.is_some(), once.archived_at.is_some());
        prop_assert_eq!(again.read_at, once.read_at);
        prop_assert_eq!(again.archived_at, once.archived_at);
        prop_assert_eq!(again.seen_at, once.seen_at);
    }

    #[test]
    fn a_change_would_change_something_exactly_when_it_does(
        done in prop::collection::vec(changes(), 0..6),
        next in changes(),
    ) {
        let before = after(State::default(), &done, 0);
        let mut changed = before;
        changed.apply(next, at(100));
        prop_assert_eq!(before.would_change(next), changed != before);
        prop_assert!(!changed.would_change(next), "doing it again changes nothing");
    }
}

#[test]
fn what_was_read_or_put_away_was_seen() {
    for change in [Change::Read, Change::Archived] {
        assert!(!after(State::default(), &[change], 0).is_unseen());
    }
    let archived = after(State::default(), &[Change::Archived], 0);
    assert!(!archived.is_unread(), "what was put away does not count");
    let back = after(archived, &[Change::Unarchived], 0);
    assert!(back.is_unread(), "it was never read");
}

fn changed(target: Target) -> StateChanged {
    StateChanged {
        user: UserId::new("u1").unwrap(),
        change: Change::Read,
        target,
        at: at(7),
    }
}

#[test]
fn a_change_is_read_back_as_it_was_written() {
    let named = Target::Named(vec![Uuid::from_u128(1), Uuid::from_u128(2)]);
    for target in [named, Target::UpTo(u64::MAX)] {
        let stored = changed(target.clone()).into_event(Uuid::from_u128(9)).to_json();
        let entry = Entry::from_stored(&stored.unwrap()).unwrap();
        assert_eq!(entry, Entry::StateChanged(changed(target)));
    }
}

#[test]
fn a_change_that_cannot_be_told_is_refused() {
    let refusal = |message: v1::NotificationStateChanged| {
        let event = CloudEvent {
            id: Uuid::from_u128(9),
            source: "/by-hand".to_owned(),
            time: at(7),
            expiry_time: None,
            event: message.into(),
        };
        match Entry::from_stored(&event.to_json().unwrap()).unwrap_err() {
            Refused::State(error) => error,
            other => panic!("{other}"),
        }
    };
    let message = |ids: &[&str], up_to, change: v1::StateChange| v1::NotificationStateChanged {
        user_id: "u1".to_owned(),
        change: change.into(),
        notification_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        up_to,
    };
    let id = "1dd77cd7-a3b7-518a-abba-fcc98389be86";
    let read = v1::StateChange::Read;
    assert_eq!(refusal(message(&[], None, read)), StateChangedError::Target);
    assert_eq!(refusal(message(&[id], Some(1), read)), StateChangedError::Target);
    assert_eq!(
        refusal(message(&["c771"], None, read)),
        StateChangedError::Id("c771".to_owned())
    );
    assert_eq!(
        refusal(message(&[id; MAX_NAMED + 1], None, read)),
        StateChangedError::TooMany(MAX_NAMED + 1)
    );
    assert_eq!(
        refusal(message(&[], Some(1), v1::StateChange::Unread)),
        StateChangedError::UpTo
    );
    assert_eq!(
        refusal(message(&[id], None, v1::StateChange::Unspecified)),
        StateChangedError::Change(0)
    );
}
