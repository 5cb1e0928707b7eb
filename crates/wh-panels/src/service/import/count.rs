//! What is counted of imports, as of every queue: how many ended, and how.
use wh_base::Error;

use crate::codes;
use crate::model::Import;

/// Jobs that ended; labels queue and outcome.
const JOBS: &str = "queue_jobs_total";
const QUEUE: &str = "imports";

/// Each series is there from the start, so that the first of a kind is seen as a change.
pub(super) fn begin() {
    for outcome in ["done", "failed", "stopped", "interrupted"] {
        metrics::counter!(JOBS, "queue" => QUEUE, "outcome" => outcome).increment(0);
    }
}

/// One that ran here has ended.
pub(super) fn ended(import: &Result<Import, Error>) {
    let outcome = match import {
        Ok(_) => "done",
        Err(error) if error.is(&codes::IMPORT_STOPPED) => "stopped",
        // Whoever gave it up counts it.
        Err(error) if error.is(&codes::INTERRUPTED) => return,
        Err(_) => "failed",
    };
    metrics::counter!(JOBS, "queue" => QUEUE, "outcome" => outcome).increment(1);
}

/// One was given up whose node is not heard of any more.
pub(super) fn interrupted() {
    metrics::counter!(JOBS, "queue" => QUEUE, "outcome" => "interrupted").increment(1);
}
