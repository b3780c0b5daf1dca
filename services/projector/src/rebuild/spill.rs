//! The log in temporary files, by person: each has everything to and of some people, in the order of the log.
//!
//! The files have no names, so that they are gone however the process ends.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write as _};

use bytes::Bytes;
use chrono::DateTime;
use event_log::Stored;
use proto_schemas::Recipient;

/// About how many messages a file has. A few files are in memory at once.
const MESSAGES_A_FILE: u64 = 20_000;

/// Each is an open file.
const MOST_FILES: u64 = 256;

const BUFFER_BYTES: usize = 64 * 1024;

pub(super) struct Spill {
    everybody: Part,
    people: Vec<Part>,
}

struct Part {
    file: BufWriter<File>,
    messages: u64,
}

/// What is to everybody, or to and of some people.
pub(super) struct Spilled {
    file: File,
    pub(super) messages: u64,
}

impl Spill {
    /// For about so many messages.
    pub(super) fn new(messages: u64) -> io::Result<Self> {
        let files = (messages / MESSAGES_A_FILE + 1).min(MOST_FILES);
        Ok(Self {
            everybody: Part::new()?,
            people: (0..files).map(|_| Part::new()).collect::<io::Result<_>>()?,
        })
    }

    pub(super) fn add(&mut self, message: &Stored) -> io::Result<()> {
        if *message.subject == *Recipient::Everybody.subject() {
            return self.everybody.add(message);
        }
        let mut hasher = DefaultHasher::new();
        message.subject.hash(&mut hasher);
        let part = hasher.finish() % self.people.len() as u64;
        match self.people.get_mut(usize::try_from(part).unwrap_or(0)) {
            Some(part) => part.add(message),
            None => Ok(()),
        }
    }

    /// What is to everybody, and the others.
    pub(super) fn finish(self) -> io::Result<(Spilled, Vec<Spilled>)> {
        let people = self.people.into_iter().map(Part::finish);
        Ok((self.everybody.finish()?, people.collect::<io::Result<_>>()?))
    }
}

impl Part {
    fn new() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile()?),
            messages: 0,
        })
    }

    fn add(&mut self, message: &Stored) -> io::Result<()> {
        self.messages += 1;
        // Beyond the year 2262 the time is wrong and the message still right, as in the log.
        let stored_at = message.stored_at.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let (subject, payload) = (message.subject.as_bytes(), &message.payload);
        let file = &mut self.file;
        file.write_all(&message.sequence.to_le_bytes())?;
        file.write_all(&stored_at.to_le_bytes())?;
        file.write_all(&(subject.len() as u64).to_le_bytes())?;
        file.write_all(&(payload.len() as u64).to_le_bytes())?;
        file.write_all(subject)?;
        file.write_all(payload)
    }

    fn finish(self) -> io::Result<Spilled> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Spilled {
            file,
            messages: self.messages,
        })
    }
}

impl Spilled {
    pub(super) fn read(self) -> io::Result<Vec<Stored>> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, self.file);
        (0..self.messages).map(|_| message(&mut file)).collect()
    }
}

fn message(file: &mut impl Read) -> io::Result<Stored> {
    let sequence = number(file)?;
    let stored_at = number(file)?.cast_signed();
    let (subject, payload) = (number(file)?, number(file)?);
    let subject = String::from_utf8(bytes(file, subject)?).map_err(io::Error::other)?;
    Ok(Stored {
        sequence,
        subject: subject.into(),
        stored_at: DateTime::from_timestamp_nanos(stored_at),
        payload: Bytes::from(bytes(file, payload)?),
    })
}

fn number(file: &mut impl Read) -> io::Result<u64> {
    let mut number = [0; 8];
    file.read_exact(&mut number)?;
    Ok(u64::from_le_bytes(number))
}

fn bytes(file: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_in_one_file_and_in_order() {
        let stored = |sequence: u64, subject: String| Stored {
            sequence,
            subject: subject.into(),
            stored_at: DateTime::from_timestamp_nanos(1_700_000_000_123_456_789 + sequence.cast_signed()),
            payload: Bytes::from(vec![7; usize::try_from(sequence % 5).unwrap()]),
        };
        let messages: Vec<Stored> = (1..=1_000)
            .map(|sequence| match sequence % 10 {
                0 => stored(sequence, "evt.all".to_owned()),
                _ => stored(sequence, format!("evt.user.u{}", sequence % 37)),
            })
            .collect();
        let mut spill = Spill::new(3 * MESSAGES_A_FILE).unwrap();
        for message in &messages {
            spill.add(message).unwrap();
        }
        let (everybody, people) = spill.finish().unwrap();
        assert_eq!(people.len(), 4);
        let files = std::iter::once(everybody).chain(people);
        let mut read: Vec<Stored> = Vec::new();
        for messages in files.map(|file| file.read().unwrap()) {
            assert!(messages.is_sorted_by_key(|message| message.sequence));
            let known = |message: &Stored| read.iter().any(|other| other.subject == message.subject);
            assert!(!messages.iter().any(known), "somebody is in two files");
            read.extend(messages);
        }
        read.sort_by_key(|message| message.sequence);
        assert_eq!(read, messages);
    }
}
