//! What the holder of a ticket has.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::error::{Cause, TicketError};

/// Random bytes of a ticket.
const BYTES: usize = 32;

/// What lets its holder in, once: 64 hexadecimal digits. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(String);

impl Ticket {
    /// Takes what a client sent; nothing when it cannot be a ticket.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 2 * BYTES && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// The digits, for the one for whom it was made.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn random() -> Result<Self, TicketError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| TicketError::Random(Cause::of(&error)))?;
        Ok(Self(hexadecimal(&bytes)))
    }

    /// What stands for it wherever it is kept. Random bytes need neither salt nor a slow hash.
    pub(super) fn hash(&self) -> String {
        hexadecimal(&Sha256::digest(&self.0))
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(ticket)")
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_what_was_made_and_nothing_near_it() {
        let ticket = Ticket::random().unwrap();
        let text = ticket.expose();
        assert_eq!(Ticket::parse(text), Some(ticket.clone()));
        for other in [
            "",
            &text[1..],
            &format!("{text}0"),
            &format!("{}*", &text[1..]),
            &format!("{}é", &text[2..]),
            &format!("{}A", &text[1..]),
        ] {
            assert_eq!(Ticket::parse(other), None, "{other}");
        }
        assert_ne!(Ticket::random().unwrap(), ticket);
    }

    #[test]
    fn neither_its_hash_nor_its_debug_form_shows_it() {
        let ticket = Ticket::parse(&"ab".repeat(BYTES)).unwrap();
        assert_eq!(format!("{ticket:?}"), "(ticket)");
        assert_eq!(
            ticket.hash(),
            "271a413bd339c5709fdceaec41f14f11e9fbfb5042d72d331c65f32b284cd09a"
        );
    }
}
