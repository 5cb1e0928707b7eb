//! Spans as the protocol writes them.
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Side;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Wire, Status};
use wh_base::{Span, SpanKind};

use crate::words::{nanos, pair};

/// One message of these spans.
pub fn message(
    resource: &Resource,
    scope: &InstrumentationScope,
    spans: &[Span],
) -> ExportTraceServiceRequest {
    let scope_spans = ScopeSpans {
        scope: Some(scope.clone()),
        spans: spans.iter().map(wire).collect(),
        ..ScopeSpans::default()
    };
    let of_resource = ResourceSpans {
        resource: Some(resource.clone()),
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![of_resource] }
}

fn wire(span: &Span) -> Wire {
    let kind = match span.kind {
        SpanKind::Server => Side::Server,
        SpanKind::Client => Side::Client,
        SpanKind::Internal => Side::Internal,
    };
    let status = span
        .failure
        .as_ref()
        .map(|failure| Status { message: failure.clone(), code: StatusCode::Error.into() });
    Wire {
        trace_id: span.trace.to_be_bytes().to_vec(),
        span_id: span.id.to_be_bytes().to_vec(),
        parent_span_id: span.parent.map_or_else(Vec::new, |parent| parent.to_be_bytes().to_vec()),
        trace_state: span.state.as_deref().unwrap_or_default().to_owned(),
        name: span.name.clone(),
        kind: kind.into(),
        start_time_unix_nano: nanos(span.started),
        end_time_unix_nano: nanos(span.ended),
        attributes: span.attributes.iter().map(|(key, value)| pair(key, value)).collect(),
        status,
        ..Wire::default()
    }
}
