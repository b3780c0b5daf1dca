//! The chain of each person who has frames in the window.
//!
//! They are in many small tables rather than in one: a table that is full moves all that it has, and whatever comes
//! meanwhile waits for that.

use std::hash::BuildHasher as _;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use proto_schemas::UserId;

use super::Chain;

const TABLES: usize = 256;

/// Chains by person.
#[derive(Debug)]
pub(super) struct Chains {
    tables: [HashTable<(UserId, Chain)>; TABLES],
    hasher: DefaultHashBuilder,
}

impl Chains {
    pub(super) fn new() -> Self {
        Self {
            tables: std::array::from_fn(|_| HashTable::new()),
            hasher: DefaultHashBuilder::default(),
        }
    }

    pub(super) fn get(&self, user: &UserId) -> Option<&Chain> {
        let hash = self.hasher.hash_one(user);
        let found = self.tables[table(hash)].find(hash, |(its, _)| its == user);
        found.map(|(_, chain)| chain)
    }

    pub(super) fn push_back(&mut self, user: &UserId, place: u64) {
        let Self { tables, hasher } = self;
        let hash = hasher.hash_one(user);
        let rehash = |(user, _): &(UserId, Chain)| hasher.hash_one(user);
        match tables[table(hash)].entry(hash, |(its, _)| its == user, rehash) {
            Entry::Occupied(mut entry) => entry.get_mut().1.push_back(place),
            Entry::Vacant(entry) => {
                entry.insert((user.clone(), Chain::from([place])));
            }
        }
    }

    /// Takes a place from a chain. A chain without places goes away: a person who had an event once must not cost memory for
    /// ever.
    pub(super) fn pop(&mut self, user: &UserId, end: fn(&mut Chain) -> Option<u64>) {
        let hash = self.hasher.hash_one(user);
        if let Ok(mut entry) = self.tables[table(hash)].find_entry(hash, |(its, _)| its == user) {
            end(&mut entry.get_mut().1);
            if entry.get().1.is_empty() {
                entry.remove();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tables.iter().all(HashTable::is_empty)
    }
}

/// Not by the bits by which a table finds its own places.
fn table(hash: u64) -> usize {
    (hash >> 32) as usize % TABLES
}
