//! What an HTTP/2 connection did lately: requests that run, and answers that its client takes or leaves lying. HTTP/1.1 needs
//! none of it: hyper's header timeout ends its silence, and an answer that nobody takes stalls the socket.
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};

use super::seat::Busy;

/// Answers are handed over in pieces of this size: what is taken of a large one can be seen while it goes out, and what lies in
/// buffers for a client that takes nothing stays small.
const PIECE_BYTES: usize = 16 * 1024;

/// One connection's.
#[derive(Default)]
pub(super) struct Activity {
    /// Requests whose answer has not been handed over as a whole.
    running: AtomicU32,
    /// Of these, the ones whose answer has begun.
    answering: AtomicU32,
    /// Requests begun and pieces of answers handed over, ever.
    moves: AtomicU64,
    offers: Mutex<Offers>,
}

/// The answers that go out, each with the period in which its last piece was handed over; none while its handler is asked for
/// the next one. As many places as there ever were answers at the same time.
#[derive(Default)]
struct Offers {
    period: u64,
    since: Vec<Option<u64>>,
    free: Vec<usize>,
}

impl Activity {
    /// Resolves when no request ran or began for one to two times `timeout`.
    pub(super) async fn idle(&self, timeout: Duration) {
        self.still(timeout, || self.running.load(Ordering::Relaxed) == 0).await;
    }

    /// Resolves when no handler was at work and nothing moved for one to two times `timeout`: for a connection that takes no
    /// further request. What was handed over may still lie in buffers, because the client gives it no room.
    pub(super) async fn stuck(&self, timeout: Duration) {
        let answered = || self.answering.load(Ordering::Relaxed) == self.running.load(Ordering::Relaxed);
        self.still(timeout, answered).await;
    }

    /// Resolves when a client took no piece of one of its answers for one to two times `timeout`, however lively it is otherwise.
    pub(super) async fn stalled(&self, timeout: Duration) {
        loop {
            tokio::time::sleep(timeout).await;
            let mut offers = self.offers();
            offers.period += 1;
            let period = offers.period;
            if offers.since.iter().flatten().any(|since| since + 2 <= period) {
                return;
            }
        }
    }

    async fn still(&self, timeout: Duration, so: impl Fn() -> bool) {
        loop {
            let moves = self.moves.load(Ordering::Relaxed);
            tokio::time::sleep(timeout).await;
            if so() && self.moves.load(Ordering::Relaxed) == moves {
                return;
            }
        }
    }

    fn offers(&self) -> MutexGuard<'_, Offers> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offers {
    fn begin(&mut self) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.since.push(None);
            self.since.len() - 1
        });
        self.since[place] = Some(self.period);
        place
    }
}

/// A request, from its head to the end of its answer.
pub(super) struct Running {
    activity: Arc<Activity>,
    /// The place of its answer.
    offer: Option<usize>,
    _busy: Busy,
}

impl Running {
    pub(super) fn new(activity: Arc<Activity>, busy: Busy) -> Self {
        activity.running.fetch_add(1, Ordering::Relaxed);
        activity.moves.fetch_add(1, Ordering::Relaxed);
        Self { activity, offer: None, _busy: busy }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.running.fetch_sub(1, Ordering::Relaxed);
        if let Some(offer) = self.offer {
            self.activity.answering.fetch_sub(1, Ordering::Relaxed);
            let mut offers = self.activity.offers();
            offers.since[offer] = None;
            offers.free.push(offer);
        }
    }
}

/// An answer's body that tells when a piece of it is taken: hyper asks only when the client gives room.
pub(super) struct Moving {
    body: Body,
    rest: Bytes,
    running: Running,
}

impl Moving {
    pub(super) fn new(body: Body, mut running: Running) -> Self {
        running.activity.answering.fetch_add(1, Ordering::Relaxed);
        running.offer = Some(running.activity.offers().begin());
        Self { body, rest: Bytes::new(), running }
    }

    fn moved(&self) {
        self.running.activity.moves.fetch_add(1, Ordering::Relaxed);
        let period = self.running.activity.offers().period;
        self.lies(Some(period));
    }

    fn lies(&self, since: Option<u64>) {
        if let Some(offer) = self.running.offer {
            self.running.activity.offers().since[offer] = since;
        }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.len().min(PIECE_BYTES);
        Frame::data(self.rest.split_to(bytes))
    }
}

impl HttpBody for Moving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Pending => {
                    // It is the handler who lets us wait.
                    this.lies(None);
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => {
                        this.moved();
                        return Poll::Ready(Some(Ok(trailers)));
                    }
                },
                Poll::Ready(other) => return Poll::Ready(other),
            }
        }
        this.moved();
        Poll::Ready(Some(Ok(this.piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
