//! Spans: what took how long within one request, for whoever collects traces. Without a collector a request carries none
//! and nothing here costs more than looking for it.
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::{Clock, IdSource, Result, Served, Timestamp};

/// Who stood on which side (OpenTelemetry `SpanKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// We were asked.
    Server,
    /// We asked.
    Client,
    /// Nobody but ourselves.
    Internal,
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
    /// What those before us say of the trace (W3C `tracestate`). A child has its parent's.
    pub state: Option<Arc<str>>,
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

/// The request or the work that runs on this task: its trace, and where its spans go.
#[derive(Clone)]
pub struct Traced(Arc<Inner>);

struct Inner {
    sink: Arc<dyn SpanSink>,
    trace: u128,
    state: Option<Arc<str>>,
    span: u64,
    children: Arc<Children>,
}

/// The ids of what happens within one request: shared by all that is nested in it.
struct Children {
    first: u64,
    count: AtomicU64,
}

impl Children {
    fn next(&self) -> u64 {
        let number = self.count.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // The request's own id is random: numbers from it on are as unlikely to meet another span's as it is.
        self.first.wrapping_add(number).max(1)
    }
}

impl Traced {
    /// A request's place in its trace, with what its caller says of that trace.
    pub fn new(sink: Arc<dyn SpanSink>, trace: u128, span: u64, state: Option<Arc<str>>) -> Self {
        let children = Arc::new(Children { first: span, count: AtomicU64::new(0) });
        Self(Arc::new(Inner { sink, trace, state, span, children }))
    }

    /// Let spans that end while this future runs belong to it.
    pub fn within<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Served::current().traced(self).within(future)
    }

    /// The trace of the request that this task serves, if it is traced.
    pub fn current() -> Option<Self> {
        Served::trace()
    }

    /// Something within the request has ended.
    pub fn child(&self, make: impl FnOnce(ChildOf) -> Span) {
        let Inner { sink, trace, state, span, children } = &*self.0;
        let mut child = make(ChildOf { trace: *trace, id: children.next(), parent: *span });
        child.state.clone_from(state);
        sink.take(child);
    }

    /// Whoever is asked on behalf of it is told so: the value of `traceparent`. What is traced here is collected.
    pub fn parent_header(&self) -> String {
        let Inner { trace, span, .. } = &*self.0;
        format!("00-{trace:032x}-{span:016x}-01")
    }

    /// The value of `tracestate` beside it.
    pub fn state_header(&self) -> Option<&str> {
        self.0.state.as_deref()
    }

    /// Do a step of the request's work, as a span of its own where the request is traced. What is done within is nested in it.
    pub async fn step<T>(
        name: &'static str,
        clock: &dyn Clock,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(outer) = Self::current() else { return work.await };
        let Inner { sink, trace, state, children, .. } = &*outer.0;
        let inner = Inner {
            sink: Arc::clone(sink),
            trace: *trace,
            state: state.clone(),
            span: children.next(),
            children: Arc::clone(children),
        };
        let (begun, traced) = (clock.now(), Self(Arc::new(inner)));
        let answer = traced.clone().within(work).await;
        traced.end(name, Some(outer.0.span), [begun, clock.now()], &answer);
        answer
    }

    fn end<T>(
        &self,
        name: &'static str,
        parent: Option<u64>,
        [started, ended]: [Timestamp; 2],
        answer: &Result<T>,
    ) {
        let Inner { sink, trace, state, span, .. } = &*self.0;
        let code = answer.as_ref().err().map(|error| error.code().code.to_owned());
        sink.take(Span {
            trace: *trace,
            id: *span,
            parent,
            state: state.clone(),
            kind: SpanKind::Internal,
            name: name.to_owned(),
            started,
            ended,
            attributes: code.clone().map(|code| ("error.type", Attribute::Text(code))).into_iter().collect(),
            failure: code,
        });
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

/// Begins traces for work that no request asked for: backups, sweeps. Without a collector it only lets the work be done.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Source>>);

struct Source {
    sink: Arc<dyn SpanSink>,
    clock: Arc<dyn Clock>,
    ids: IdSource,
}

/// A piece of work that has begun, with a trace of its own.
pub struct Begun(Option<Work>);

struct Work {
    source: Arc<Source>,
    traced: Traced,
    started: Timestamp,
}

impl Tracer {
    /// One whose spans go there.
    pub fn new(sink: Arc<dyn SpanSink>, clock: Arc<dyn Clock>, ids: IdSource) -> Self {
        Self(Some(Arc::new(Source { sink, clock, ids })))
    }

    /// A piece of work begins.
    pub fn begin(&self) -> Begun {
        Begun(self.0.as_ref().map(|source| {
            let id: Uuid = source.ids.next();
            // The half of the id that is random and never zero.
            let traced = Traced::new(Arc::clone(&source.sink), id.as_u128(), id.as_u64_pair().1, None);
            Work { source: Arc::clone(source), traced, started: source.clock.now() }
        }))
    }

    /// Do a piece of work of this name.
    pub async fn work<T>(&self, name: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = self.begin();
        let answer = begun.served().within(work).await;
        begun.end(name, &answer);
        answer
    }
}

impl Begun {
    /// What its parts belong to.
    pub fn served(&self) -> Served {
        match &self.0 {
            Some(work) => Served::default().traced(work.traced.clone()),
            None => Served::default(),
        }
    }

    /// It has ended and is told. One that turned out to have had nothing to do is dropped instead.
    pub fn end<T>(self, name: &'static str, answer: &Result<T>) {
        let Some(work) = self.0 else { return };
        work.traced.end(name, None, [work.started, work.source.clock.now()], answer);
    }
}
