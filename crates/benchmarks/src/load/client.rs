//! One client: what it has heard, and from where it goes on when it is cut off.

use std::net::TcpStream;
use std::time::Duration;

use super::event::{Event, Recipient};
use super::lines::Lines;
use super::tally::Tally;

const OK: &[u8] = b"HTTP/1.1 200 ";

/// A client with or without a connection.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) socket: Option<TcpStream>,
    lines: Lines,
    state: State,
    /// The id of the last block that came whole.
    last_id: String,
    /// The id in the block that is coming.
    next_id: String,
    heard: Heard,
}

/// How many events a client has heard, which is also the number of the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heard {
    pub(super) own: u32,
    pub(super) everybodys: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing has come yet.
    #[default]
    Asked,
    /// The head of the answer has begun.
    Answered,
    /// The stream has begun.
    Open,
}

impl Client {
    /// Goes on with a new connection.
    pub(super) fn connected(&mut self, socket: TcpStream) {
        self.socket = Some(socket);
        self.lines = Lines::default();
        self.state = State::Asked;
        self.next_id.clear();
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard
    }

    /// What it sends as its last event id.
    pub(super) fn last_id(&self) -> &str {
        &self.last_id
    }

    /// Whether its stream has begun.
    pub(super) fn is_open(&self) -> bool {
        self.socket.is_some() && self.state == State::Open
    }

    /// Whether it waits for its stream to begin.
    pub(super) fn is_opening(&self) -> bool {
        self.socket.is_some() && self.state != State::Open
    }

    /// Takes what the server sent to the client of this index.
    pub(super) fn take(&mut self, index: usize, bytes: &[u8], now: Duration, tally: &mut Tally) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, |line| self.line(index, line, now, tally));
        self.lines = lines;
    }

    /// Sizes of chunks and headers are lines like all others; none of them begins like those that count.
    fn line(&mut self, index: usize, line: &[u8], now: Duration, tally: &mut Tally) {
        if self.state == State::Asked {
            self.state = State::Answered;
            tally.refused += u64::from(!line.starts_with(OK));
        } else if line.is_empty() {
            if !self.next_id.is_empty() {
                std::mem::swap(&mut self.last_id, &mut self.next_id);
                self.next_id.clear();
            }
        } else if let Some(data) = line.strip_prefix(b"data: ") {
            self.event(index, data, now, tally);
        } else if let Some(id) = line.strip_prefix(b"id: ") {
            self.next_id.clear();
            self.next_id.push_str(std::str::from_utf8(id).unwrap_or_default());
            self.state = State::Open;
        } else if line.starts_with(b": ") {
            self.state = State::Open;
        } else if line.starts_with(b"event: ") {
            tally.gaps += 1;
        }
    }

    fn event(&mut self, index: usize, data: &[u8], now: Duration, tally: &mut Tally) {
        let event = Event::read(data);
        let (event, next) = match event {
            Some(event) if event.to == Recipient::Everybody => (event, &mut self.heard.everybodys),
            Some(event) if event.to == Recipient::Client(index) => (event, &mut self.heard.own),
            _ => {
                tally.foreign += 1;
                return;
            }
        };
        if event.number < *next {
            tally.duplicated += 1;
            return;
        }
        tally.lost += u64::from(event.number - *next);
        *next = event.number + 1;
        tally.deliver(now.saturating_sub(event.sent));
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Draft;
    use super::*;

    fn block(to: Recipient, number: u32) -> String {
        let mut draft = Draft::new(300);
        let sent = Duration::ZERO;
        let event = String::from_utf8(draft.write(&Event { to, number, sent }).to_vec()).unwrap();
        format!("16c\r\nid: abcd.{number}\ndata: {event}\n\n\r\n")
    }

    fn heard(text: &str) -> (Client, Tally) {
        let (mut client, mut tally) = (Client::default(), Tally::default());
        let head = "HTTP/1.1 200 OK\r\ndate: today\r\n\r\n1d\r\nretry: 1000\nid: abcd.0\n\n\r\n";
        for piece in [head, text].concat().as_bytes().chunks(7) {
            client.take(3, piece, Duration::ZERO, &mut tally);
        }
        (client, tally)
    }

    #[test]
    fn what_is_missing_or_comes_again_or_is_for_somebody_else_is_counted() {
        let own = |number| block(Recipient::Client(3), number);
        let everybodys = |number| block(Recipient::Everybody, number);
        let (client, tally) = heard(&[own(0), everybodys(0), own(1)].concat());
        assert_eq!(
            (tally.delivered, tally.lost, tally.duplicated, tally.refused),
            (3, 0, 0, 0)
        );
        assert_eq!(client.last_id(), "abcd.1");

        let (_, tally) = heard(&[own(0), own(3), own(0), everybodys(1)].concat());
        assert_eq!((tally.delivered, tally.lost, tally.duplicated), (3, 3, 1));

        let (_, tally) = heard(&[block(Recipient::Client(4), 0), "event: gap\n\n".to_owned()].concat());
        assert_eq!((tally.foreign, tally.gaps), (1, 1));
    }

    #[test]
    fn a_block_that_is_cut_does_not_move_the_last_id() {
        let whole = block(Recipient::Client(3), 5);
        let (client, _) = heard(&whole[..whole.len() - 4]);
        assert_eq!(client.last_id(), "abcd.0");
    }
}
