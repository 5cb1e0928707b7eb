//! The figures of `/metrics` as the protocol writes them, read from the text that Prometheus reads: one set of figures, two
//! ways out. All sums run since the start of the process.
use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, Summary, SummaryDataPoint,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::words::text;

/// From when until when the figures were counted, in nanoseconds since 1970.
#[derive(Clone, Copy)]
pub struct Time {
    pub started: u64,
    pub now: u64,
}

/// One message of all figures of this text.
pub fn message(
    resource: &Resource,
    scope: &InstrumentationScope,
    exposition: &str,
    time: Time,
) -> ExportMetricsServiceRequest {
    let metrics = families(exposition).into_iter().filter_map(|family| family.metric(time)).collect();
    let of_scope = ScopeMetrics { scope: Some(scope.clone()), metrics, ..ScopeMetrics::default() };
    let of_resource = ResourceMetrics {
        resource: Some(resource.clone()),
        scope_metrics: vec![of_scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }
}

type Labels = Vec<(String, String)>;

/// A metric with all its samples.
#[derive(Default)]
struct Family {
    name: String,
    help: String,
    kind: String,
    samples: Vec<Sample>,
}

struct Sample {
    /// What follows the family's name: `_bucket`, `_sum`, `_count` or nothing.
    part: String,
    labels: Labels,
    value: f64,
}

fn families(exposition: &str) -> Vec<Family> {
    let mut all: Vec<Family> = Vec::new();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    for line in exposition.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            helps.insert(name.to_owned(), help.to_owned());
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let help = helps.remove(name).unwrap_or_default();
            let (name, kind) = (name.to_owned(), kind.trim().to_owned());
            all.push(Family { name, help, kind, samples: Vec::new() });
        } else if let Some((name, labels, value)) = sample(line)
            && let Some(family) = all.last_mut()
            && let Some(part) = name.strip_prefix(family.name.as_str())
        {
            family.samples.push(Sample { part: part.to_owned(), labels, value });
        }
    }
    all
}

/// `name{a="b"} 1`.
fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (name, rest) = line.split_at(line.find(['{', ' '])?);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?;
    Some((name, labels, value.parse().ok()?))
}

/// What stands in the braces, and what follows them. Values are quoted; `\\`, `\"` and `\n` are escaped.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((found, rest));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => match chars.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        found.push((name.trim().to_owned(), value));
        rest = &quoted[end + 1..];
    }
}

impl Family {
    fn metric(self, time: Time) -> Option<Metric> {
        let data = match self.kind.as_str() {
            "counter" => Data::Sum(Sum {
                data_points: self.points(time, time.started),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            // The state of a moment has no start.
            "gauge" | "untyped" => Data::Gauge(Gauge { data_points: self.points(time, 0) }),
            "histogram" => Data::Histogram(Histogram {
                data_points: self.grouped("le").into_iter().map(|group| group.histogram(time)).collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
            "summary" => Data::Summary(Summary {
                data_points: self.grouped("quantile").into_iter().map(|group| group.summary(time)).collect(),
            }),
            _ => return None,
        };
        let unit = if self.name.ends_with("_seconds") || self.name.ends_with("_duration") { "s" } else { "" };
        Some(Metric {
            name: self.name,
            description: self.help,
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    fn points(&self, time: Time, started: u64) -> Vec<NumberDataPoint> {
        let point = |sample: &Sample| NumberDataPoint {
            attributes: attributes(&sample.labels),
            start_time_unix_nano: started,
            time_unix_nano: time.now,
            value: Some(Value::AsDouble(sample.value)),
            ..NumberDataPoint::default()
        };
        self.samples.iter().map(point).collect()
    }

    /// The samples by their labels but `inner`, which tells those of one point apart.
    fn grouped(&self, inner: &str) -> Vec<Group> {
        let mut groups: BTreeMap<Labels, Group> = BTreeMap::new();
        for sample in &self.samples {
            let (own, outer): (Labels, Labels) =
                sample.labels.iter().cloned().partition(|(name, _)| name == inner);
            let group =
                groups.entry(outer.clone()).or_insert_with(|| Group { labels: outer, ..Group::default() });
            match sample.part.as_str() {
                "_sum" => group.sum = sample.value,
                "_count" => group.count = sample.value as u64,
                _ => group
                    .inner
                    .extend(own.iter().filter_map(|(_, at)| Some((at.parse().ok()?, sample.value)))),
            }
        }
        groups.into_values().collect()
    }
}

/// The samples of one histogram or summary.
#[derive(Default)]
struct Group {
    labels: Labels,
    sum: f64,
    count: u64,
    /// Upper bound and count up to it, or quantile and value; in the order of the text.
    inner: Vec<(f64, f64)>,
}

impl Group {
    fn histogram(self, time: Time) -> HistogramDataPoint {
        // Prometheus counts everything up to a bound, OTLP what lies between two.
        let mut below = 0;
        let mut counts = Vec::with_capacity(self.inner.len());
        for (_, up_to) in &self.inner {
            let up_to = *up_to as u64;
            counts.push(up_to.saturating_sub(below));
            below = up_to;
        }
        HistogramDataPoint {
            attributes: attributes(&self.labels),
            start_time_unix_nano: time.started,
            time_unix_nano: time.now,
            count: self.count,
            sum: Some(self.sum),
            bucket_counts: counts,
            explicit_bounds: self
                .inner
                .iter()
                .map(|(bound, _)| *bound)
                .filter(|bound| bound.is_finite())
                .collect(),
            ..HistogramDataPoint::default()
        }
    }

    fn summary(self, time: Time) -> SummaryDataPoint {
        let at = |(quantile, value): &(f64, f64)| ValueAtQuantile { quantile: *quantile, value: *value };
        SummaryDataPoint {
            attributes: attributes(&self.labels),
            start_time_unix_nano: time.started,
            time_unix_nano: time.now,
            count: self.count,
            sum: self.sum,
            quantile_values: self.inner.iter().map(at).collect(),
            ..SummaryDataPoint::default()
        }
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| text(name, value)).collect()
}
