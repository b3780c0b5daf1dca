//! Lines out of what comes over a connection, wherever it was cut.

/// What has come of a line that is not at its end.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Calls `take` with each line that is complete now, without its end.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            if self.begun.is_empty() {
                take(line.strip_suffix(b"\r").unwrap_or(line));
            } else {
                self.begun.extend_from_slice(line);
                take(self.begun.strip_suffix(b"\r").unwrap_or(&self.begun));
                self.begun.clear();
            }
            rest = behind;
        }
        self.begun.extend_from_slice(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_wherever_they_are_cut() {
        let text = b"HTTP/1.1 200 OK\r\n\r\n12c\r\nid: 1\ndata: x\n\n\r\nrest";
        let mut whole = Vec::new();
        Lines::default().feed(text, |line| whole.push(line.to_vec()));
        assert_eq!(whole.len(), 7);
        for size in 1..text.len() {
            let (mut lines, mut cut) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.feed(piece, |line| cut.push(line.to_vec()));
            }
            assert_eq!(cut, whole, "pieces of {size}");
        }
    }
}
