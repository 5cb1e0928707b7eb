//! What every handle of one opened database shares: engine, checked texts, clock, ids, meters.
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use metrics::{Histogram, counter, histogram};
use wh_base::{Attribute, Clock, IdSource, Random, Result, Span, SpanKind, Timestamp, Traced};

use crate::engine::Engine;
use crate::slow::{Run, SlowStatements, squeezed};
use crate::text::Texts;

pub(crate) struct Core {
    pub engine: Engine,
    pub texts: Texts,
    pub meter: Meter,
    /// Up to this place of the stream, every event was handed on by this process.
    pub handed_on: AtomicI64,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub ids: IdSource,
}

/// `database_query_duration` in seconds by engine and kind, `database_refusals_total` by code.
pub(crate) struct Meter {
    engine: &'static str,
    open: Histogram,
    read: Histogram,
    write: Histogram,
    commit: Histogram,
    pub(crate) slow: SlowStatements,
    clock: Arc<dyn Clock>,
}

impl Meter {
    pub(crate) fn new(engine: &'static str, slow_statement_ms: u64, clock: Arc<dyn Clock>) -> Self {
        let of =
            |kind: &'static str| histogram!("database_query_duration", "engine" => engine, "kind" => kind);
        Self {
            engine,
            open: of("open"),
            read: of("read"),
            write: of("write"),
            commit: of("commit"),
            slow: SlowStatements::new(slow_statement_ms),
            clock,
        }
    }

    /// The engine's name in the semantic conventions of OpenTelemetry.
    fn system(&self) -> &'static str {
        if self.engine == "postgres" { "postgresql" } else { self.engine }
    }

    pub(crate) fn start(&self) -> Timer<'_> {
        Timer { meter: self, started: Instant::now() }
    }
}

/// Runs from its creation until it is told what was measured.
pub(crate) struct Timer<'a> {
    meter: &'a Meter,
    started: Instant,
}

impl Timer<'_> {
    pub(crate) fn opened<T>(self, answer: &Result<T>) {
        self.span("open", None, answer);
        self.stop(&self.meter.open, answer);
    }

    pub(crate) fn read<T>(self, sql: &str, answer: &Result<T>) {
        self.note(sql, "read", answer.is_err());
        self.span("read", Some(sql), answer);
        self.stop(&self.meter.read, answer);
    }

    pub(crate) fn write<T>(self, sql: &str, answer: &Result<T>) {
        self.note(sql, "write", answer.is_err());
        self.span("write", Some(sql), answer);
        self.stop(&self.meter.write, answer);
    }

    #[expect(clippy::fn_params_excessive_bools, reason = "one fact of one run, handed on at once")]
    fn note(&self, sql: &str, kind: &'static str, failed: bool) {
        let run = Run { sql, kind, took: self.started.elapsed(), failed };
        self.meter.slow.note(&run, || self.meter.clock.now());
    }

    pub(crate) fn commit<T>(self, answer: &Result<T>) {
        self.span("commit", None, answer);
        self.stop(&self.meter.commit, answer);
    }

    /// Tell whoever traces this request. The text of a statement holds no value of it.
    fn span<T>(&self, kind: &'static str, sql: Option<&str>, answer: &Result<T>) {
        let Some(traced) = Traced::current() else { return };
        traced.child(|ids| {
            let ended = self.meter.clock.now();
            let took = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
            let mut attributes = vec![
                ("db.system.name", Attribute::Text(self.meter.system().to_owned())),
                ("db.operation.name", Attribute::Text(kind.to_owned())),
            ];
            attributes.extend(sql.map(|sql| ("db.query.text", Attribute::Text(squeezed(sql)))));
            let code = answer.as_ref().err().map(|error| error.code().code.to_owned());
            attributes.extend(code.clone().map(|code| ("error.type", Attribute::Text(code))));
            Span {
                trace: ids.trace,
                id: ids.id,
                parent: Some(ids.parent),
                state: None,
                kind: SpanKind::Client,
                name: format!("database {kind}"),
                started: Timestamp::from_micros(ended.micros().saturating_sub(took)),
                ended,
                attributes,
                failure: code,
            }
        });
    }

    fn stop<T>(&self, histogram: &Histogram, answer: &Result<T>) {
        histogram.record(self.started.elapsed().as_secs_f64());
        if let Err(error) = answer {
            let (engine, code) = (self.meter.engine, error.code().code);
            counter!("database_refusals_total", "engine" => engine, "code" => code).increment(1);
        }
    }
}
