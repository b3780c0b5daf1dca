use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::batch::{Batch, Found};

const USERS: [&str; 3] = ["ann", "bob", "cem"];

fn user(index: usize) -> UserId {
    UserId::new(USERS[index]).unwrap()
}

fn at_second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn frame(sequence: u64, recipient: Recipient) -> Frame {
    let stored_at = at_second(i64::try_from(sequence).unwrap());
    Frame {
        sequence,
        recipient,
        stored_at,
        block: sequence.to_string().as_str().into(),
    }
}

fn window(bytes: usize, age: u64) -> Window {
    Window::new(Bounds {
        bytes,
        age: Duration::from_secs(age),
    })
}

/// To write the frame of that sequence.
fn write(sequence: u64, position: Position) -> Step {
    let Frame { block, stored_at, .. } = frame(sequence, Recipient::Everybody);
    Step::Write {
        block,
        appended: stored_at,
        position,
    }
}

/// What happens to a window and its readers.
#[derive(Debug, Clone)]
enum Action {
    /// The next message: for a user, for everybody (`None`), after a hole in the sequences.
    Append { user: Option<usize>, hole: u64 },
    /// A message for nobody.
    Pass { hole: u64 },
    /// Time goes by until everything but the last so many is too old.
    Age { keep: u64 },
    /// A reader takes up to so many steps.
    Read { reader: Index, steps: usize },
    /// A reader takes a batch, of which so many blocks are written.
    Write { reader: Index, written: Index },
    /// Somebody comes with a position anywhere in the log.
    Join { user: usize, position: Index },
}

fn action() -> impl Strategy<Value = Action> {
    let hole = || prop_oneof![4 => Just(1_u64), 1 => 2..5_u64];
    prop_oneof![
        6 => (prop::option::of(0..USERS.len()), hole()).prop_map(|(user, hole)| Action::Append { user, hole }),
        1 => hole().prop_map(|hole| Action::Pass { hole }),
        1 => (0..20_u64).prop_map(|keep| Action::Age { keep }),
        4 => (any::<Index>(), 0..6_usize).prop_map(|(reader, steps)| Action::Read { reader, steps }),
        4 => (any::<Index>(), any::<Index>()).prop_map(|(reader, written)| Action::Write { reader, written }),
        1 => (0..USERS.len(), any::<Index>()).prop_map(|(user, position)| Action::Join { user, position }),
    ]
}

/// The log itself, which forgets nothing.
#[derive(Default)]
struct Log {
    messages: BTreeMap<u64, Option<usize>>,
    last: u64,
}

impl Log {
    /// Sequences in `(after, up_to]` that a user gets.
    fn read(&self, user: usize, after: u64, up_to: u64) -> Vec<u64> {
        let range = self.messages.range(after + 1..=up_to.max(after + 1));
        let own = range.filter(|(_, recipient)| recipient.is_none_or(|recipient| recipient == user));
        own.map(|(sequence, _)| *sequence)
            .filter(|sequence| *sequence <= up_to)
            .collect()
    }
}

struct Reader {
    user: usize,
    began: u64,
    position: Position,
    received: Vec<u64>,
}

impl Reader {
    fn join(user: usize, began: u64, window: &Window) -> Self {
        Self {
            user,
            began,
            position: window.at(began),
            received: Vec::new(),
        }
    }

    /// One step; whether there was anything to do.
    fn step(&mut self, window: &Window, log: &Log) -> bool {
        match window.next(&user(self.user), self.position) {
            Step::Write { block, position, .. } => {
                self.receive(&block);
                self.position = position;
                true
            }
            Step::Below { floor } => {
                self.ask(log, floor);
                true
            }
            Step::Wait(position) => {
                self.position = position;
                false
            }
            Step::Rewound(_) => panic!("the log was never rewound"),
        }
    }

    /// One batch, of which none, some or all blocks are written. The others are to be found again.
    fn write(&mut self, window: &Window, log: &Log, written: Index) {
        let mut batch = Batch::new();
        match batch.fill(window, &user(self.user), self.position) {
            Found::Blocks => {
                let count = written.index(batch.len() + 1);
                batch.blocks().take(count).for_each(|block| self.receive(block));
                self.position = batch.position_after(count).unwrap_or(self.position);
            }
            Found::Nothing(position) => self.position = position,
            Found::Below { floor } => self.ask(log, floor),
            Found::Rewound(_) => panic!("the log was never rewound"),
        }
    }

    fn ask(&mut self, log: &Log, floor: u64) {
        assert!(
            floor > self.position.sequence,
            "the log is asked only for what is below the floor"
        );
        self.received
            .extend(log.read(self.user, self.position.sequence, floor));
        self.position.sequence = floor;
    }

    fn receive(&mut self, block: &Block) {
        let text = block.text();
        self.received
            .push(std::str::from_utf8(&text).unwrap().parse().unwrap());
    }
}

proptest! {
    /// However appends, eviction, and readers of any speed at any position interleave: each reader receives exactly what
    /// the log holds for it, in order.
    #[test]
    fn whoever_reads_gets_exactly_what_the_log_holds_for_them(
        actions in prop::collection::vec(action(), 0..300),
        frames in 0..30_usize,
    ) {
        let mut window = window(frames * (FRAME_OVERHEAD + 2), 1_000_000);
        let mut log = Log::default();
        let mut readers = vec![Reader::join(0, 0, &window)];
        for action in actions {
            match action {
                Action::Append { user: recipient, hole } => {
                    log.last += hole;
                    log.messages.insert(log.last, recipient);
                    let to = recipient.map_or(Recipient::Everybody, |index| Recipient::User(user(index)));
                    window.append(frame(log.last, to));
                    window.evict(at_second(0));
                    prop_assert!(window.bytes <= window.bounds.bytes);
                }
                Action::Pass { hole } => {
                    log.last += hole;
                    window.pass(log.last);
                }
                Action::Age { keep } => {
                    let horizon = i64::try_from(log.last.saturating_sub(keep)).unwrap();
                    window.evict(at_second(horizon + 1_000_000));
                }
                Action::Read { reader, steps } => {
                    let index = reader.index(readers.len());
                    (0..steps).all(|_| readers[index].step(&window, &log));
                }
                Action::Write { reader, written } => {
                    let index = reader.index(readers.len());
                    readers[index].write(&window, &log, written);
                }
                Action::Join { user, position } => {
                    let began = position.index(usize::try_from(log.last).unwrap() + 1) as u64;
                    readers.push(Reader::join(user, began, &window));
                }
            }
        }
        for reader in &mut readers {
            while reader.step(&window, &log) {}
            prop_assert_eq!(reader.position.sequence, log.last, "nothing is newer for {}", USERS[reader.user]);
            prop_assert_eq!(&reader.received, &log.read(reader.user, reader.began, log.last));
        }
    }
}

#[test]
fn what_is_evicted_leaves_nothing_behind() {
    let mut window = window(usize::MAX, 10);
    for sequence in 1..=100 {
        window.append(frame(
            sequence,
            Recipient::User(user(usize::try_from(sequence % 3).unwrap())),
        ));
    }
    window.evict(at_second(105));
    assert_eq!(window.frames.len(), 6, "from 95 to 100");
    assert_eq!(window.next(&user(0), window.at(93)), Step::Below { floor: 94 });
    window.evict(at_second(1_000));
    assert!(window.frames.len() == 0 && window.users.is_empty());
    assert_eq!(window.bytes, 0);
    assert_eq!(window.next(&user(0), window.at(100)), Step::Wait(window.at(100)));
}

#[test]
fn a_reader_ahead_of_the_tail_waits_for_what_is_newer_still() {
    let mut window = window(usize::MAX, 1_000);
    window.start(10);
    let ahead = window.at(12);
    assert_eq!(window.next(&user(0), ahead), Step::Wait(ahead));
    for sequence in 11..=13 {
        window.append(frame(sequence, Recipient::Everybody));
    }
    assert_eq!(window.next(&user(0), ahead), write(13, window.at(13)));
}

#[test]
fn only_those_who_saw_what_the_log_lost_are_told() {
    let mut window = window(usize::MAX, 1_000);
    for sequence in 1..=10 {
        window.append(frame(sequence, Recipient::Everybody));
    }
    let (behind, ahead) = (window.at(4), window.at(9));
    window.rewind(6);
    window.append(frame(7, Recipient::User(user(1))));
    assert_eq!(window.next(&user(0), ahead), Step::Rewound(window.at(6)));
    assert_eq!(window.next(&user(0), behind), write(5, window.at(5)));
    assert_eq!(window.next(&user(1), window.at(6)), write(7, window.at(7)));
    // The sequences that were lost are given out again: whoever slept over it all is still told.
    for sequence in 8..=20 {
        window.append(frame(sequence, Recipient::Everybody));
    }
    assert_eq!(window.next(&user(0), ahead), Step::Rewound(window.at(6)));
}

#[test]
fn who_has_nothing_of_what_the_log_lost_learns_of_it_in_silence() {
    let mut window = window(usize::MAX, 1_000);
    let (behind, ahead) = (window.at(6), window.at(7));
    window.rewind(6);
    assert_eq!(window.informed(behind), window.at(6));
    assert_eq!(window.informed(ahead), ahead);
}

#[test]
fn a_rewind_below_the_window_empties_it() {
    let mut window = window(usize::MAX, 1_000);
    window.start(50);
    window.append(frame(51, Recipient::User(user(0))));
    window.rewind(20);
    assert!(window.frames.len() == 0 && window.users.is_empty());
    window.append(frame(21, Recipient::User(user(0))));
    assert_eq!(window.next(&user(0), window.at(20)), write(21, window.at(21)));
    assert_eq!(window.next(&user(0), window.at(19)), Step::Below { floor: 20 });
}
