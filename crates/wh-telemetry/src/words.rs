//! The protocol's small words, and who is speaking.
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use wh_base::{Attribute, Timestamp};

/// Nanoseconds of a moment; before 1970 there is none.
pub fn nanos(moment: Timestamp) -> u64 {
    u64::try_from(moment.micros()).unwrap_or(0).saturating_mul(1_000)
}

pub fn pair(key: &str, value: &Attribute) -> KeyValue {
    let value = match value {
        Attribute::Text(text) => Value::StringValue(text.clone()),
        Attribute::Int(number) => Value::IntValue(*number),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub fn text(key: &str, value: &str) -> KeyValue {
    pair(key, &Attribute::Text(value.to_owned()))
}

/// Which program made the messages.
pub fn scope(version: &str) -> InstrumentationScope {
    InstrumentationScope {
        name: "wheelhouse".to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    }
}

/// Which process (OpenTelemetry semantic conventions for resources).
pub fn resource(attributes: &[(&str, String)]) -> Resource {
    let attributes = attributes.iter().map(|(key, value)| text(key, value)).collect();
    Resource { attributes, ..Resource::default() }
}
