//! Lines of a file, each bounded.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};

/// The most bytes a line may have, and a CSV row of several.
pub(super) const MAX_BYTES: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line as it is in the file, with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    /// The bytes with the line feed; where the line is too long, only its beginning.
    pub(super) bytes: Vec<u8>,
    pub(super) length: Length,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Whole,
    /// Longer than [`MAX_BYTES`]; the rest was passed over.
    TooLong,
}

pub(super) struct Lines<R> {
    input: R,
    read: u64,
    put_back: VecDeque<Line>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            read: 0,
            put_back: VecDeque::new(),
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        match self.put_back.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read_line(),
        }
    }

    /// The lines come again, in this order, before all others.
    pub(super) fn put_back(&mut self, lines: impl DoubleEndedIterator<Item = Line>) {
        for line in lines.rev() {
            self.put_back.push_front(line);
        }
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        // One more than allowed, to tell a line that is just as long as it may be from one that is longer.
        (&mut self.input)
            .take(MAX_BYTES as u64 + 1)
            .read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.read += 1;
        let mut length = Length::Whole;
        if bytes.len() > MAX_BYTES {
            length = Length::TooLong;
            if !bytes.ends_with(b"\n") {
                self.input.skip_until(b'\n')?;
            }
        }
        if self.read == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(Line {
            number: self.read,
            bytes,
            length,
        }))
    }
}

impl Line {
    pub(super) fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_beyond_the_bound_is_passed_over_without_being_kept() {
        let just_fits = [vec![b'a'; MAX_BYTES - 1], vec![b'\n']].concat();
        let too_long = [vec![b'b'; 3 * MAX_BYTES], vec![b'\n']].concat();
        let text = [
            just_fits.as_slice(),
            &too_long,
            b"c\n",
            &vec![b'd'; MAX_BYTES + 1],
        ]
        .concat();
        let mut lines = Lines::new(text.as_slice());
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            assert!(line.bytes.capacity() <= 4 * MAX_BYTES);
            seen.push((line.number, line.bytes[0], line.length));
        }
        use Length::{TooLong, Whole};
        assert_eq!(
            seen,
            [
                (1, b'a', Whole),
                (2, b'b', TooLong),
                (3, b'c', Whole),
                (4, b'd', TooLong)
            ]
        );
    }

    #[test]
    fn lines_that_were_put_back_come_again_in_order() {
        let mut lines = Lines::new(b"\xef\xbb\xbfa\nb\nc" as &[u8]);
        let (a, b) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
        assert_eq!(a.bytes, b"a\n");
        lines.put_back([a, b].into_iter());
        let numbers: Vec<u64> = std::iter::from_fn(|| lines.next().unwrap())
            .map(|line| line.number)
            .collect();
        assert_eq!(numbers, [1, 2, 3]);
    }
}
