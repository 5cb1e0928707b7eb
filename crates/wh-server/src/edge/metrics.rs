//! What is counted of requests, connections and sockets, and the text that Prometheus reads. One recorder per process.
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use http::Method;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::limit::{bodies, overload, rates};

/// Upper bounds of the duration histograms, in seconds: from a point read to the request deadline.
const DURATION_BUCKETS_S: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often observed durations are folded into their buckets, so that they do not pile up when nobody scrapes.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Requests answered; labels operation, method, status (the class: `2xx`).
pub const REQUESTS: &str = "http_requests_total";
/// Seconds from the head of the request to the head of the answer; labels operation, method.
pub const REQUEST_DURATION: &str = "http_request_duration_seconds";
/// Open `WebSocket`s.
pub const SOCKETS: &str = "active_websocket_connections";
/// Open connections.
pub const CONNECTIONS: &str = "http_connections_open";
/// Connections turned away; label reason.
pub const CONNECTIONS_REFUSED: &str = "http_connections_refused_total";
/// Connections that ended before their time; label reason.
pub const CONNECTIONS_BROKEN: &str = "http_connections_broken_total";

/// Until when the certificate holds that is served, in seconds since 1970.
pub const CERTIFICATE_EXPIRES: &str = "tls_certificate_expires_timestamp_seconds";

/// Whether a component answered when it was last asked; label component.
pub const COMPONENT_UP: &str = "component_up";

/// The process's recorder; installed at the first call. The first server of a process makes it, all others share it.
pub fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets(DURATION_BUCKETS_S).unwrap_or_else(|_| PrometheusBuilder::new());
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed; /metrics stays empty");
    }
    metrics::describe_counter!(REQUESTS, "requests answered");
    metrics::describe_histogram!(
        REQUEST_DURATION,
        "seconds from the head of the request to the head of the answer"
    );
    metrics::describe_gauge!(SOCKETS, "open WebSockets");
    metrics::describe_gauge!(CONNECTIONS, "open connections");
    metrics::describe_counter!(CONNECTIONS_REFUSED, "connections turned away, by reason");
    metrics::describe_counter!(CONNECTIONS_BROKEN, "connections that ended before their time, by reason");
    metrics::describe_gauge!(overload::RUNNING, "operations that run, by class");
    metrics::describe_gauge!(overload::WAITING, "operations that wait for their turn, by class");
    metrics::describe_gauge!(overload::LIMIT, "operations that may run at the same time, by class");
    metrics::describe_counter!(overload::SHED, "operations refused for overload, by class and reason");
    metrics::describe_gauge!(bodies::HELD, "bytes of request bodies that are in memory");
    metrics::describe_counter!(rates::LIMITED, "requests of senders who had asked too often, by policy");
    metrics::describe_gauge!(COMPONENT_UP, "whether a component was well when it was last asked");
    metrics::describe_gauge!(CERTIFICATE_EXPIRES, "until when the certificate holds that is served");
    metrics::describe_histogram!("database_query_duration", "seconds of database work, by engine and kind");
    metrics::describe_counter!("database_refusals_total", "database work that ended with an error, by code");
    metrics::describe_counter!(
        "database_slow_statements_total",
        "statements that took longer than slow_statement_ms"
    );
    metrics::describe_counter!("queue_jobs_total", "jobs of the queues, by queue and outcome");
    metrics::describe_gauge!("queue_jobs_running", "jobs of the queues that run, by queue");
    metrics::describe_gauge!("queue_jobs_waiting", "jobs of the queues that wait for a place, by queue");
    metrics::gauge!(SOCKETS).set(0.0);
    handle
}

/// An operation with its route template and metric handles, so that a request looks nothing up. Make one per operation, at
/// start: the labels of the metrics are these and nothing that a client sends.
#[derive(Clone)]
pub struct Route(Arc<RouteInner>);

struct RouteInner {
    operation: Arc<str>,
    template: Arc<str>,
    cells: RwLock<Vec<Cell>>,
}

/// The handles of one method and class of statuses of a route.
#[derive(Clone)]
struct Cell {
    method: &'static str,
    class: &'static str,
    count: Counter,
    duration: Histogram,
}

impl Route {
    /// An operation and its route as the spec names them: `panel_get`, `/v1/panels/{id}`.
    pub fn new(operation: impl Into<Arc<str>>, template: impl Into<Arc<str>>) -> Self {
        let (operation, template) = (operation.into(), template.into());
        Self(Arc::new(RouteInner { operation, template, cells: RwLock::new(Vec::new()) }))
    }

    /// The operation's id.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// The template.
    pub fn template(&self) -> &str {
        &self.0.template
    }

    pub(super) fn record(&self, method: &Method, status: u16, duration: Duration) {
        let (method, class) = (label(method), class(status));
        let known = {
            let cells = self.0.cells.read().unwrap_or_else(PoisonError::into_inner);
            cells.iter().find(|cell| cell.method == method && cell.class == class).cloned()
        };
        let cell = known.unwrap_or_else(|| self.learn(method, class));
        cell.count.increment(1);
        cell.duration.record(duration.as_secs_f64());
    }

    /// The first answer of this method and class: at most a few dozen per route.
    fn learn(&self, method: &'static str, class: &'static str) -> Cell {
        let operation = self.0.operation.to_string();
        let count = metrics::counter!(REQUESTS, "operation" => operation.clone(), "method" => method, "status" => class);
        let duration = metrics::histogram!(REQUEST_DURATION, "operation" => operation, "method" => method);
        let cell = Cell { method, class, count, duration };
        let mut cells = self.0.cells.write().unwrap_or_else(PoisonError::into_inner);
        if !cells.iter().any(|known| known.method == method && known.class == class) {
            cells.push(cell.clone());
        }
        cell
    }
}

/// A status as a label.
const fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// A method as a label; what a client invents must not become a new time series.
pub(super) fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
