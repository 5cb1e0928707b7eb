//! Spans: what took how long within one request, for whoever collects traces. Without a collector a request carries none
//! and nothing here costs more than looking for it.
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Timestamp;

/// Who stood on which side (OpenTelemetry `SpanKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// We were asked.
    Server,
    /// We asked.
    Client,
}

/// A value of a span's attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
}

/// Something that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace it belongs to; never zero.
    pub trace: u128,
    /// Its own id; never zero.
    pub id: u64,
    /// Within which span it happened.
    pub parent: Option<u64>,
    /// Which side.
    pub kind: SpanKind,
    /// A short name of few different values.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What else is known, by the names of the OpenTelemetry semantic conventions.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// The code of the error it ended with, where that is a failure of this side.
    pub failure: Option<String>,
}

/// Takes spans. Must not wait: it is called while a request is served.
pub trait SpanSink: Send + Sync {
    /// A span has ended.
    fn take(&self, span: Span);
}

/// The request that runs on this task: its trace, and where its spans go.
#[derive(Clone)]
pub struct Traced(Arc<Inner>);

struct Inner {
    sink: Arc<dyn SpanSink>,
    trace: u128,
    span: u64,
    children: AtomicU64,
}

tokio::task_local! {
    static CURRENT: Traced;
}

impl Traced {
    /// A request's place in its trace.
    pub fn new(sink: Arc<dyn SpanSink>, trace: u128, span: u64) -> Self {
        Self(Arc::new(Inner { sink, trace, span, children: AtomicU64::new(0) }))
    }

    /// Let spans that end while this future runs belong to the request.
    pub async fn within<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The request that this task serves, if it is traced.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Something within the request has ended.
    pub fn child(&self, make: impl FnOnce(ChildOf) -> Span) {
        let Inner { sink, trace, span, children } = &*self.0;
        let number = children.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // The request's own id is random: numbers from it on are as unlikely to meet another span's as it is.
        let id = span.wrapping_add(number).max(1);
        sink.take(make(ChildOf { trace: *trace, id, parent: *span }));
    }
}

/// The ids of a span within a request.
#[derive(Clone, Copy, Debug)]
pub struct ChildOf {
    /// The request's trace.
    pub trace: u128,
    /// The span's own id.
    pub id: u64,
    /// The request's span.
    pub parent: u64,
}
