//! The words of the live connection: JSON text frames in both directions. Parsed and written here, decided elsewhere.
use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wh_base::{ErrorCode, Timestamp};
use wh_db::Delivered;

/// What a client may say.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FromClient {
    /// Tell me about these, from `after` on, or from now.
    Subscribe {
        topics: Vec<String>,
        #[serde(default)]
        after: Option<i64>,
    },
    /// No longer about these.
    Unsubscribe { topics: Vec<String> },
    /// Are you there?
    Ping {},
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ToClient<'a> {
    /// The first word: where the tenant's stream stands.
    Welcome { position: i64 },
    /// From here on; everything up to `position` that was missed has been sent before.
    Subscribed { topics: &'a [String], position: i64 },
    /// Something happened; `topic` is always `<area>.<subject>`, for subscribers of the area too.
    Event { topic: &'a str, position: i64, kind: &'a str, subject: &'a str, time: Timestamp, data: &'a Value },
    /// Something goes on; kept nowhere, may be lost.
    Tell { topic: &'a str, kind: &'a str, data: &'a Value },
    /// What was missed is too much or too old: fetch again. The stream goes on after `position`.
    Reset { position: i64 },
    /// Not done, and why.
    Refused {
        #[serde(skip_serializing_if = "Option::is_none")]
        topic: Option<&'a str>,
        code: &'a str,
        detail: &'a str,
    },
    /// I am.
    Pong,
}

impl ToClient<'_> {
    /// The frame's text. Serialised once, shared by all who get it.
    pub(super) fn text(&self) -> Utf8Bytes {
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// A refusal of one topic, or of a message as a whole.
pub(super) fn refused(topic: Option<&str>, code: &ErrorCode) -> Utf8Bytes {
    ToClient::Refused { topic, code: code.code, detail: code.summary }.text()
}

/// The frame of an event.
pub(super) fn event(delivered: &Delivered, topic: &str) -> Utf8Bytes {
    ToClient::Event {
        topic,
        position: delivered.position,
        kind: &delivered.kind,
        subject: &delivered.subject,
        time: delivered.time,
        data: &delivered.data,
    }
    .text()
}

/// The area of an event or topic: what stands before the first dot.
pub(super) fn area(word: &str) -> &str {
    word.split('.').next().unwrap_or(word)
}

/// The topic of an event: `<area>.<subject>`.
pub(super) fn topic_of(delivered: &Delivered) -> String {
    format!("{}.{}", area(&delivered.kind), delivered.subject)
}
