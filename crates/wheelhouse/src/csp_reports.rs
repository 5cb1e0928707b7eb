//! What browsers report: a page of this server tried what its content security policy forbids. That is a fault of ours, or
//! somebody's script in our page; either way the operator wants to know. Anybody may send here, so nothing that is said is
//! believed: it becomes a number and a line in the log, both bounded.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use serde_json::Value;
use wh_base::{Clock, Error};
use wh_server::edge::{CSP_REPORTS, body_error};
use wh_server::{Answer, codes};

/// What pages tried; label directive.
const VIOLATIONS: &str = "csp_violations_total";
/// A browser sends what it gathered within a minute; one report is below 2 kB.
const BODY_BYTES_MAX: usize = 65_536;
/// Lines in the log within a minute, of all browsers together. The number goes on counting.
const LINES_PER_MIN_MAX: u32 = 60;
/// Lines in the log for one message: a single sender does not use up the minute.
const LINES_PER_MESSAGE_MAX: usize = 5;
const MICROS_PER_MIN: i64 = 60_000_000;
/// Longer addresses are cut in the log.
const TEXT_CHARS_MAX: usize = 200;
/// The directives that a document of ours can be held to. Anything else is counted as `other`: labels are ours.
const DIRECTIVES: &[&str] = &[
    "base-uri",
    "connect-src",
    "default-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "img-src",
    "object-src",
    "require-trusted-types-for",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
];

/// `POST /csp-reports`: a list of reports (Reporting API), or a single one in the older form (CSP level 2). 204 either way.
pub fn routes(clock: Arc<dyn Clock>) -> Router {
    metrics::describe_counter!(
        VIOLATIONS,
        "what pages tried against their content security policy, by directive"
    );
    let lines = Lines { clock, minute: AtomicI64::new(0), written: AtomicU32::new(0) };
    let route = post(taken).layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    Router::new().route(CSP_REPORTS, route).with_state(Arc::new(lines))
}

async fn taken(State(lines): State<Arc<Lines>>, body: Result<Bytes, BytesRejection>) -> Answer<StatusCode> {
    let body = body.map_err(|refusal| unread(&refusal))?;
    let told: Value = serde_json::from_slice(&body)
        .map_err(|e| codes::BODY_UNREADABLE.error(format!("the body is no report: {e}")))?;
    for (at, violation) in violations(&told).iter().enumerate() {
        metrics::counter!(VIOLATIONS, "directive" => violation.label()).increment(1);
        if at < LINES_PER_MESSAGE_MAX && lines.one_more() {
            violation.write();
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

fn unread(refusal: &BytesRejection) -> Error {
    if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return codes::BODY_TOO_LARGE.error(format!("more than {BODY_BYTES_MAX} bytes"));
    }
    body_error(refusal)
}

/// One report, as far as it says what we look for.
struct Violation {
    directive: String,
    blocked: String,
    document: String,
    source: String,
    line: Option<u64>,
}

/// The reports of a body. Other kinds (deprecations, crashes) are passed over: nobody asked for them.
fn violations(told: &Value) -> Vec<Violation> {
    if let Some(report) = told.get("csp-report") {
        return vec![Violation::read(
            report,
            ["effective-directive", "blocked-uri", "document-uri", "source-file", "line-number"],
        )];
    }
    let reports = told.as_array().map_or(&[][..], Vec::as_slice).iter();
    let of_policy = reports.filter(|report| report["type"] == "csp-violation");
    let names = ["effectiveDirective", "blockedURL", "documentURL", "sourceFile", "lineNumber"];
    of_policy.map(|report| Violation::read(&report["body"], names)).collect()
}

impl Violation {
    fn read(report: &Value, [directive, blocked, document, source, line]: [&str; 5]) -> Self {
        Self {
            directive: text(&report[directive]),
            blocked: address(&report[blocked]),
            document: address(&report[document]),
            source: address(&report[source]),
            line: report[line].as_u64(),
        }
    }

    fn label(&self) -> &'static str {
        DIRECTIVES.iter().find(|known| **known == self.directive).copied().unwrap_or("other")
    }

    fn write(&self) {
        tracing::warn!(
            directive = self.directive,
            blocked = self.blocked,
            document = self.document,
            source = self.source,
            line = self.line,
            "a page tried what its content security policy forbids"
        );
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().chars().take(TEXT_CHARS_MAX).collect()
}

/// An address without what follows its path and without a login: filters and secrets stand there.
fn address(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let (place, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let place = place.rsplit('@').next().unwrap_or_default();
    let whole = if scheme.is_empty() { text.to_owned() } else { format!("{scheme}://{place}{path}") };
    whole.chars().take(TEXT_CHARS_MAX).collect()
}

/// How many lines this minute has seen.
struct Lines {
    clock: Arc<dyn Clock>,
    minute: AtomicI64,
    written: AtomicU32,
}

impl Lines {
    fn one_more(&self) -> bool {
        let minute = self.clock.now().micros().div_euclid(MICROS_PER_MIN);
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            self.written.store(0, Ordering::Relaxed);
        }
        self.written.fetch_add(1, Ordering::Relaxed) < LINES_PER_MIN_MAX
    }
}
