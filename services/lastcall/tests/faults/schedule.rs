//! What goes wrong, and when: the same again for the same seed.
//!
//! Processes, nats-server and the networks fail independently of one another, so that failures meet. Each draws its faults
//! from a deck that is shuffled when it is used up: every kind comes, in an order that nobody thought of.

use std::time::{Duration, Instant};

use test_support::crowd::Crowd;
use test_support::lastcall::eventually;
use test_support::link::{Condition, Link};
use test_support::random::Random;
use test_support::stored_log;
use tokio::sync::RwLock;

use crate::deployment::{Deployment, STREAM};

const SUPERVISION: Duration = Duration::from_millis(200);

/// Faults until an instant.
pub(crate) struct Schedule<'a> {
    deployment: &'a Deployment,
    crowd: &'a Crowd,
    until: Instant,
    /// Held by whoever makes a fault. The loss of power needs everybody to hear of it, so it waits until it is alone.
    faults: RwLock<()>,
}

#[derive(Debug, Clone, Copy)]
enum ProcessFault {
    KillOne,
    KillAll,
    Drain,
}

#[derive(Debug, Clone, Copy)]
enum ServerFault {
    Kill,
    LosePower,
}

#[derive(Debug, Clone, Copy)]
enum NetworkFault {
    Cut,
    Down,
    Slow,
    Silent,
}

/// Which network.
#[derive(Debug, Clone, Copy)]
enum Place {
    Door,
    Front,
    Back,
    Desk,
}

/// Kinds of faults that come one after the other.
struct Deck<T> {
    kinds: Vec<T>,
    left: Vec<T>,
    random: Random,
}

impl<T: Copy> Deck<T> {
    fn new(kinds: impl IntoIterator<Item = T>, random: Random) -> Self {
        Self {
            kinds: kinds.into_iter().collect(),
            left: Vec::new(),
            random,
        }
    }

    fn draw(&mut self) -> T {
        loop {
            if let Some(kind) = self.left.pop() {
                return kind;
            }
            self.left.clone_from(&self.kinds);
            self.random.shuffle(&mut self.left);
        }
    }

    async fn pause(&mut self, least: f64, most: f64) {
        let pause = self.between(least, most);
        tokio::time::sleep(pause).await;
    }

    fn between(&mut self, least: f64, most: f64) -> Duration {
        let seconds = Duration::from_secs_f64;
        self.random.between(seconds(least), seconds(most))
    }

    fn one_of<'b, I>(&mut self, items: &'b [I]) -> &'b I {
        &items[self.random.below(items.len())]
    }
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(deployment: &'a Deployment, crowd: &'a Crowd, until: Instant) -> Self {
        Self {
            deployment,
            crowd,
            until,
            faults: RwLock::new(()),
        }
    }

    /// Makes faults. Those that have begun come to their end.
    pub(crate) async fn run(&self, random: &Random) {
        let faults = async {
            tokio::join!(
                self.processes(random.branch(1)),
                self.server(random.branch(2)),
                self.networks(random.branch(3)),
            )
        };
        tokio::select! {
            _ = faults => {}
            () = self.supervise() => {}
        }
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    async fn supervise(&self) {
        loop {
            for edge in &self.deployment.edges {
                edge.supervise(&self.deployment.timeline);
            }
            tokio::time::sleep(SUPERVISION).await;
        }
    }

    async fn processes(&self, random: Random) {
        use ProcessFault::{Drain, KillAll, KillOne};
        let timeline = &self.deployment.timeline;
        let edges = &self.deployment.edges;
        let mut deck = Deck::new([KillOne, KillOne, Drain, Drain, KillAll], random);
        while self.goes_on() {
            deck.pause(1.0, 6.0).await;
            let _fault = self.faults.read().await;
            match deck.draw() {
                KillOne => {
                    let down = deck.between(0.0, 4.0);
                    deck.one_of(edges).kill(down, timeline).await;
                }
                Drain => deck.one_of(edges).replace(timeline).await,
                KillAll => {
                    let down = deck.between(0.0, 3.0);
                    let killed = edges.iter().map(|edge| edge.kill(down, timeline));
                    futures::future::join_all(killed).await;
                }
            }
        }
    }

    async fn server(&self, random: Random) {
        use ServerFault::{Kill, LosePower};
        let mut deck = Deck::new([Kill, Kill, Kill, Kill, Kill, LosePower], random);
        while self.goes_on() {
            deck.pause(4.0, 12.0).await;
            match deck.draw() {
                Kill => {
                    let down = deck.between(0.0, 5.0);
                    self.kill_server(down).await;
                }
                LosePower => self.lose_power().await,
            }
        }
    }

    async fn kill_server(&self, down: Duration) {
        let _fault = self.faults.read().await;
        let mut nats = self.deployment.nats.lock().await;
        let timeline = &self.deployment.timeline;
        timeline.fault("kills of nats-server", "nats-server is killed");
        nats.kill().await;
        tokio::time::sleep(down).await;
        self.deployment.bring_back(&mut nats).await;
    }

    /// The last messages of the log are lost: what was not yet on the disk when the power failed. What the log had is read
    /// before. Nothing is appended until everybody knows: once the log has grown over a position that it lost, a client that
    /// comes back with it cannot be told from one that has it of the log as it is.
    async fn lose_power(&self) {
        let _alone = self.faults.write().await;
        let (deployment, crowd) = (self.deployment, self.crowd);
        for edge in &deployment.edges {
            edge.ready().await;
        }
        let mut nats = deployment.nats.lock().await;
        deployment
            .timeline
            .fault("losses of power", "the log is synced for the last time");
        nats.kill().await;
        let synced = nats.snapshot();
        deployment.bring_back(&mut nats).await;
        let kept = deployment.ledger().last_sequence();
        eventually("everybody is told what will be lost", async || {
            let told = crowd.standing(|position| position.is_some_and(|position| position > kept));
            (told == crowd.len()).then_some(())
        })
        .await;
        deployment.timeline.note("nats-server loses what was not synced");
        deployment.trunk.set(Condition::Down);
        deployment.desk.set(Condition::Down);
        nats.restart().await;
        deployment.read_log(&nats).await;
        nats.restart_from(&synced).await;
        let (last, lost) = deployment.learn(&nats).await;
        assert!(lost > 0, "the log has to lose something");
        deployment.trunk.set(Condition::Open);
        eventually("everybody knows what was lost", async || {
            let unknowing = crowd.standing(|position| position.is_some_and(|position| position > last));
            let following = stored_log::consumers(&nats, STREAM).await;
            (unknowing == 0 && following == deployment.edges.len() as u64).then_some(())
        })
        .await;
        deployment.desk.set(Condition::Open);
    }

    async fn networks(&self, random: Random) {
        use NetworkFault::{Cut, Down, Silent, Slow};
        use Place::{Back, Desk, Door, Front};
        let places = [Door, Front, Back, Desk].into_iter();
        let kinds = places.flat_map(|place| [Cut, Down, Slow, Silent].map(|fault| (place, fault)));
        let mut deck = Deck::new(kinds, random);
        while self.goes_on() {
            deck.pause(0.3, 2.0).await;
            let (place, fault) = deck.draw();
            let _fault = self.faults.read().await;
            self.disturb(place, fault, &mut deck).await;
        }
    }

    async fn disturb(&self, place: Place, fault: NetworkFault, deck: &mut Deck<(Place, NetworkFault)>) {
        let (link, name) = self.link(place, deck);
        let timeline = &self.deployment.timeline;
        let (condition, kind) = match fault {
            NetworkFault::Cut => {
                timeline.fault("networks cut", format!("{name} is cut"));
                return link.cut();
            }
            NetworkFault::Down => (Condition::Down, "networks down"),
            NetworkFault::Slow => (Condition::Slow(deck.between(0.02, 0.3)), "networks slow"),
            NetworkFault::Silent => (Condition::Silent, "networks silent"),
        };
        timeline.fault(kind, format!("{name} is {condition:?}"));
        link.set(condition);
        deck.pause(0.5, 6.0).await;
        // What was in a network that swallowed everything may arrive after all, or never.
        if matches!(fault, NetworkFault::Silent) && deck.random.below(2) == 0 {
            link.cut();
        }
        link.set(Condition::Open);
        timeline.note(format!("{name} is Open"));
    }

    fn link(&self, place: Place, deck: &mut Deck<(Place, NetworkFault)>) -> (&Link, String) {
        let Deployment {
            doors, edges, desk, ..
        } = self.deployment;
        match place {
            Place::Door => {
                let number = deck.random.below(doors.len());
                (&doors[number], format!("door {number}"))
            }
            Place::Front => {
                let edge = deck.one_of(edges);
                (
                    &edge.front,
                    format!("the network from the proxy to {}", edge.name),
                )
            }
            Place::Back => {
                let edge = deck.one_of(edges);
                (
                    &edge.back,
                    format!("the network from {} to nats-server", edge.name),
                )
            }
            Place::Desk => (desk, "the network from the appender to nats-server".to_owned()),
        }
    }
}
