//! Compares all histories with the log, and tells of the first difference so that it can be understood.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use test_support::history::{End, Entry, Finding, History, Judged, What};

use crate::deployment::Deployment;

/// How much is shown of what a client was told before and after the difference.
const ENTRIES_BEFORE: usize = 12;
const ENTRIES_AFTER: usize = 20;

/// How much of the time before and after it is shown.
const BEFORE: Duration = Duration::from_secs(25);
const AFTER: Duration = Duration::from_secs(5);

/// What all clients together were told.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) events: usize,
    pub(crate) gaps: usize,
    pub(crate) connections: usize,
    pub(crate) clients: usize,
    pub(crate) ends: BTreeMap<&'static str, usize>,
}

/// Judges every client by the log.
///
/// # Panics
///
/// When one of them was told anything else than what the log held for it.
pub(crate) fn judge(histories: &[History], deployment: &Deployment) -> Totals {
    let ledger = deployment.ledger();
    let mut totals = Totals {
        clients: histories.len(),
        ..Totals::default()
    };
    let mut wrong: Vec<(usize, Finding)> = Vec::new();
    for (number, history) in histories.iter().enumerate() {
        totals.count(history);
        match history.judge(&ledger) {
            Ok(Judged { events, gaps }) => {
                totals.events += events;
                totals.gaps += gaps;
            }
            Err(finding) => wrong.push((number, finding)),
        }
    }
    drop(ledger);
    let at = |(number, finding): &&(usize, Finding)| moment(&histories[*number], finding);
    if let Some(first) = wrong.iter().min_by_key(at) {
        panic!("{}", story(first, wrong.len(), histories, deployment));
    }
    totals
}

fn moment(history: &History, finding: &Finding) -> Duration {
    let entries = &history.entries;
    let entry = entries.get(finding.entry).or(entries.last());
    entry.map_or(Duration::ZERO, |entry| entry.at)
}

fn story(
    (number, finding): &(usize, Finding),
    wrong: usize,
    histories: &[History],
    deployment: &Deployment,
) -> String {
    let history = &histories[*number];
    let at = moment(history, finding);
    let from = finding.entry.saturating_sub(ENTRIES_BEFORE);
    let to = (finding.entry + ENTRIES_AFTER).min(history.entries.len());
    let around = lines(&history.entries[from.min(to)..to]);
    let connections = history.entries.iter().filter(|entry| {
        let connection = matches!(entry.what, What::Connects { .. } | What::Ends(_));
        connection && entry.at + BEFORE >= at && entry.at <= at + AFTER
    });
    format!(
        "{wrong} of {} clients were told something else than the log holds for them. The first: client {number} ({}): \
         {}\n\nwhat it was told, the difference at entry {}:\n{around}\nits connections:\n{}\nwhat was done:\n{}\n\
         logs of all processes: {}",
        histories.len(),
        history.own,
        finding.difference,
        finding.entry,
        lines(connections),
        deployment.timeline.between(at.saturating_sub(BEFORE), at + AFTER),
        deployment.keep_logs().display(),
    )
}

fn lines<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    entries.into_iter().map(|entry| format!("{entry}\n")).collect()
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            gaps,
            connections,
            clients,
            ends,
        } = self;
        let reconnects = connections - clients;
        write!(
            f,
            "{events} deliveries and {gaps} gaps checked; {reconnects} reconnects of {clients} clients {ends:?}"
        )
    }
}

impl Totals {
    fn count(&mut self, history: &History) {
        for entry in &history.entries {
            let end = match entry.what {
                What::Connects { .. } => {
                    self.connections += 1;
                    continue;
                }
                What::Ends(End::Refused) => "found nobody",
                What::Ends(End::Broken) => "cut off",
                What::Ends(End::Over) => "sent away",
                What::Position(_) | What::Event { .. } | What::Gap(_) | What::Nonsense(_) => continue,
            };
            *self.ends.entry(end).or_default() += 1;
        }
    }
}
