//! A client of HTTP/2 that does what no library would.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Longer than anything here may take. Most of these tests have a clock that nobody waits for.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// Whether it says that it is there when it is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pings {
    Answered,
    Ignored,
}

pub(super) struct Client<T> {
    writer: Arc<Mutex<WriteHalf<T>>>,
    frames: UnboundedReceiver<Frame>,
}

impl<T: AsyncRead + AsyncWrite + Send + 'static> Client<T> {
    pub(super) async fn start(transport: T, pings: Pings) -> Self {
        let mut client = Self::silent(transport, pings);
        client.write(PREFACE).await;
        client.send(SETTINGS, 0, 0, &[]).await;
        client
    }

    /// One that has said nothing yet.
    pub(super) fn silent(transport: T, pings: Pings) -> Self {
        let (reader, writer) = split(transport);
        let writer = Arc::new(Mutex::new(writer));
        let (sender, frames) = unbounded_channel();
        tokio::spawn(read(reader, Arc::clone(&writer), sender, pings));
        Self { writer, frames }
    }

    /// Whether it could still be written.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.writer.lock().await.write_all(bytes).await.is_ok()
    }

    pub(super) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame(kind, flags, stream, payload)).await
    }

    pub(super) async fn get(&mut self, stream: u32, path: &str) -> bool {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &head(path))
            .await
    }

    /// The next frame of that kind; nothing at the end.
    pub(super) async fn next(&mut self, kind: u8) -> Option<Frame> {
        let next = async {
            loop {
                let frame = self.frames.recv().await?;
                if frame.kind == kind {
                    return Some(frame);
                }
            }
        };
        timeout(LIMIT, next).await.expect("a frame or the end")
    }

    /// All frames up to the end.
    pub(super) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let rest = async {
            while let Some(frame) = self.frames.recv().await {
                frames.push(frame);
            }
        };
        timeout(LIMIT, rest).await.expect("the end");
        frames
    }
}

async fn read<T: AsyncRead + AsyncWrite>(
    mut reader: ReadHalf<T>,
    writer: Arc<Mutex<WriteHalf<T>>>,
    frames: UnboundedSender<Frame>,
    pings: Pings,
) {
    let mut head = [0; 9];
    while reader.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if reader.read_exact(&mut payload).await.is_err() {
            return;
        }
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let (kind, flags) = (head[3], head[4]);
        let answer = match kind {
            SETTINGS if flags & ACK == 0 => Some(frame(SETTINGS, ACK, 0, &[])),
            PING if flags & ACK == 0 && pings == Pings::Answered => Some(frame(PING, ACK, 0, &payload)),
            _ => None,
        };
        if let Some(answer) = answer {
            let _ = writer.lock().await.write_all(&answer).await;
        }
        let frame = Frame {
            kind,
            flags,
            stream,
            payload,
        };
        if frames.send(frame).is_err() {
            return;
        }
    }
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// `GET` of that path ([RFC 7541](https://www.rfc-editor.org/rfc/rfc7541)): two of the table, and two literals that are not
/// kept.
pub(super) fn head(path: &str) -> Vec<u8> {
    let mut head = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).expect("a short path")];
    head.extend_from_slice(path.as_bytes());
    head.extend_from_slice(b"\x01\x01x");
    head
}

/// A header with a value of so many bytes, more than 127.
pub(super) fn header(bytes: usize) -> Vec<u8> {
    let mut header = b"\x00\x01a\x7f".to_vec();
    let mut rest = bytes - 127;
    while rest >= 128 {
        header.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    header.push(rest as u8);
    header.resize(header.len() + bytes, b'x');
    header
}
