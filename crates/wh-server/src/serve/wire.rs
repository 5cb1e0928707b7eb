//! The socket under hyper: gives up on a client that takes no bytes, and lingers at the end so that a refusal is read.
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::admission::Place;
use crate::edge::metrics::CONNECTIONS_BROKEN;

/// A client that is still sending when it is answered would lose the answer to a reset: read on for so long ...
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// ... and so much.
const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// At a time; on the stack.
const LINGER_CHUNK_BYTES: usize = 4096;

/// A TCP stream with a write timeout and a lingering close.
pub(super) struct Wire {
    stream: TcpStream,
    write_timeout: Duration,
    stall: Option<Pin<Box<Sleep>>>,
    linger: Linger,
    /// Held as long as the socket is open, also behind an upgrade.
    place: Option<Place>,
    /// Whether its seat was told that bytes wait here.
    unsent: bool,
}

enum Linger {
    NotYet,
    Reading { until: Pin<Box<Sleep>>, left: usize },
    Done,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, write_timeout: Duration, place: Option<Place>) -> Self {
        Self { stream, write_timeout, stall: None, linger: Linger::NotYet, place, unsent: false }
    }

    /// Passes the outcome of a write on; a write that makes no progress for too long fails.
    fn watch<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stall = None;
            return outcome;
        }
        if !self.unsent {
            self.unsent = true;
            if let Some(place) = &self.place {
                place.seat().stalls();
            }
        }
        let timeout = self.write_timeout;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(stall.as_mut().poll(cx));
        metrics::counter!(CONNECTIONS_BROKEN, "reason" => "write_stalled").increment(1);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut chunk = [0; LINGER_CHUNK_BYTES];
        loop {
            let Linger::Reading { until, left } = &mut self.linger else { return Poll::Ready(()) };
            if until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut chunk);
            let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            let read = buffer.filled().len();
            if outcome.is_err() || read == 0 || read >= *left {
                return Poll::Ready(());
            }
            *left -= read;
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever writes asks for this behind the last byte; a write that took a part only says nothing.
        if self.unsent {
            self.unsent = false;
            if let Some(place) = &self.place {
                place.seat().flows();
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.linger, Linger::NotYet) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            let until = Box::pin(tokio::time::sleep(LINGER_TIMEOUT));
            self.linger = Linger::Reading { until, left: LINGER_BYTES_MAX };
        }
        ready!(self.poll_linger(cx));
        self.linger = Linger::Done;
        Poll::Ready(Ok(()))
    }
}
