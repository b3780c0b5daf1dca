//! An HTTP/1.1 answer as it arrives, piece by piece: its head, and its body without the framing.

use std::io;

/// The most bytes that one line of the head, or one size, may have.
const MOST_LINE: usize = 8 * 1024;

/// An answer that is being read.
#[derive(Debug, Default)]
pub(super) struct Response {
    part: Part,
    line: Vec<u8>,
    status: Option<String>,
    content_type: String,
    body: Body,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    Body(Framing),
    Over,
}

/// What comes next of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Trailer,
    Counted(usize),
    UntilEnd,
}

/// How the head says that the body is framed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Body {
    #[default]
    UntilEnd,
    Chunked,
    Counted(usize),
}

/// What a client does about an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResponseError {
    /// It is no event stream: an `EventSource` gives up for good.
    #[error("{0}")]
    Unfit(String),
    /// It is none that HTTP knows.
    #[error("no HTTP")]
    Malformed(#[from] io::Error),
}

impl Response {
    /// Takes what arrived, and hands out what it has of the body.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        mut body: impl FnMut(&[u8]),
    ) -> Result<(), ResponseError> {
        while !bytes.is_empty() && self.part != Part::Over {
            let part = self.part;
            match part {
                Part::Body(Framing::UntilEnd) => body(std::mem::take(&mut bytes)),
                Part::Body(Framing::Chunk(left) | Framing::Counted(left)) => {
                    let (piece, rest) = bytes.split_at(left.min(bytes.len()));
                    body(piece);
                    bytes = rest;
                    self.moved(left - piece.len());
                }
                _ if self.take_line(&mut bytes)? => self.end_of_line()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether it is complete.
    pub(super) fn is_over(&self) -> bool {
        self.part == Part::Over
    }

    fn moved(&mut self, left: usize) {
        self.part = match self.part {
            Part::Body(Framing::Chunk(_)) if left == 0 => Part::Body(Framing::ChunkEnd),
            Part::Body(Framing::Chunk(_)) => Part::Body(Framing::Chunk(left)),
            _ if left == 0 => Part::Over,
            _ => Part::Body(Framing::Counted(left)),
        };
    }

    /// Moves bytes up to the end of a line. Whether it is there.
    fn take_line(&mut self, bytes: &mut &[u8]) -> io::Result<bool> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        self.line.extend_from_slice(line);
        *bytes = rest;
        if self.line.len() > MOST_LINE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(end.is_some())
    }

    fn end_of_line(&mut self) -> Result<(), ResponseError> {
        let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
        self.line.clear();
        match self.part {
            Part::Head if line.is_empty() => self.end_of_head()?,
            Part::Head if self.status.is_none() => self.status = Some(line),
            Part::Head => self.header(&line),
            Part::Body(Framing::ChunkSize) => {
                let size = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16);
                let size = size.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
                let framing = if size == 0 {
                    Framing::Trailer
                } else {
                    Framing::Chunk(size)
                };
                self.part = Part::Body(framing);
            }
            Part::Body(Framing::ChunkEnd) => self.part = Part::Body(Framing::ChunkSize),
            Part::Body(_) if line.is_empty() => self.part = Part::Over,
            Part::Body(_) | Part::Over => {}
        }
        Ok(())
    }

    fn header(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-type") {
            value.clone_into(&mut self.content_type);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            self.body = Body::Chunked;
        } else if name.eq_ignore_ascii_case("content-length")
            && let Ok(length) = value.parse()
        {
            self.body = Body::Counted(length);
        }
    }

    fn end_of_head(&mut self) -> Result<(), ResponseError> {
        let status = self.status.as_deref().unwrap_or_default();
        let fit =
            status.split(' ').nth(1) == Some("200") && self.content_type.starts_with("text/event-stream");
        if !fit {
            let unfit = format!("{status}, with the content type {:?}", self.content_type);
            return Err(ResponseError::Unfit(unfit));
        }
        self.part = match self.body {
            Body::UntilEnd => Part::Body(Framing::UntilEnd),
            Body::Chunked => Part::Body(Framing::ChunkSize),
            Body::Counted(0) => Part::Over,
            Body::Counted(length) => Part::Body(Framing::Counted(length)),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, and whether it is complete, of an answer that arrives in pieces of that size.
    fn read(answer: &str, size: usize) -> (String, bool) {
        let (mut response, mut body) = (Response::default(), Vec::new());
        for piece in answer.as_bytes().chunks(size) {
            response
                .take(piece, |bytes| body.extend_from_slice(bytes))
                .expect("an event stream");
        }
        (String::from_utf8(body).unwrap(), response.is_over())
    }

    #[test]
    fn a_body_is_the_same_however_it_is_framed_and_cut() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n!\r\n0\r\n\r\n");
        let counted = format!("{head}Content-Length: 6\r\n\r\nhello!");
        let endless = format!("{head}\r\nhello!");
        for size in 1..=chunked.len() {
            assert_eq!(read(&chunked, size), ("hello!".to_owned(), true));
            assert_eq!(read(&counted, size), ("hello!".to_owned(), true));
            assert_eq!(read(&endless, size), ("hello!".to_owned(), false));
        }
        let cut = &chunked[..chunked.len() - 2];
        assert_eq!(
            read(cut, 7),
            ("hello!".to_owned(), false),
            "that is no proper end"
        );
    }

    #[test]
    fn what_an_event_source_would_give_up_on_is_unfit() {
        for head in [
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/event-stream\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ] {
            let taken = Response::default().take(head.as_bytes(), |_| {});
            assert!(matches!(taken, Err(ResponseError::Unfit(_))), "{head}");
        }
    }
}
