//! Statements that took long, by their text: counted, timed, a bounded number of them. Keeps no value of any.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::counter;
use wh_base::Timestamp;

/// Different statements that are remembered; the one that was slow the longest ago makes room.
const KEPT_MAX: usize = 100;
/// Characters of a statement that are kept.
const TEXT_CHARS_MAX: usize = 500;

/// A statement that was slow since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowStatement {
    /// Its text, blanks squeezed, cut. Values are not in it: they are parameters.
    pub statement: String,
    /// `read` or `write`.
    pub kind: &'static str,
    /// How often it was slow.
    pub count: u64,
    /// How often it failed in the end.
    pub failed: u64,
    /// All those times together, in milliseconds.
    pub total_ms: f64,
    /// The longest time, in milliseconds.
    pub longest_ms: f64,
    /// When it was slow the last time.
    pub last_at: Timestamp,
}

/// What is remembered of one database.
pub(crate) struct SlowStatements {
    from: Duration,
    seen: Mutex<HashMap<String, SlowStatement>>,
}

/// One run of a statement.
pub(crate) struct Run<'a> {
    pub sql: &'a str,
    pub kind: &'static str,
    pub took: Duration,
    pub failed: bool,
}

impl SlowStatements {
    pub(crate) fn new(from_ms: u64) -> Self {
        Self { from: Duration::from_millis(from_ms), seen: Mutex::default() }
    }

    /// Remember it, if it was slow.
    pub(crate) fn note(&self, run: &Run<'_>, now: impl FnOnce() -> Timestamp) {
        if run.took < self.from {
            return;
        }
        counter!("database_slow_statements_total", "kind" => run.kind).increment(1);
        let (statement, now) = (squeezed(run.sql), now());
        let took_ms = run.took.as_micros() as f64 / 1000.0;
        tracing::debug!(statement, took_ms, "a statement was slow");
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= KEPT_MAX && !seen.contains_key(&statement) {
            let oldest = seen.values().min_by_key(|slow| slow.last_at).map(|slow| slow.statement.clone());
            oldest.and_then(|oldest| seen.remove(&oldest));
        }
        let slow = seen.entry(statement.clone()).or_insert_with(|| SlowStatement {
            statement,
            kind: run.kind,
            count: 0,
            failed: 0,
            total_ms: 0.0,
            longest_ms: 0.0,
            last_at: now,
        });
        slow.count += 1;
        slow.failed += u64::from(run.failed);
        slow.total_ms += took_ms;
        slow.longest_ms = slow.longest_ms.max(took_ms);
        slow.last_at = now;
    }

    /// The most time in all first.
    pub(crate) fn list(&self) -> Vec<SlowStatement> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<SlowStatement> = seen.values().cloned().collect();
        all.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
        all
    }
}

/// A statement's text for people: blanks squeezed, cut.
pub(crate) fn squeezed(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len().min(TEXT_CHARS_MAX));
    for word in sql.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
