//! One structured line and one metric per request, also for those that nobody waited for.
use std::error::Error as _;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use wh_base::{Error, Kind};

use super::Visit;
use super::metrics::{self, Route};
use super::trace::{Collected, Ended, Trace};
use crate::problem::Refusal;

/// What nginx calls it too: the client went away before its answer. Only in the log, never on the wire.
const CLIENT_GONE: u16 = 499;

/// The label of requests that no route took.
static NOWHERE: LazyLock<Route> = LazyLock::new(|| Route::new("none", "none"));

/// The line of one request, its `duration` in milliseconds. Written when it is closed, or when it is dropped because the client went away.
pub(super) struct Line {
    visit: Visit,
    trace: Option<Trace>,
    collected: Option<Collected>,
    status: u16,
    /// Until the head of the answer.
    duration: Option<Duration>,
    bytes: u64,
    error: Option<Arc<Error>>,
    written: bool,
}

impl Line {
    pub(super) fn new(visit: Visit, trace: Option<Trace>, collected: Option<Collected>) -> Self {
        Self {
            visit,
            trace,
            collected,
            status: CLIENT_GONE,
            duration: None,
            bytes: 0,
            error: None,
            written: false,
        }
    }

    /// Take down the answer's head. A body of known length is written down as sent; another one is counted on its way.
    pub(super) fn close(mut self, mut response: Response) -> Response {
        self.status = response.status().as_u16();
        self.duration = Some(self.visit.started().elapsed());
        self.error = response.extensions_mut().remove::<Refusal>().map(|refusal| refusal.error);
        if let Some(bytes) = response.body().size_hint().exact() {
            self.bytes = bytes;
            self.write();
            return response;
        }
        response.map(|body| Body::new(CountedBody { inner: body, line: self }))
    }

    fn write(&mut self) {
        if std::mem::replace(&mut self.written, true) {
            return;
        }
        let visit = &self.visit;
        let total = visit.started().elapsed();
        let route = visit.route().unwrap_or(&NOWHERE);
        route.record(visit.method(), self.status, self.duration.unwrap_or(total));
        let member = visit.member();
        let duration = total.as_micros() as f64 / 1000.0;
        let code = self.error.as_deref().map(|error| error.code().code);
        if let Some(collected) = self.collected.take() {
            collected.end(&Ended { visit, route, status: self.status, took: total, code });
        }
        tracing::info!(
            target: "wheelhouse::request",
            requestId = %visit.request(),
            traceId = self.trace.map(|trace| trace.id()),
            operation = route.operation(),
            method = metrics::label(visit.method()),
            route = route.template(),
            status = self.status,
            duration,
            success = self.status < 400,
            userId = member.map(|(user, _)| tracing::field::display(user)),
            tenantId = member.map(|(_, tenant)| tracing::field::display(tenant)),
            keyId = visit.key().map(tracing::field::display),
            bytes = self.bytes,
            code,
            "request"
        );
        // "Not now" without a cause (starting, draining, too much to do) is told by its code: no failure of ours.
        let is_failure = |error: &&Error| {
            self.status >= 500 && (error.kind() != Kind::Unavailable || error.source().is_some())
        };
        if let Some(error) = self.error.as_deref().filter(is_failure) {
            tracing::error!(
                target: "wheelhouse::request",
                requestId = %visit.request(),
                operation = route.operation(),
                userId = member.map(|(user, _)| tracing::field::display(user)),
                tenantId = member.map(|(_, tenant)| tracing::field::display(tenant)),
                code,
                error = error.message(),
                cause = causes(error),
                "request failed"
            );
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.write();
    }
}

/// The chain of causes, outermost first.
fn causes(error: &Error) -> Option<String> {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    (!text.is_empty()).then_some(text)
}

/// A body of unknown length: its line is written at its end, or when the client stops reading.
struct CountedBody {
    inner: Body,
    line: Line,
}

impl http_body::Body for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let served = self.line.visit.served(None);
        let frame = ready!(served.run(|| Pin::new(&mut self.inner).poll_frame(cx)));
        match &frame {
            Some(Ok(frame)) => self.line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(error)) => {
                // The same fields as those of any other line of the request.
                let served = self.line.visit.served(None);
                served.run(|| tracing::warn!(target: "wheelhouse::request", %error, "the answer broke off"));
            }
            None => self.line.write(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
