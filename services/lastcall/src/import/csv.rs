//! Rows of a CSV file (RFC 4180), so that a broken one costs itself only.
//!
//! The usual readers find some way to read anything: a quote that is never closed makes one long value of everything up
//! to the next quote, and the good rows in between are gone without a word. Here a quote has to be followed by what may
//! follow it. If it is not, or the row grows beyond its bound, or the file ends, the row's first line is what is wrong,
//! and reading goes on with the line after it.

use std::io::{self, BufRead};

use super::lines::{Length, Line, Lines, MAX_BYTES};
use super::reject::{Fault, Reject};

/// The fields of one row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Row {
    /// The line it begins on.
    pub(super) line: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Row {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// The next row that is not blank. `Err` is a line that makes none.
pub(super) fn next_row<R: BufRead>(lines: &mut Lines<R>) -> io::Result<Option<Result<Row, Reject>>> {
    loop {
        let Some(first) = lines.next()? else {
            return Ok(None);
        };
        if first.length == Length::Whole && first.is_blank() {
            continue;
        }
        let mut parser = Parser::new(first.number);
        let mut taken = vec![first];
        let mut bytes = 0;
        let broken = loop {
            let line = &taken[taken.len() - 1];
            bytes += line.bytes.len();
            if line.length == Length::TooLong || bytes > MAX_BYTES {
                break if taken.len() == 1 { TOO_LONG } else { NEVER_CLOSED };
            }
            match parser.feed(line) {
                Fed::Complete => return Ok(Some(Ok(parser.row))),
                Fed::Broken => break TEXT_AFTER_QUOTE,
                Fed::Quoted => match lines.next()? {
                    Some(line) => taken.push(line),
                    None => break NEVER_CLOSED,
                },
            }
        };
        let mut taken = taken.into_iter();
        let Some(first) = taken.next() else { continue };
        lines.put_back(taken);
        let fault = Fault::of_row(broken, &first.bytes);
        return Ok(Some(Err(Reject {
            line: first.number,
            fault,
        })));
    }
}

const TOO_LONG: &str = "the line is longer than 1 MiB";
const NEVER_CLOSED: &str = "a quote is opened and not closed within 1 MiB or the rest of the file";
const TEXT_AFTER_QUOTE: &str = "a quote that is opened on this line is followed, where it closes, by neither a comma nor the end of a line";

struct Parser {
    row: Row,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote within quotes: the first half of a doubled one, or the closing one.
    Closing,
}

enum Fed {
    Complete,
    /// The line ended within quotes.
    Quoted,
    Broken,
}

impl Parser {
    fn new(line: u64) -> Self {
        Self {
            row: Row {
                line,
                ..Row::default()
            },
            state: State::FieldStart,
        }
    }

    fn feed(&mut self, line: &Line) -> Fed {
        let body = line.bytes.strip_suffix(b"\n").unwrap_or(&line.bytes);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        for &byte in body {
            self.state = match (self.state, byte) {
                (State::FieldStart, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::Closing,
                (State::FieldStart | State::Unquoted | State::Closing, b',') => {
                    self.end_field();
                    State::FieldStart
                }
                (State::Closing, b'"') => self.keep(byte, State::Quoted),
                (State::Closing, _) => return Fed::Broken,
                (State::Quoted, _) => self.keep(byte, State::Quoted),
                (State::FieldStart | State::Unquoted, _) => self.keep(byte, State::Unquoted),
            };
        }
        if self.state == State::Quoted {
            self.row.text.extend_from_slice(&line.bytes[body.len()..]);
            return Fed::Quoted;
        }
        self.end_field();
        Fed::Complete
    }

    fn keep(&mut self, byte: u8, state: State) -> State {
        self.row.text.push(byte);
        state
    }

    fn end_field(&mut self) {
        self.row.ends.push(self.row.text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row as its line and fields joined with `|`, each reject as its line and `!`.
    fn read(text: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(text);
        let mut seen = Vec::new();
        while let Some(row) = next_row(&mut lines).unwrap() {
            seen.push(match row {
                Ok(row) => {
                    let fields: Vec<_> = row.iter().map(String::from_utf8_lossy).collect();
                    format!("{} {}", row.line, fields.join("|"))
                }
                Err(reject) => format!("{} !", reject.line),
            });
        }
        seen
    }

    #[test]
    fn quotes_line_ends_and_empty_fields_are_read_as_rfc_4180_says() {
        assert_eq!(
            read(b"a,b\r\n\"x, \"\"y\"\"\",\r\n\r\n,\n"),
            ["1 a|b", "2 x, \"y\"|", "4 |"]
        );
        assert_eq!(read(b"a,\"1\r\n2\n\n3\",b\nc\n"), ["1 a|1\r\n2\n\n3|b", "5 c"]);
        assert_eq!(read(b"a \"quoted\" word,b"), ["1 a \"quoted\" word|b"]);
        assert_eq!(read(b"\"\"\n"), ["1 "]);
        assert_eq!(read(b""), [""; 0]);
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_line() {
        assert_eq!(
            read(b"1,\"open\n2,x\n3,\"y\",z\n4,w\n"),
            ["1 !", "2 2|x", "3 3|y|z", "4 4|w"]
        );
        assert_eq!(
            read(b"1,x\n2,\"open\n3,y\n4,z"),
            ["1 1|x", "2 !", "3 3|y", "4 4|z"]
        );
        let mut long = b"1,\"open\n".to_vec();
        long.extend(b"2,x\n".repeat(MAX_BYTES / 2));
        let seen = read(&long);
        assert_eq!(seen[0], "1 !");
        assert_eq!(seen.len(), 1 + MAX_BYTES / 2);
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself() {
        let text = [b"1,x\n".as_slice(), &vec![b'a'; 2 * MAX_BYTES], b"\n3,y\n"].concat();
        assert_eq!(read(&text), ["1 1|x", "2 !", "3 3|y"]);
        let inside = [b"1,\"x\n".as_slice(), &vec![b'a'; 2 * MAX_BYTES], b"\n3,y\n"].concat();
        assert_eq!(read(&inside), ["1 !", "2 !", "3 3|y"]);
    }
}
