//! What the operator's scraper reads of the counters of this process. Others of its tests may count too, so these only rise.
use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use wh_base::ErrorCode;

/// Database work that ended with this error.
pub(crate) fn refusals(engine: &str, code: &ErrorCode) -> u64 {
    let (engine, code) = (format!("engine=\"{engine}\""), format!("code=\"{}\"", code.code));
    counted("database_refusals_total", &[&engine, &code])
}

/// Statements of one kind that took longer than the setting.
pub(crate) fn slow_statements(kind: &str) -> u64 {
    counted("database_slow_statements_total", &[&format!("kind=\"{kind}\"")])
}

/// Changes that held the embedded database's writer too long.
pub(crate) fn held_too_long() -> u64 {
    counted("database_held_too_long_total", &[])
}

/// The series of a counter that have these labels, in one sum.
fn counted(name: &str, labels: &[&str]) -> u64 {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    let text = RECORDER.get_or_init(recorder).render();
    let series = text.lines().filter_map(|line| {
        let (series, count) = line.strip_prefix(name)?.rsplit_once(' ')?;
        (series.is_empty() || series.starts_with('{')).then_some((series, count))
    });
    series
        .filter(|(series, _)| labels.iter().all(|label| series.contains(*label)))
        .map(|(_, count)| count.parse::<u64>().unwrap())
        .sum()
}

fn recorder() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    assert!(metrics::set_global_recorder(recorder).is_ok(), "nobody else records in this process");
    handle
}
