//! A client on its way to the edges, and what it heard.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use test_support::stored_log::Message;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// An event as a library gives it to its user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) data: String,
}

/// What a client got so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Event>>>);

/// Somebody who listens.
pub(crate) struct Client {
    /// Through what, and by which way.
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) heard: Heard,
    pub(crate) program: Option<Program>,
}

/// A program that prints events.
pub(crate) struct Program {
    process: Child,
    complaints: Arc<Mutex<String>>,
}

impl Heard {
    pub(crate) fn push(&self, event: Event) {
        self.events().push(event);
    }

    pub(crate) fn len(&self) -> usize {
        self.events().len()
    }

    fn events(&self) -> std::sync::MutexGuard<'_, Vec<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Program {
    /// Starts it; what it prints goes to `heard`.
    pub(crate) fn start(mut command: Command, url: &str, token: &str, heard: Heard) -> Self {
        let mut process = command
            .args([url, token])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let complaints = Arc::default();
        tokio::spawn(listen(process.stdout.take().unwrap(), heard));
        tokio::spawn(collect(process.stderr.take().unwrap(), Arc::clone(&complaints)));
        Self { process, complaints }
    }

    /// What it says besides events, and how it ended, if it has.
    fn state(&mut self) -> String {
        let ended = self.process.try_wait().unwrap();
        let complaints = self.complaints.lock().unwrap();
        format!("ended: {ended:?}, complaints: {complaints}")
    }
}

async fn listen(out: impl AsyncRead + Unpin, heard: Heard) {
    let mut lines = BufReader::new(out).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let event = serde_json::from_str(&line);
        heard.push(event.unwrap_or_else(|error| panic!("{error}: {line:?}")));
    }
}

async fn collect(mut out: impl AsyncRead + Unpin, complaints: Arc<Mutex<String>>) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = out.read(&mut piece).await {
        let text = String::from_utf8_lossy(&piece[..read]);
        complaints.lock().unwrap().push_str(&text);
    }
}

impl Client {
    /// Where it stands, for whoever looks into a failure.
    pub(crate) fn state(&mut self) -> String {
        let program = self.program.as_mut().map(Program::state);
        format!(
            "{}: {} events; {}",
            self.name,
            self.heard.len(),
            program.unwrap_or_default()
        )
    }

    /// Compares what it got with the log: all that is its user's and everybody's, once, in order, and nothing else.
    pub(crate) fn compare(&mut self, log: &[Message], epoch: &str) {
        let mine = format!("evt.user.{}", self.user);
        let expected: Vec<Event> = log
            .iter()
            .filter(|message| message.subject == mine || message.subject == "evt.all")
            .map(|message| Event {
                id: format!("{epoch}.{}", message.sequence),
                kind: "message".to_owned(),
                data: String::from_utf8(message.payload.clone()).unwrap(),
            })
            .collect();
        let heard = self.heard.events().clone();
        let differs = heard
            .iter()
            .zip(&expected)
            .position(|(heard, expected)| heard != expected);
        let at = differs.unwrap_or(heard.len().min(expected.len()));
        assert!(
            heard == expected,
            "{} events instead of {}; number {at} is {:?} instead of {:?}\n{}",
            heard.len(),
            expected.len(),
            heard.get(at),
            expected.get(at),
            self.state()
        );
    }
}
