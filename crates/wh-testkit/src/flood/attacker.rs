//! One attacker on HTTP/2: sends what it is given, and reads of the frames that come back what they mean for it.
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::Secured;
use super::frames::{GOAWAY, HEADERS, RST_STREAM};

/// One connection, and what came back on it.
pub struct Attacker {
    stream: Secured,
    unread: Vec<u8>,
    reason: Option<u32>,
    closed: bool,
    answers: Vec<Reply>,
}

/// What came back on one stream.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    stream: u32,
    /// The status; none when the stream or the connection was ended instead.
    pub status: Option<u16>,
}

impl Reply {
    /// Whether it is anything but an answer of success.
    pub fn is_refused(&self) -> bool {
        self.status.is_none_or(|status| (400..500).contains(&status))
    }
}

impl Attacker {
    /// Attack over this connection.
    pub fn on(stream: Secured) -> Self {
        Self { stream, unread: Vec::new(), reason: None, closed: false, answers: Vec::new() }
    }

    /// Whether the server still takes bytes.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Read what is there, for as long as the next bytes come within the patience; whether the connection is still open.
    pub fn listen(&mut self, patience: Duration) -> bool {
        self.stream.sock.set_read_timeout(Some(patience)).expect("a timeout");
        let mut chunk = [0; 16_384];
        while !self.closed {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.closed = true,
                Ok(read) => {
                    self.unread.extend_from_slice(&chunk[..read]);
                    self.take_frames();
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(_) => self.closed = true,
            }
        }
        !self.closed
    }

    /// What the server makes of a stream: its answer, its end, or the end of the connection.
    pub fn answer(&mut self, stream: u32, patience: Duration) -> Reply {
        let begun = Instant::now();
        loop {
            let open = self.listen(Duration::from_millis(5));
            if let Some(answer) = self.answers.iter().find(|answer| answer.stream == stream) {
                return answer.clone();
            }
            if !open {
                return Reply { stream, ..Reply::default() };
            }
            assert!(begun.elapsed() < patience, "the server says nothing about stream {stream}");
        }
    }

    /// Why the server ends the connection, if it said so.
    pub fn reason(&self) -> Option<u32> {
        self.reason
    }

    fn take_frames(&mut self) {
        while let Some(head) = self.unread.first_chunk::<9>() {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let kind = head[3];
            if self.unread.len() < 9 + length {
                return;
            }
            let whole: Vec<u8> = self.unread.drain(..9 + length).collect();
            let stream = u32::from_be_bytes([whole[5], whole[6], whole[7], whole[8]]);
            match kind {
                HEADERS => self.answers.push(Reply { stream, status: status(&whole[9..]) }),
                RST_STREAM => self.answers.push(Reply { stream, status: None }),
                _ => {}
            }
            if kind == GOAWAY
                && let Some(code) = whole[13..].first_chunk::<4>()
            {
                self.reason = Some(u32::from_be_bytes(*code));
            }
        }
    }
}

/// The status of an answer's head: the first field, from the static table or with its name from there (RFC 7541 appendix A).
fn status(block: &[u8]) -> Option<u16> {
    match *block.first()? {
        at @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500].get(usize::from(at - 0x88)).copied(),
        // A literal whose name is one of those; its three digits are Huffman-coded or plain.
        0x08..=0x0e | 0x48..=0x4e => {
            let (length, text) = (block.get(1)? & 0x7f, block.get(2..)?);
            let text = text.get(..usize::from(length))?;
            if block[1] & 0x80 == 0 { std::str::from_utf8(text).ok()?.parse().ok() } else { digits(text) }
        }
        _ => None,
    }
}

/// Digits in Huffman's code: 0, 1 and 2 have five bits, the others six (RFC 7541 appendix B).
fn digits(bytes: &[u8]) -> Option<u16> {
    let bits: Vec<u16> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1))).collect();
    let read = |from: usize, count: usize| {
        bits.get(from..from + count).map(|bits| bits.iter().fold(0, |sum, bit| sum << 1 | bit))
    };
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let (digit, length) = match read(at, 5)? {
            small @ 0..=2 => (small, 5),
            _ => (read(at, 6)?.checked_sub(0x19)? + 3, 6),
        };
        number = number * 10 + digit;
        at += length;
    }
    Some(number)
}
