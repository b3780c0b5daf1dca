//! The blocks of an [event stream][spec], as they arrive. Buffers are kept from block to block.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use std::time::Duration;

/// What has arrived of the next block.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    line: Vec<u8>,
    id: Option<String>,
    event: String,
    data: Vec<u8>,
    has_data: bool,
    retry: Option<Duration>,
}

/// A whole block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) id: Option<String>,
    /// Empty for an ordinary event.
    pub(super) event: &'a str,
    /// Nothing, when the block dispatches no event.
    pub(super) data: Option<&'a [u8]>,
    pub(super) retry: Option<Duration>,
}

impl Blocks {
    /// Takes what arrived, and hands out what is complete. What is not when the connection ends never was.
    pub(super) fn take(&mut self, bytes: &[u8], mut each: impl FnMut(Block<'_>)) {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let mut line = lines.next().unwrap_or_default();
        for next in lines {
            self.line.extend_from_slice(line);
            self.end_of_line(&mut each);
            self.line.clear();
            line = next;
        }
        self.line.extend_from_slice(line);
    }

    fn end_of_line(&mut self, each: &mut impl FnMut(Block<'_>)) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if line.is_empty() {
            return self.end_of_block(each);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = || String::from_utf8_lossy(value).into_owned();
        match field {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"id" => self.id = Some(text()),
            b"event" => self.event = text(),
            b"retry" => self.retry = text().parse().ok().map(Duration::from_millis),
            _ => {}
        }
    }

    fn end_of_block(&mut self, each: &mut impl FnMut(Block<'_>)) {
        each(Block {
            id: self.id.take(),
            event: &self.event,
            data: self.has_data.then_some(&self.data[..]),
            retry: self.retry.take(),
        });
        self.event.clear();
        self.data.clear();
        self.has_data = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_the_same_however_they_are_cut() {
        let text = "retry: 2000\nid: a.1\n\n: heartbeat\nid: a.2\n\nid: a.3\ndata: x\ndata: y\r\n\nevent: gap\ndata:z\n\nid: a.4\n";
        for size in 1..=text.len() {
            let (mut blocks, mut told) = (Blocks::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                blocks.take(piece, |block| {
                    let data = block.data.map(|data| String::from_utf8_lossy(data).into_owned());
                    told.push((block.id, block.event.to_owned(), data, block.retry));
                });
            }
            let id = |id: &str| Some(id.to_owned());
            let expected = [
                (id("a.1"), String::new(), None, Some(Duration::from_secs(2))),
                (id("a.2"), String::new(), None, None),
                (id("a.3"), String::new(), id("x\ny"), None),
                (None, "gap".to_owned(), id("z"), None),
            ];
            assert_eq!(told, expected, "in pieces of {size}");
        }
    }
}
