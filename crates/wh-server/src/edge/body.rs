//! The request's body with its limits: never more than the operation takes, never slower than progress demands, and never more in
//! memory than there is room for.
use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Extensions;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::{Visit, codes as edge_codes};
use crate::codes;
use crate::limit::bodies::Held;

/// Why a body did not arrive. Travels inside the error of whoever reads the body; [`body_error`] finds it again.
#[derive(Debug)]
pub enum BodyError {
    /// More bytes than the operation takes.
    TooLarge {
        /// The operation's limit in bytes.
        bytes_max: u64,
    },
    /// Less progress than demanded.
    TooSlow,
    /// The bodies of other requests leave no room for more of it.
    Crowded {
        /// Seconds after which the request may be sent again.
        retry_after_s: u32,
    },
    /// The connection broke, or the framing did.
    Broken(Box<dyn StdError + Send + Sync>),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes_max } => write!(f, "more than {bytes_max} bytes"),
            Self::TooSlow => f.write_str("the body stopped arriving"),
            Self::Crowded { .. } => f.write_str("no room for the body"),
            Self::Broken(cause) => write!(f, "the body broke off: {cause}"),
        }
    }
}

impl StdError for BodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Broken(cause) => Some(&**cause),
            Self::TooLarge { .. } | Self::TooSlow | Self::Crowded { .. } => None,
        }
    }
}

/// What to tell the client when reading a body failed with `error`: looks for the edge's own reason in its causes.
pub fn body_error(error: &(dyn StdError + 'static)) -> wh_base::Error {
    let mut next = Some(error);
    while let Some(cause) = next {
        match cause.downcast_ref::<BodyError>() {
            Some(BodyError::TooLarge { bytes_max }) => {
                return codes::BODY_TOO_LARGE.error(format!("more than {bytes_max} bytes"));
            }
            Some(BodyError::TooSlow) => return edge_codes::BODY_SLOW.error("the body stopped arriving"),
            Some(BodyError::Crowded { retry_after_s }) => {
                return edge_codes::OVERLOADED
                    .error("too many bytes of request bodies at the same time, of this address or of all")
                    .retry_after(*retry_after_s);
            }
            Some(BodyError::Broken(_)) | None => next = cause.source(),
        }
    }
    edge_codes::BODY_BROKEN.error("the body broke off")
}

/// The operation of this request takes the body as it comes: nothing of it is held, so it does not count as that.
pub(crate) fn body_streams(extensions: &mut Extensions) {
    if let Some(held) = extensions.remove::<Arc<Held>>() {
        held.pass_on();
    }
}

/// How much must arrive how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) timeout: Duration,
    pub(super) bytes_min: u64,
}

/// A body under its limits. Only the time spent waiting for the client counts, not the time its reader takes.
pub(super) struct GuardedBody<B> {
    inner: B,
    visit: Visit,
    pace: Pace,
    /// None for a request from inside the process: whoever made it holds it already.
    held: Option<Arc<Held>>,
    /// Bytes in all.
    read: u64,
    /// Bytes since the pace was last kept.
    progress: u64,
    /// Waited since the pace was last kept, without the wait that goes on now.
    waited: Duration,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    failed: bool,
}

impl<B> GuardedBody<B> {
    pub(super) fn new(inner: B, visit: Visit, pace: Pace, held: Option<Arc<Held>>) -> Self {
        Self {
            inner,
            visit,
            pace,
            held,
            read: 0,
            progress: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            alarm: None,
            failed: false,
        }
    }

    fn arrived(&mut self, bytes: u64) -> Result<(), BodyError> {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
            self.alarm = None;
        }
        self.progress += bytes;
        if self.progress >= self.pace.bytes_min {
            self.progress = 0;
            self.waited = Duration::ZERO;
        }
        self.read += bytes;
        let bytes_max = self.visit.body_max();
        if self.read > bytes_max { Err(BodyError::TooLarge { bytes_max }) } else { Ok(()) }
    }

    /// What came, if there is room for it.
    fn take(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        let piece = match frame.into_data() {
            Ok(piece) => piece,
            Err(trailers) => {
                self.arrived(0)?;
                return Ok(trailers);
            }
        };
        self.arrived(piece.len() as u64)?;
        let Some(held) = &self.held else { return Ok(Frame::data(piece)) };
        let held = held.hold(piece);
        held.map(Frame::data).map_err(|crowded| BodyError::Crowded { retry_after_s: crowded.retry_after_s })
    }

    /// The client lets us wait; ready when it has done so for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.pace.timeout.saturating_sub(self.waited);
        self.waiting_since.get_or_insert_with(Instant::now);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
        alarm.as_mut().poll(cx)
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.failed {
            return Poll::Ready(None);
        }
        let bytes_max = this.visit.body_max();
        if this.read == 0 && this.inner.size_hint().lower() > bytes_max {
            this.failed = true;
            return Poll::Ready(Some(Err(BodyError::TooLarge { bytes_max })));
        }
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            ready!(this.poll_patience(cx));
            this.failed = true;
            return Poll::Ready(Some(Err(BodyError::TooSlow)));
        };
        let checked = match frame {
            None => return Poll::Ready(None),
            Some(Err(cause)) => Err(BodyError::Broken(cause.into())),
            Some(Ok(frame)) => this.take(frame),
        };
        this.failed = checked.is_err();
        Poll::Ready(Some(checked))
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
