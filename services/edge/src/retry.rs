//! When clients come back: each at a time of its own.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// A random time between the two.
pub(crate) fn between(least: Duration, most: Duration) -> Duration {
    // The standard library's source of hash keys: random for each process and different at each call.
    let random = RandomState::new().hash_one(());
    let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
    least + Duration::from_millis(random % span.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn times_lie_between_the_bounds_and_differ() {
        let (least, most) = (Duration::from_millis(1_000), Duration::from_millis(5_000));
        let times: HashSet<_> = (0..1_000).map(|_| between(least, most)).collect();
        assert!(times.iter().all(|time| (least..=most).contains(time)));
        assert!(times.len() > 500, "only {} different times", times.len());
        assert_eq!(between(least, least), least);
    }
}
