//! The events that are sent: whom they are for, their number among these, and when they were sent.
//!
//! All of it stands at fixed places, so that a client can read it without a parser. The rest fills the event up to the
//! size that is asked for.

use std::time::Duration;

/// Digits of whom it is for, of the number and of the time.
const DIGITS: [usize; 3] = [7, 10, 19];

/// What stands before each of them, and behind the last.
const BEFORE: [&str; 4] = [r#"{"to":""#, r#"","number":""#, r#"","sent":""#, r#"","text":""#];

const END: &str = r#""}"#;

/// What stands for everybody.
const EVERYBODY: u64 = 9_999_999;

/// Whom an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// All clients.
    Everybody,
    /// One of them.
    Client(usize),
}

/// What a client has to know of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Whom it is for.
    pub to: Recipient,
    /// Counts the events for this recipient, from 0.
    pub number: u32,
    /// When it was sent, since the beginning of the program.
    pub sent: Duration,
}

/// An event as it is sent, written again and again into the same bytes.
#[derive(Debug, Clone)]
pub struct Draft(Vec<u8>);

impl Draft {
    /// For events of so many bytes, or of the least that there can be.
    pub fn new(bytes: usize) -> Self {
        let [to, number, sent] = DIGITS.map(|digits| "0".repeat(digits));
        let [before_to, before_number, before_sent, before_text] = BEFORE;
        let mut event = [
            before_to,
            &to,
            before_number,
            &number,
            before_sent,
            &sent,
            before_text,
        ]
        .concat();
        let text = bytes.saturating_sub(event.len() + END.len());
        event.extend(std::iter::repeat_n('x', text));
        event.push_str(END);
        Self(event.into_bytes())
    }

    /// The bytes of this event.
    pub fn write(&mut self, event: &Event) -> &[u8] {
        let to = match event.to {
            Recipient::Everybody => EVERYBODY,
            Recipient::Client(client) => client as u64,
        };
        let sent = u64::try_from(event.sent.as_nanos()).unwrap_or(u64::MAX);
        for (place, mut value) in places().zip([to, event.number.into(), sent]) {
            for digit in self.0[place].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        }
        &self.0
    }
}

impl Event {
    /// Reads what a draft wrote; nothing when it is something else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut values = [0; 3];
        for (value, place) in values.iter_mut().zip(places()) {
            *value = number(bytes.get(place)?)?;
        }
        let [to, number, sent] = values;
        Some(Self {
            to: match to {
                EVERYBODY => Recipient::Everybody,
                client => Recipient::Client(usize::try_from(client).ok()?),
            },
            number: u32::try_from(number).ok()?,
            sent: Duration::from_nanos(sent),
        })
    }
}

fn places() -> impl Iterator<Item = std::ops::Range<usize>> {
    BEFORE.iter().zip(DIGITS).scan(0, |at, (before, digits)| {
        let start = *at + before.len();
        *at = start + digits;
        Some(start..*at)
    })
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut draft = Draft::new(300);
        for (to, number) in [(Recipient::Client(19_499), 7), (Recipient::Everybody, u32::MAX)] {
            let sent = Duration::from_nanos(1_234_567_890_123);
            let event = Event { to, number, sent };
            let bytes = draft.write(&event);
            assert_eq!(bytes.len(), 300);
            assert_eq!(Event::read(bytes), Some(event));
            serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON");
        }
        assert_eq!(Event::read(b"hello"), None);
    }
}
