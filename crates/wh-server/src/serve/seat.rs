//! Whether a connection is at work, so that only one that is not may have to give up its place.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::StatusCode;
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;

/// Its place is somebody else's.
const TAKEN: u32 = 1 << 31;
/// It speaks another protocol now: at work until it ends.
const UPGRADED: u32 = 1 << 30;
/// Bytes for its client wait until the system has room for them.
const UNSENT: u32 = 1 << 29;
/// An answer of so many bytes is handed to the system at once: it needs no wrapping.
const AT_ONCE_BYTES_MAX: u64 = 64 * 1024;

/// What a connection and whoever looks for room know of one another.
#[derive(Default)]
pub(super) struct Seat {
    /// Requests whose answer is not out yet, with the flags above.
    state: AtomicU32,
    left: Notify,
}

impl Seat {
    /// End the connection; not when a whole head of a request is there whose answer is not out.
    pub(super) fn take(&self) -> bool {
        let taken = self.state.compare_exchange(0, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if taken {
            self.left.notify_one();
        }
        taken
    }

    /// Its socket takes no more for now.
    pub(super) fn stalls(&self) {
        self.state.fetch_or(UNSENT, Ordering::AcqRel);
    }

    /// All that was to be written is with the system.
    pub(super) fn flows(&self) {
        self.state.fetch_and(!UNSENT, Ordering::AcqRel);
    }

    /// Resolves when the connection has to end.
    pub(super) async fn taken(&self) {
        self.left.notified().await;
    }

    /// A request is there; none when its connection is about to end.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Busy> {
        let before = self.state.fetch_add(1, Ordering::AcqRel);
        (before & TAKEN == 0).then(|| Busy(self.clone()))
    }

    /// Answer one request. Does not resolve when the connection is about to end: nothing is begun then.
    pub(super) async fn during(self: Arc<Self>, call: impl Future<Output = Response>) -> Response {
        let Some(busy) = self.begin() else { return std::future::pending().await };
        busy.until_out(call.await)
    }
}

/// A request that runs, or an answer that goes out.
pub(super) struct Busy(Arc<Seat>);

impl Busy {
    /// Held until the answer is handed over.
    fn until_out(self, response: Response) -> Response {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.0.state.fetch_or(UPGRADED, Ordering::AcqRel);
            return response;
        }
        if response.body().size_hint().exact().is_some_and(|bytes| bytes <= AT_ONCE_BYTES_MAX) {
            return response;
        }
        response.map(|body| Body::new(Held { body, _busy: self }))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.state.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body whose connection is at work as long as it is there.
struct Held {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
