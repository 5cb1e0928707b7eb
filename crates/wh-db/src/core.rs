//! What every handle of one opened database shares: engine, checked texts, clock, ids, meters.
use std::sync::Arc;
use std::time::Instant;

use metrics::{Histogram, counter, histogram};
use wh_base::{Clock, IdSource, Random, Result};

use crate::engine::Engine;
use crate::slow::{Run, SlowStatements};
use crate::text::Texts;

pub(crate) struct Core {
    pub engine: Engine,
    pub texts: Texts,
    pub meter: Meter,
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
        self.stop(&self.meter.open, answer);
    }

    pub(crate) fn read<T>(self, sql: &str, answer: &Result<T>) {
        self.note(sql, "read", answer.is_err());
        self.stop(&self.meter.read, answer);
    }

    pub(crate) fn write<T>(self, sql: &str, answer: &Result<T>) {
        self.note(sql, "write", answer.is_err());
        self.stop(&self.meter.write, answer);
    }

    #[expect(clippy::fn_params_excessive_bools, reason = "one fact of one run, handed on at once")]
    fn note(&self, sql: &str, kind: &'static str, failed: bool) {
        let run = Run { sql, kind, took: self.started.elapsed(), failed };
        self.meter.slow.note(&run, || self.meter.clock.now());
    }

    pub(crate) fn commit<T>(self, answer: &Result<T>) {
        self.stop(&self.meter.commit, answer);
    }

    fn stop<T>(&self, histogram: &Histogram, answer: &Result<T>) {
        histogram.record(self.started.elapsed().as_secs_f64());
        if let Err(error) = answer {
            let (engine, code) = (self.meter.engine, error.code().code);
            counter!("database_refusals_total", "engine" => engine, "code" => code).increment(1);
        }
    }
}
