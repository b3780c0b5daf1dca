//! Compares what a client was told with the log.
//!
//! The judge walks along the history with a position and the versions of the log that the client can be in: all in which
//! what it heard so far is exactly what that version holds for it. As long as its position lies in what a version has in
//! common with the next one, it may be in either. It leaves a version for a later one by hearing of a gap, and only if
//! the position that it was at is none in the later one. Where it stands at the end has to be the log as it is.

use std::collections::BTreeSet;

use crate::history::ledger::EVERYBODY;
use crate::history::{Difference, Digest, Entry, Finding, Gap, History, Ledger, What};

/// The one reason for a gap that a run can have in which nothing is as old as the retention and no log is replaced.
const LOST: &str = "ahead_of_log";

const UNPLACED: &str = "it was not told where it begins";

/// A history in which everything is as it should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// Events that it was told of.
    pub events: usize,
    /// Gaps that it was told of, all of them true.
    pub gaps: usize,
}

impl History {
    /// Compares it with the log, for a client that has had the time to catch up.
    ///
    /// # Errors
    ///
    /// With the first difference.
    pub fn judge(&self, ledger: &Ledger) -> Result<Judged, Finding> {
        let mut walk = Walk {
            ledger,
            own: &self.own,
            position: None,
            versions: BTreeSet::new(),
            departed: None,
        };
        let mut judged = Judged::default();
        for (index, entry) in self.entries.iter().enumerate() {
            judged.events += usize::from(matches!(entry.what, What::Event { .. }));
            judged.gaps += usize::from(matches!(entry.what, What::Gap(_)));
            if let Err(difference) = walk.step(&entry.what) {
                walk.depart(self.named(Finding {
                    entry: index,
                    difference,
                }))?;
            }
        }
        walk.arrive(self.entries.len())?;
        Ok(judged)
    }

    /// Tells what came again, or in the wrong order, from what came at all: that shows in the rest of the history.
    fn named(&self, finding: Finding) -> Finding {
        let Finding { entry, difference } = finding;
        // Behind a gap the log may have something else at the same sequence.
        let is_gap = |entry: &Entry| matches!(entry.what, What::Gap(_));
        let (before, after) = self.entries.split_at(entry);
        let before = before.rsplit(is_gap).next().unwrap_or_default();
        let after = after.split(is_gap).next().unwrap_or_default();
        let tells_of = |entries: &[Entry], wanted: u64| {
            let mut events = entries.iter().map(|entry| &entry.what);
            events.any(|what| matches!(what, What::Event { sequence, .. } if *sequence == wanted))
        };
        let difference = match difference {
            Difference::Reordered(sequence) if tells_of(before, sequence) => Difference::Doubled(sequence),
            Difference::Lost(sequence) if tells_of(after, sequence) => Difference::Reordered(sequence),
            other => other,
        };
        Finding { entry, difference }
    }
}

/// A walk along a history.
struct Walk<'a> {
    ledger: &'a Ledger,
    own: &'a str,
    /// Nothing before the client was told where it begins.
    position: Option<u64>,
    /// Those that do not follow from an older one by having the position in common with it.
    versions: BTreeSet<usize>,
    /// Where the history left the newest version that it could be in, unless a gap explained it since.
    departed: Option<Finding>,
}

impl Walk<'_> {
    /// Goes on to the next entry, in all versions in which that is possible. The difference is that with the newest one.
    /// When older ones are left, the client was told something of a log that is no more, and has to be told so.
    fn step(&mut self, what: &What) -> Result<(), Difference> {
        match (what, self.position) {
            (What::Connects { .. } | What::Ends(_), _) => Ok(()),
            (What::Nonsense(text), _) => self.stop(Difference::Nonsense(text.to_string())),
            (What::Position(sequence), None) => {
                self.begin(*sequence);
                Ok(())
            }
            (_, None) => self.stop(Difference::Nonsense(UNPLACED.to_owned())),
            (What::Position(sequence), Some(position)) => self.go(
                position,
                *sequence,
                |walk, version| walk.moves(version, position, *sequence).is_ok(),
                |walk, version| walk.moves(version, position, *sequence).err(),
            ),
            (What::Event { sequence, digest }, Some(position)) => self.go(
                position,
                *sequence,
                |walk, version| walk.hears(version, position, *sequence, *digest),
                |walk, version| Some(walk.objection(version, position, *sequence, *digest)),
            ),
            (What::Gap(gap), Some(position)) => self.resume(position, gap),
        }
    }

    fn stop(&mut self, difference: Difference) -> Result<(), Difference> {
        self.versions.clear();
        Err(difference)
    }

    /// Keeps the first difference until a gap explains it. Fails when no version is left.
    fn depart(&mut self, finding: Finding) -> Result<(), Finding> {
        if self.versions.is_empty() && matches!(finding.difference, Difference::WrongGap(_)) {
            return Err(finding);
        }
        let first = self.departed.get_or_insert(finding);
        if self.versions.is_empty() {
            return Err(first.clone());
        }
        Ok(())
    }

    /// Makes sure that nothing is missing at the end.
    fn arrive(&mut self, end: usize) -> Result<(), Finding> {
        self.spread();
        let at_end = |difference| Finding {
            entry: end,
            difference,
        };
        let Some(position) = self.position else {
            return Err(at_end(Difference::Nonsense(UNPLACED.to_owned())));
        };
        let latest = self.ledger.latest();
        if !self.versions.contains(&latest) {
            let departed = self.departed.take();
            return Err(departed.unwrap_or_else(|| at_end(Difference::WrongPosition(position))));
        }
        match self.ledger.next(latest, self.own, position) {
            Some(next) => Err(at_end(Difference::Lost(next.sequence))),
            None => Ok(()),
        }
    }

    /// Begins at a sequence, in whatever version.
    fn begin(&mut self, sequence: u64) {
        let apart = |version: &usize| *version == 0 || sequence > self.ledger.common(version - 1, *version);
        self.versions = (0..=self.ledger.latest()).filter(apart).collect();
        self.position = Some(sequence);
    }

    /// Stands at a sequence in all versions that `accepts` lets pass. What the newest one objects to is said only when it
    /// does: that takes a search.
    fn go(
        &mut self,
        position: u64,
        sequence: u64,
        accepts: impl Fn(&Self, usize) -> bool,
        objection: impl Fn(&Self, usize) -> Option<Difference>,
    ) -> Result<(), Difference> {
        let mut left = BTreeSet::new();
        let mut newest: Option<(usize, bool)> = None;
        for &root in &self.versions {
            let mut accepted = accepts(self, root);
            let mut common = u64::MAX;
            left.extend(accepted.then_some(root));
            newest = newest
                .filter(|(other, _)| *other > root)
                .or(Some((root, accepted)));
            for version in root + 1..=self.ledger.latest() {
                let cut = self.ledger.common(version - 1, version);
                if position > cut {
                    break;
                }
                common = common.min(cut);
                // Up to there it is the same as the one before, and so is what is found.
                if sequence > common {
                    accepted = accepts(self, version);
                    common = u64::MAX;
                    left.extend(accepted.then_some(version));
                }
                newest = newest
                    .filter(|(other, _)| *other > version)
                    .or(Some((version, accepted)));
            }
        }
        self.versions = left;
        self.position = Some(sequence);
        match newest {
            Some((version, false)) => objection(self, version).map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// Adds the versions that have the position in common with one in which the client can be.
    fn spread(&mut self) {
        let (Some(position), Some(&oldest)) = (self.position, self.versions.first()) else {
            return;
        };
        for version in oldest..self.ledger.latest() {
            if self.versions.contains(&version) && position <= self.ledger.common(version, version + 1) {
                self.versions.insert(version + 1);
            }
        }
    }

    fn moves(&self, version: usize, position: u64, sequence: u64) -> Result<(), Difference> {
        if sequence < position || !self.ledger.reaches(version, sequence) {
            return Err(Difference::WrongPosition(sequence));
        }
        self.passes_nothing(version, position, sequence)
    }

    fn passes_nothing(&self, version: usize, position: u64, sequence: u64) -> Result<(), Difference> {
        match self.ledger.next(version, self.own, position) {
            Some(next) if next.sequence <= sequence => Err(Difference::Lost(next.sequence)),
            _ => Ok(()),
        }
    }

    fn hears(&self, version: usize, position: u64, sequence: u64, digest: Digest) -> bool {
        match self.ledger.next(version, self.own, position) {
            Some(next) => (next.sequence, next.digest) == (sequence, digest),
            None => sequence > position && self.ledger.may_have_been(version, self.own, sequence, digest),
        }
    }

    fn objection(&self, version: usize, position: u64, sequence: u64, digest: Digest) -> Difference {
        let foreign = |why: String| Difference::Foreign(sequence, why);
        match self.ledger.at(version, sequence) {
            None => foreign("the log has nothing there".to_owned()),
            Some((subject, _)) if subject != self.own && subject != EVERYBODY => {
                foreign(format!("it is for {subject}"))
            }
            Some((_, there)) if there != digest => foreign("the log says something else".to_owned()),
            Some(_) if sequence <= position => Difference::Reordered(sequence),
            Some(_) => {
                let next = self.ledger.next(version, self.own, position);
                Difference::Lost(next.map_or(sequence, |next| next.sequence))
            }
        }
    }

    /// Goes on in the versions that lack the position that was asked for.
    fn resume(&mut self, position: u64, gap: &Gap) -> Result<(), Difference> {
        let wrong = || Difference::WrongGap(gap.clone());
        if gap.reason != LOST || gap.requested < position {
            return self.stop(wrong());
        }
        self.spread();
        let mut resumed = BTreeSet::new();
        let mut newest = Err(wrong());
        for &version in &self.versions {
            for later in version + 1..=self.ledger.latest() {
                let left = self.leaves(version, later, position, gap);
                if left.is_ok() {
                    resumed.insert(later);
                }
                newest = left;
            }
        }
        self.versions = resumed;
        if self.versions.is_empty() {
            return newest;
        }
        self.position = Some(gap.resumed_from);
        self.departed = None;
        Ok(())
    }

    /// Whether a gap leads from one version into a later one: that lacks what was asked for, and reaches to where the client
    /// goes on. What both have has to be told before. What was lost need not be: it may have been lost before anybody
    /// could read it.
    fn leaves(&self, version: usize, later: usize, position: u64, gap: &Gap) -> Result<(), Difference> {
        let common = self.ledger.common(version, later);
        if gap.requested <= common || !self.ledger.reaches(later, gap.resumed_from) {
            return Err(Difference::WrongGap(gap.clone()));
        }
        self.passes_nothing(version, position, common.min(gap.resumed_from))
    }
}
