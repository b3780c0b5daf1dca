//! A block of an event stream, kept as one [chunk] of a chunked body: its size in hexadecimal on a line before it and a line
//! break behind it. So a block is encoded once for everybody: what goes over a bare socket is the whole chunk, and what
//! goes through a server that frames by itself is a slice of the same bytes.
//!
//! [chunk]: https://www.rfc-editor.org/rfc/rfc9112#section-7.1

use bytes::Bytes;

/// Ends a chunked body.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

const END_OF_LINE: &str = "\r\n";

/// Where the size goes. More digits than any block needs; those that are not needed are cut off.
const ROOM_FOR_SIZE: &str = "00000000\r\n";

/// A finished block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block(Bytes);

/// A block that is being written.
pub(crate) struct Draft(String);

impl Draft {
    /// An empty one with room for `bytes`.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let framing = ROOM_FOR_SIZE.len() + END_OF_LINE.len();
        let mut chunk = String::with_capacity(bytes + framing);
        chunk.push_str(ROOM_FOR_SIZE);
        Self(chunk)
    }

    /// What is written is to be added at its end.
    pub(crate) fn text(&mut self) -> &mut String {
        &mut self.0
    }

    /// Frames it.
    pub(crate) fn finish(self) -> Block {
        let Self(mut chunk) = self;
        let size = format!("{:x}", chunk.len() - ROOM_FOR_SIZE.len());
        let end = ROOM_FOR_SIZE.len() - END_OF_LINE.len();
        let start = end - size.len();
        chunk.replace_range(start..end, &size);
        chunk.push_str(END_OF_LINE);
        Block(Bytes::from(chunk).slice(start..))
    }
}

impl Block {
    /// The block with its framing.
    pub(crate) fn chunk(&self) -> &Bytes {
        &self.0
    }

    /// The block alone.
    pub(crate) fn text(&self) -> Bytes {
        let size = self
            .0
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        self.0.slice(size..self.0.len() - END_OF_LINE.len())
    }
}

#[cfg(test)]
impl From<&str> for Block {
    fn from(text: &str) -> Self {
        let mut draft = Draft::with_capacity(text.len());
        draft.text().push_str(text);
        draft.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_one_chunk_and_a_slice_of_it() {
        for (text, size) in [
            ("a\n\n".to_owned(), "3"),
            ("x".repeat(300), "12c"),
            ("\r\n".repeat(2_048), "1000"),
        ] {
            let block = Block::from(text.as_str());
            assert_eq!(block.chunk(), &format!("{size}\r\n{text}\r\n"));
            assert_eq!(block.text(), text);
        }
    }
}
