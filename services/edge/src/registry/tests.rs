use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(super) fn spacious() -> Arc<Registry> {
    limited(usize::MAX, usize::MAX, usize::MAX)
}

fn limited(streams: usize, per_user: usize, per_address: usize) -> Arc<Registry> {
    Arc::new(Registry::new(Limits {
        streams,
        per_user,
        per_address,
    }))
}

pub(super) struct Sleeper {
    pub(super) seat: Seat,
    count: Arc<Count>,
}

impl Sleeper {
    pub(super) fn new(registry: &Arc<Registry>, user: &str) -> Self {
        Self {
            seat: registry.enter(UserId::new(user).unwrap(), None).unwrap(),
            count: Arc::default(),
        }
    }

    pub(super) fn wait(&self) -> Signals {
        self.wait_until(Sleep::UntilNews)
    }

    fn wait_until(&self, sleep: Sleep) -> Signals {
        self.seat.wait(&Waker::from(Arc::clone(&self.count)), sleep)
    }

    pub(super) fn woken(&self) -> usize {
        self.count.0.load(Ordering::SeqCst)
    }
}

#[test]
fn news_wake_the_streams_of_their_user_and_each_of_them_once_until_it_waits_again() {
    let registry = spacious();
    let sleepers = ["ann", "bob", "ann"].map(|user| Sleeper::new(&registry, user));
    let ann = UserId::new("ann").unwrap();
    registry.wake_users([&ann]);
    sleepers
        .iter()
        .for_each(|sleeper| assert_eq!(sleeper.woken(), 0, "nobody waits yet"));
    sleepers.iter().for_each(|sleeper| assert!(!sleeper.wait().beat));
    registry.wake_users([&ann, &ann]);
    registry.wake_users([&ann]);
    assert_eq!(sleepers.each_ref().map(Sleeper::woken), [1, 0, 1]);
    sleepers[0].wait();
    registry.wake_everybody();
    assert_eq!(sleepers.each_ref().map(Sleeper::woken), [2, 1, 1]);
}

#[test]
fn broadcasts_reach_more_streams_than_one_batch_has() {
    let registry = spacious();
    let sleepers: Vec<_> = (0..WAKE_BATCH * 3 + 1)
        .map(|_| Sleeper::new(&registry, "ann"))
        .collect();
    sleepers.iter().for_each(|sleeper| assert!(!sleeper.wait().beat));
    registry.wake_everybody();
    assert!(sleepers.iter().all(|sleeper| sleeper.woken() == 1));
}

#[test]
fn heartbeats_come_to_each_stream_once_a_round() {
    let registry = spacious();
    let sleepers: Vec<_> = (0..10).map(|_| Sleeper::new(&registry, "ann")).collect();
    sleepers.iter().for_each(|sleeper| assert!(!sleeper.wait().beat));
    registry.beat(1, 4);
    let beaten: Vec<_> = sleepers.iter().map(|sleeper| sleeper.wait().beat).collect();
    let expected: Vec<_> = (0..10).map(|index| index % 4 == 1).collect();
    assert_eq!(beaten, expected);
    assert!(
        sleepers.iter().all(|sleeper| !sleeper.wait().beat),
        "each beat is for once"
    );
}

#[test]
fn a_place_that_was_given_up_is_taken_again_and_keeps_nothing() {
    let registry = spacious();
    let first = Sleeper::new(&registry, "ann");
    first.wait();
    drop(first.seat);
    assert!(registry.lock().users.is_empty());
    let second = Sleeper::new(&registry, "bob");
    assert_eq!(second.seat.index, 0);
    registry.wake_everybody();
    assert_eq!(first.count.0.load(Ordering::SeqCst), 0);
}

#[test]
fn closing_is_told_to_those_who_wait_and_those_who_come() {
    let registry = spacious();
    let early = Sleeper::new(&registry, "ann");
    early.wait();
    registry.close();
    assert_eq!(early.woken(), 1);
    assert!(early.wait().closing && Sleeper::new(&registry, "bob").wait().closing);
}

#[test]
fn news_do_not_wake_a_stream_that_has_no_room_for_them_but_everything_else_does() {
    let registry = spacious();
    let full = Sleeper::new(&registry, "ann");
    full.wait_until(Sleep::UntilRoom);
    registry.wake_everybody();
    registry.wake_users([&UserId::new("ann").unwrap()]);
    assert_eq!(full.woken(), 0);
    registry.beat(0, 1);
    assert_eq!(full.woken(), 1);
    assert!(full.wait_until(Sleep::UntilRoom).beat);
    registry.abandon();
    assert_eq!(full.woken(), 2);
    assert!(full.wait_until(Sleep::UntilRoom).abandoned);
}

#[test]
fn slices_close_every_stream_once_between_them() {
    let registry = spacious();
    let sleepers: Vec<_> = (0..10).map(|_| Sleeper::new(&registry, "ann")).collect();
    for slice in 0..4 {
        registry.close_slice(slice, 4);
        let closing = sleepers.iter().filter(|sleeper| sleeper.wait().closing).count();
        assert_eq!(closing, [3, 6, 8, 10][slice]);
    }
}

fn enter(registry: &Arc<Registry>, user: &str, address: &str) -> Result<Seat, Full> {
    registry.enter(UserId::new(user).unwrap(), Some(address.parse().unwrap()))
}

#[test]
fn beyond_a_limit_the_newest_waits_until_somebody_leaves() {
    let registry = limited(4, 2, 3);
    let mut seats = vec![
        enter(&registry, "ann", "10.0.0.1").unwrap(),
        enter(&registry, "ann", "10.0.0.2").unwrap(),
    ];
    assert_eq!(enter(&registry, "ann", "10.0.0.3").err(), Some(Full::User));
    seats.extend(["bob", "cem"].map(|user| enter(&registry, user, "::ffff:10.0.0.1").unwrap()));
    assert_eq!(enter(&registry, "dan", "10.0.0.9").err(), Some(Full::Edge));
    seats.remove(1);
    assert_eq!(enter(&registry, "dan", "10.0.0.1").err(), Some(Full::Address));
    seats.push(enter(&registry, "dan", "10.0.0.9").unwrap());
    assert_eq!(registry.len(), 4);
    seats.clear();
    assert_eq!(registry.len(), 0);
    let left = registry.lock();
    assert!(left.users.is_empty() && left.addresses.is_empty());
}

#[test]
fn addresses_of_one_ipv6_network_count_as_one() {
    let registry = limited(usize::MAX, usize::MAX, 1);
    let _seat = enter(&registry, "ann", "2001:db8:1:2::1").unwrap();
    assert_eq!(
        enter(&registry, "bob", "2001:db8:1:2:ffff::").err(),
        Some(Full::Address)
    );
    assert!(enter(&registry, "bob", "2001:db8:1:3::1").is_ok());
}
