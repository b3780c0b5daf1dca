//! The log in temporary files, by person: each has everything to and of some people, in the order of the log.
//!
//! The files have no names, so that they are gone however the process ends.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};

use bytes::{Buf as _, Bytes};
use chrono::DateTime;
use event_log::Stored;
use proto_schemas::Recipient;

/// About how many messages a file has. A few files are in memory at once.
const MESSAGES_A_FILE: u64 = 5_000;

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
    /// All messages. They share one buffer.
    pub(super) fn read(mut self) -> io::Result<Vec<Stored>> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        let mut bytes = Bytes::from(bytes);
        (0..self.messages).map(|_| message(&mut bytes)).collect()
    }
}

fn message(bytes: &mut Bytes) -> io::Result<Stored> {
    let sequence = bytes.try_get_u64_le()?;
    let stored_at = bytes.try_get_i64_le()?;
    let (subject, payload) = (bytes.try_get_u64_le()?, bytes.try_get_u64_le()?);
    let subject = part(bytes, subject)?;
    let subject = str::from_utf8(&subject).map_err(io::Error::other)?;
    Ok(Stored {
        sequence,
        subject: subject.into(),
        stored_at: DateTime::from_timestamp_nanos(stored_at),
        payload: part(bytes, payload)?,
    })
}

fn part(bytes: &mut Bytes, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    if length > bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.split_to(length))
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
