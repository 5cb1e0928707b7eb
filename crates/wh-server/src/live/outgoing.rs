//! What waits to be written to one socket: bounded, so that a slow client costs itself its connection and nobody else anything.
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;

/// Frames that may wait for one socket.
const FRAMES_MAX: usize = 1_024;
/// Bytes that may wait for one socket.
const BYTES_MAX: usize = 1024 * 1024;

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The session is over: sign in again.
    SessionOver,
    /// The API key was revoked, or its service account disabled: it opens nothing any more.
    KeyOver,
    /// Role or membership changed: connect again.
    Changed,
    /// Another session took the place of this one, here or in another tenant: connect again with its cookie and ask who one is.
    Switched,
    /// Too far behind: connect again and resume.
    Slow,
    /// The server goes down: connect again in a moment.
    Drain,
    /// More messages than a page sends.
    Flood,
}

impl End {
    /// Close code and reason.
    pub(super) const fn frame(self) -> (u16, &'static str) {
        match self {
            Self::SessionOver => (4001, "session ended"),
            Self::KeyOver => (4001, "key ended"),
            Self::Changed => (4002, "membership changed"),
            Self::Switched => (4003, "session replaced"),
            Self::Slow => (4008, "slow"),
            Self::Drain => (1001, "server is going down"),
            Self::Flood => (1008, "too many messages"),
        }
    }
}

/// Whether a frame may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Belongs to the stream: losing it means resuming.
    Kept,
    /// A progress bar: left out as soon as others wait.
    Transient,
}

/// What the socket does next.
pub(super) enum Next {
    Send(Utf8Bytes),
    /// Ask whether the session still stands.
    Ask,
    End(End),
}

#[derive(Default)]
pub(super) struct Outgoing {
    state: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    ask: bool,
    end: Option<End>,
}

impl Outgoing {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queue a frame. Past the bounds the connection ends as slow.
    pub(super) fn push(&self, frame: Utf8Bytes, weight: Weight) {
        let mut waiting = self.waiting();
        if waiting.end.is_some() {
            return;
        }
        let bytes = waiting.bytes + frame.len();
        if weight == Weight::Transient && (waiting.frames.len() >= FRAMES_MAX / 4 || bytes > BYTES_MAX / 4) {
            return;
        }
        if waiting.frames.len() >= FRAMES_MAX || (bytes > BYTES_MAX && !waiting.frames.is_empty()) {
            drop(waiting);
            metrics::counter!("live_slow_clients_total").increment(1);
            return self.end(End::Slow);
        }
        waiting.bytes = bytes;
        waiting.frames.push_back(frame);
        drop(waiting);
        self.changed.notify_one();
    }

    /// End the connection; the first reason stays.
    pub(super) fn end(&self, end: End) {
        let mut waiting = self.waiting();
        if waiting.end.is_none() {
            waiting.end = Some(end);
            waiting.frames = VecDeque::new();
            waiting.bytes = 0;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Have the socket ask about its session now.
    pub(super) fn ask(&self) {
        self.waiting().ask = true;
        self.changed.notify_one();
    }

    /// What to do now, if anything.
    pub(super) fn take(&self) -> Option<Next> {
        let mut waiting = self.waiting();
        if let Some(end) = waiting.end {
            return Some(Next::End(end));
        }
        if std::mem::take(&mut waiting.ask) {
            return Some(Next::Ask);
        }
        drop(waiting);
        self.take_frame().map(Next::Send)
    }

    /// How many frames wait.
    pub(super) fn frames(&self) -> usize {
        self.waiting().frames.len()
    }

    /// The next frame, if one waits.
    pub(super) fn take_frame(&self) -> Option<Utf8Bytes> {
        let mut waiting = self.waiting();
        let frame = waiting.frames.pop_front()?;
        waiting.bytes -= frame.len();
        if waiting.frames.is_empty() {
            // An idle socket holds no buffer.
            waiting.frames = VecDeque::new();
        }
        Some(frame)
    }

    /// Wait until there is something to do. Only the socket's own task waits here.
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.changed.notified().await;
        }
    }

    /// Wait for the end alone: while a write is stuck.
    pub(super) async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.waiting().end {
                return end;
            }
            self.changed.notified().await;
        }
    }
}
