//! Forged histories: each difference is found, and called by its name.

use super::*;

/// Events 1 to 12: for ann, for bob and for everybody in turn.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    append(&mut ledger, 1..=12, "");
    ledger
}

fn subject(sequence: u64) -> &'static str {
    ["evt.user.ann", "evt.user.bob", "evt.all"][(sequence as usize - 1) % 3]
}

fn payload(sequence: u64, version: &str) -> String {
    format!("event {sequence}{version}")
}

fn append(ledger: &mut Ledger, sequences: std::ops::RangeInclusive<u64>, version: &str) {
    for sequence in sequences {
        let payload = payload(sequence, version);
        ledger.send(subject(sequence), payload.as_bytes());
        ledger.store(sequence, subject(sequence), payload.as_bytes());
        ledger.acknowledge(payload.as_bytes());
    }
}

fn event_of(sequence: u64, version: &str) -> What {
    What::Event {
        sequence,
        digest: Digest::of(payload(sequence, version).as_bytes()),
    }
}

fn event(sequence: u64) -> What {
    event_of(sequence, "")
}

fn gap(requested: u64, resumed_from: u64) -> What {
    What::Gap(Box::new(Gap {
        reason: "ahead_of_log".to_owned(),
        requested,
        resumed_from,
    }))
}

/// What ann was told.
fn told(what: impl IntoIterator<Item = What>) -> History {
    let entry = |what| Entry {
        at: Duration::ZERO,
        what,
    };
    History {
        own: "evt.user.ann".to_owned(),
        entries: what.into_iter().map(entry).collect(),
    }
}

/// Everything that is ann's, with a reconnect in between.
fn whole() -> Vec<What> {
    vec![
        What::Connects { after: None },
        What::Position(0),
        event(1),
        event(3),
        What::Ends(End::Broken),
        What::Connects { after: Some(3) },
        What::Position(3),
        event(4),
        What::Position(5),
        event(6),
        event(7),
        event(9),
        event(10),
        event(12),
        What::Position(12),
    ]
}

fn difference(ledger: &Ledger, what: Vec<What>) -> Difference {
    told(what).judge(ledger).unwrap_err().difference
}

#[test]
fn a_client_that_was_told_everything_once_and_in_order_is_judged_well() {
    let judged = told(whole()).judge(&ledger()).unwrap();
    assert_eq!(judged, Judged { events: 8, gaps: 0 });
    let late = told([What::Position(9), event(10), event(12)]);
    assert_eq!(late.judge(&ledger()).unwrap().events, 2);
}

#[test]
fn each_event_that_is_left_out_is_named() {
    for place in 0..whole().len() {
        let mut forged = whole();
        let What::Event { sequence, .. } = forged.remove(place) else {
            continue;
        };
        assert_eq!(difference(&ledger(), forged), Difference::Lost(sequence));
    }
}

#[test]
fn an_event_that_never_comes_is_found_also_when_nothing_comes_after_it() {
    let mut forged = whole();
    forged.truncate(forged.len() - 2);
    let finding = told(forged.clone()).judge(&ledger()).unwrap_err();
    assert_eq!(finding.difference, Difference::Lost(12));
    assert_eq!(finding.entry, forged.len());
    // What a client with this position came back with would never bring it.
    forged.push(What::Position(12));
    assert_eq!(difference(&ledger(), forged), Difference::Lost(12));
}

#[test]
fn each_event_that_comes_twice_is_named() {
    for place in 0..whole().len() {
        let What::Event { sequence, .. } = whole()[place] else {
            continue;
        };
        for later in place + 1..=whole().len() {
            let mut forged = whole();
            forged.insert(later, event(sequence));
            assert_eq!(
                difference(&ledger(), forged),
                Difference::Doubled(sequence),
                "at {later}"
            );
        }
    }
}

#[test]
fn events_in_another_order_are_named() {
    let mut forged = whole();
    let place = forged.iter().position(|what| *what == event(7)).unwrap();
    forged.swap(place - 1, place);
    assert_eq!(difference(&ledger(), forged), Difference::Reordered(6));
}

#[test]
fn what_is_for_others_or_for_nobody_or_says_something_else_is_foreign() {
    let foreign = [event(2), event(99), event_of(4, " forged")];
    for what in foreign {
        let What::Event { sequence, .. } = what else {
            unreachable!()
        };
        let mut forged = whole();
        forged.truncate(4);
        forged.push(what);
        let found = difference(&ledger(), forged);
        assert!(
            matches!(found, Difference::Foreign(at, _) if at == sequence),
            "{found}"
        );
    }
}

#[test]
fn a_position_that_goes_back_or_beyond_the_log_is_wrong() {
    for position in [0, 13] {
        let mut forged = whole();
        forged.push(What::Position(position));
        assert_eq!(difference(&ledger(), forged), Difference::WrongPosition(position));
    }
    let unplaced = difference(&ledger(), vec![event(1)]);
    assert!(matches!(unplaced, Difference::Nonsense(_)), "{unplaced}");
}

#[test]
fn a_gap_is_wrong_where_the_log_lost_nothing() {
    let mut forged = whole();
    forged.push(gap(12, 12));
    assert!(matches!(difference(&ledger(), forged), Difference::WrongGap(_)));
    // It covers up what was there.
    let covering = vec![What::Position(0), event(1), gap(1, 11), event(12)];
    assert!(matches!(difference(&ledger(), covering), Difference::WrongGap(_)));
    // The log came back from a crash with all that it had.
    let mut ledger = ledger();
    ledger.come_back(12);
    append(&mut ledger, 13..=13, "");
    let mut forged = whole();
    forged.extend([gap(12, 12), event(13)]);
    assert!(matches!(difference(&ledger, forged), Difference::WrongGap(_)));
}

/// Events 1 to 12; then only those up to `last`, and others up to 13 behind it.
fn shortened(last: u64) -> Ledger {
    let mut ledger = ledger();
    assert_eq!(ledger.come_back(last), 12 - last as usize);
    append(&mut ledger, last + 1..=13, " again");
    ledger
}

fn up_to_7() -> Vec<What> {
    vec![
        What::Position(0),
        event(1),
        event(3),
        event(4),
        event(6),
        event(7),
    ]
}

fn again() -> Vec<What> {
    [9, 10, 12, 13]
        .map(|sequence| event_of(sequence, " again"))
        .to_vec()
}

#[test]
fn who_was_told_what_the_log_lost_has_to_be_told_of_the_gap() {
    let ledger = shortened(8);
    let seen = [event(9), event(10)];
    let well = [&up_to_7()[..], &seen, &[gap(10, 8)], &again()[..]].concat();
    assert_eq!(told(well).judge(&ledger).unwrap(), Judged { events: 11, gaps: 1 });
    for silent in [&again()[..2], &again()[2..], &[]] {
        let silent = [&up_to_7()[..], &seen, silent].concat();
        let found = difference(&ledger, silent);
        assert!(matches!(found, Difference::Foreign(9, _)), "{found}");
    }
}

#[test]
fn who_was_told_nothing_of_what_the_log_lost_needs_no_gap() {
    let well = [up_to_7(), again()].concat();
    assert_eq!(told(well).judge(&shortened(8)).unwrap().gaps, 0);
    // An edge may have stood further than it told, with nothing in between for this client.
    let further = [&up_to_7()[..], &[gap(8, 7)], &again()[..]].concat();
    assert_eq!(told(further).judge(&shortened(7)).unwrap().gaps, 1);
    // Or with something in between that was lost before it could be told.
    let unread = [&up_to_7()[..], &[gap(9, 8)], &again()[..]].concat();
    assert_eq!(told(unread).judge(&shortened(8)).unwrap().gaps, 1);
}

#[test]
fn before_a_gap_everything_that_is_left_has_to_come() {
    let mut skipped = up_to_7();
    skipped.pop();
    skipped.push(gap(8, 7));
    skipped.extend(again());
    assert_eq!(difference(&shortened(7), skipped), Difference::Lost(7));
}

#[test]
fn what_the_log_acknowledged_and_has_not_is_counted_and_what_it_has_twice() {
    let mut ledger = shortened(8);
    assert_eq!((ledger.missing(), ledger.repeated(), ledger.len()), (0, 0, 13));
    ledger.acknowledge(b"an event that is nowhere");
    ledger.store(14, "evt.all", payload(13, " again").as_bytes());
    assert_eq!((ledger.missing(), ledger.repeated(), ledger.len()), (1, 1, 14));
}

#[test]
fn what_a_crash_lost_unread_must_have_been_appended_for_the_client() {
    let mut ledger = Ledger::default();
    append(&mut ledger, 1..=8, "");
    ledger.send("evt.all", b"event 9");
    ledger.send("evt.user.bob", b"event 10");
    ledger.come_back(8);
    append(&mut ledger, 9..=13, " again");
    let seen = |what| [&up_to_7()[..], &[what, gap(10, 8)], &again()[..]].concat();
    assert_eq!(told(seen(event(9))).judge(&ledger).unwrap().gaps, 1);
    for foreign in [event(10), event_of(9, " forged")] {
        let found = difference(&ledger, seen(foreign));
        assert!(matches!(found, Difference::Foreign(..)), "{found}");
    }
}
