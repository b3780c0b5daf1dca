//! One client of the person: reads lists, does something with what it sees, and insists until it is answered.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use domain::entry::Entry;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use test_support::lastcall::eventually;
use test_support::link::Link;
use test_support::random::Random;
use test_support::stored_log::Message;
use uuid::Uuid;

use crate::replay::{Counts, Line};
use crate::site::{FUNDINGS, Site, person, token};

/// So short that a silent network does not take the whole run.
const PATIENCE: Duration = Duration::from_secs(3);

const PAUSE: Duration = Duration::from_millis(40);

/// A client with a network of its own.
pub(crate) struct Client {
    pub(crate) link: Link,
    http: reqwest::Client,
    token: String,
    random: RefCell<Random>,
    /// What was asked for under a key of its own, with the answer once there is one.
    asked: RefCell<Vec<Asked>>,
    /// The newest place that an answer named.
    reached: RefCell<u64>,
}

#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    path: String,
    body: Value,
    key: Uuid,
    answer: Option<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Answer {
    cursor: String,
    /// Absent where preferences are changed.
    changed: Option<bool>,
}

/// All that an inbox shows.
#[derive(Debug, Deserialize)]
pub(crate) struct Shown {
    #[serde(rename = "notifications")]
    pub(crate) lines: Vec<Line>,
    pub(crate) counts: Counts,
    next: Option<String>,
    cursor: Option<String>,
}

fn sequence(cursor: &str) -> u64 {
    let (_, sequence) = cursor.split_once('.').expect("a cursor");
    sequence.parse().expect("a sequence")
}

impl Client {
    pub(crate) async fn of(site: &Site, number: usize, random: Random) -> Self {
        Self {
            link: site.link(number).await,
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("a client"),
            token: token(),
            random: RefCell::new(random),
            asked: RefCell::default(),
            reached: RefCell::default(),
        }
    }

    /// Does one thing after the other until an instant.
    pub(crate) async fn act(&self, until: Instant) {
        while Instant::now() < until {
            let choice = self.random.borrow_mut().below(10);
            match choice {
                0..3 => {
                    let at_least = *self.reached.borrow();
                    self.list(Some(at_least)).await;
                }
                3..8 => self.change_some().await,
                8 => self.mute().await,
                _ => self.repeat().await,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Insists on what is not answered yet.
    pub(crate) async fn finish(&self) {
        let asked = self.asked.borrow().len();
        for index in 0..asked {
            eventually("what was asked for is answered", async || {
                self.send(index).await;
                self.asked.borrow()[index].answer.as_ref().map(|_| ())
            })
            .await;
        }
    }

    /// How many changes were answered.
    pub(crate) fn answered(&self) -> usize {
        let asked = self.asked.borrow();
        asked.iter().filter(|asked| asked.answer.is_some()).count()
    }

    /// The whole inbox as of a place at least, if it can be had now. Lines and counts of one answer have to agree.
    pub(crate) async fn list(&self, at_least: Option<u64>) -> Option<Shown> {
        let epoch = self.epoch().await?;
        let at_least = at_least.map_or_else(String::new, |sequence| format!("&at_least={epoch}.{sequence}"));
        let path = format!("/v1/notifications?state=all&limit=200{at_least}");
        let (status, answer) = self.ask(&Method::GET, &path, None, None).await?;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        assert_eq!(status, StatusCode::OK, "{answer}");
        let shown: Shown = serde_json::from_value(answer).expect("a list");
        assert_eq!(shown.next, None, "all is on one page");
        assert_eq!(shown.counts, Counts::of(&shown.lines), "counts of their list");
        if let Some(cursor) = &shown.cursor {
            self.reach(cursor);
        }
        Some(shown)
    }

    /// Every change that was answered is in the log where the answer says, and no key made two events.
    pub(crate) fn check_answers(&self, log: &[Message]) {
        for asked in self.asked.borrow().iter() {
            let Some(Answer { cursor, changed }) = &asked.answer else {
                panic!("never answered: {asked:?}");
            };
            if *changed == Some(true) {
                let place = sequence(cursor);
                let message = log.iter().find(|message| message.sequence == place);
                let message = message.unwrap_or_else(|| panic!("not in the log: {asked:?}"));
                let entry = Entry::from_stored(&message.payload).expect("an event");
                assert!(
                    matches!(&entry, Entry::StateChanged(changed) if changed.user == person()),
                    "{asked:?} is {entry:?}"
                );
            }
        }
    }

    async fn change_some(&self) {
        let Some(shown) = self.list(None).await else {
            return;
        };
        let change = {
            let mut random = self.random.borrow_mut();
            let named = ["seen", "read", "unread", "archived", "unarchived"];
            let all = ["seen", "read", "archived"];
            let mut ids: Vec<Uuid> = shown.lines.iter().map(|line| line.id).collect();
            random.shuffle(&mut ids);
            ids.truncate(1 + random.below(5));
            match shown.cursor {
                Some(cursor) if random.below(6) == 0 => {
                    json!({ "change": all[random.below(all.len())], "up_to": cursor })
                }
                _ if ids.is_empty() => return,
                _ => json!({ "change": named[random.below(named.len())], "ids": ids }),
            }
        };
        self.begin(Method::POST, "/v1/notifications/state", change).await;
    }

    async fn mute(&self) {
        let (funding, method) = {
            let mut random = self.random.borrow_mut();
            let methods = [Method::PUT, Method::DELETE];
            (random.below(FUNDINGS), methods[random.below(2)].clone())
        };
        let path = format!("/v1/preferences/muted-fundings/f{funding}");
        // It says how things are to be, and may be asked for as often as one likes.
        if let Some((status, answer)) = self.ask(&method, &path, None, None).await {
            let good = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE];
            assert!(good.contains(&status), "{status} {answer}");
        }
    }

    /// Asks for the same once more, as a client does that did not hear the answer. It may have been undone since.
    async fn repeat(&self) {
        let count = self.asked.borrow().len();
        if count > 0 {
            let index = self.random.borrow_mut().below(count);
            self.send(index).await;
        }
    }

    async fn begin(&self, method: Method, path: &str, body: Value) {
        let asked = Asked {
            method,
            path: path.to_owned(),
            body,
            key: Uuid::from_u128(u128::from(self.random.borrow_mut().draw())),
            answer: None,
        };
        let index = {
            let mut all = self.asked.borrow_mut();
            all.push(asked);
            all.len() - 1
        };
        self.send(index).await;
    }

    async fn send(&self, index: usize) {
        let asked = self.asked.borrow()[index].clone();
        let Some((status, answer)) = self
            .ask(&asked.method, &asked.path, Some(&asked.body), Some(asked.key))
            .await
        else {
            return;
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return;
        }
        assert_eq!(status, StatusCode::OK, "{answer}: {asked:?}");
        let answer: Answer = serde_json::from_value(answer).expect("an answer");
        self.reach(&answer.cursor);
        match &asked.answer {
            Some(before) if before.changed == Some(true) => {
                assert_eq!(
                    &answer, before,
                    "a repetition is answered like the first: {asked:?}"
                );
            }
            _ => self.asked.borrow_mut()[index].answer = Some(answer),
        }
    }

    async fn epoch(&self) -> Option<String> {
        let path = "/v1/notifications/unread-count";
        let (status, answer) = self.ask(&Method::GET, path, None, None).await?;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let (epoch, _) = answer["cursor"].as_str()?.split_once('.')?;
        Some(epoch.to_owned())
    }

    /// Status and body, or nothing where the network or the process failed.
    async fn ask(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<Uuid>,
    ) -> Option<(StatusCode, Value)> {
        let url = format!("http://{}{path}", self.link.address());
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key.to_string());
        }
        let answer = request.send().await.ok()?;
        Some((answer.status(), answer.json().await.ok()?))
    }

    fn reach(&self, cursor: &str) {
        let mut reached = self.reached.borrow_mut();
        *reached = (*reached).max(sequence(cursor));
    }
}
