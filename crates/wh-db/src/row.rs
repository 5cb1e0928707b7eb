//! One row of an answer: values by column name, read as the type the caller wants. Knows no driver.
use std::sync::Arc;

use uuid::Uuid;
use wh_base::{Error, Result, Timestamp};

use crate::{Value, codes};

/// One row. Names are those of the statement; give computed columns a name with `AS`.
#[derive(Clone, Debug)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident, $(#[$opt_doc:meta])* $opt:ident -> $ty:ty = $read:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self, column: &str) -> Result<$ty> {
            let value = self.value(column)?;
            $read(value).ok_or_else(|| mismatch(column, value, stringify!($name)))
        }

        $(#[$opt_doc])*
        pub fn $opt(&self, column: &str) -> Result<Option<$ty>> {
            match self.value(column)? {
                Value::Null => Ok(None),
                value => $read(value).map(Some).ok_or_else(|| mismatch(column, value, stringify!($name))),
            }
        }
    )*};
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The value of a column as it came.
    pub fn value(&self, column: &str) -> Result<&Value> {
        let at = self.columns.iter().position(|name| name == column);
        at.and_then(|at| self.values.get(at))
            .ok_or_else(|| codes::VALUE.error(format!("the statement has no column `{column}`")))
    }

    /// The names of the columns, in the order of the statement.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    getters! {
        /// A `bigint`.
        int, /// A `bigint` that may be null.
        int_opt -> i64 = |value: &Value| match value {
            Value::Int(n) => Some(*n),
            _ => None,
        };
        /// A `double`; a whole number counts as one.
        double, /// A `double` that may be null.
        double_opt -> f64 = |value: &Value| match value {
            Value::Double(n) => Some(*n),
            Value::Int(n) => Some(*n as f64),
            _ => None,
        };
        /// A `boolean`.
        bool, /// A `boolean` that may be null.
        bool_opt -> bool = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            _ => None,
        };
        /// A `micros`.
        time, /// A `micros` that may be null.
        time_opt -> Timestamp = |value: &Value| match value {
            Value::Int(micros) => Some(Timestamp::from_micros(*micros)),
            _ => None,
        };
        /// A `json`.
        json, /// A `json` that may be null.
        json_opt -> serde_json::Value = |value: &Value| match value {
            Value::Json(text) | Value::Text(text) => serde_json::from_str(text).ok(),
            _ => None,
        };
    }

    /// A `text`.
    pub fn text(&self, column: &str) -> Result<&str> {
        self.text_opt(column)?.ok_or_else(|| mismatch(column, &Value::Null, "text"))
    }

    /// A `text` that may be null.
    pub fn text_opt(&self, column: &str) -> Result<Option<&str>> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) | Value::Json(text) => Ok(Some(text)),
            value => Err(mismatch(column, value, "text")),
        }
    }

    /// A `bytes`.
    pub fn bytes(&self, column: &str) -> Result<&[u8]> {
        self.bytes_opt(column)?.ok_or_else(|| mismatch(column, &Value::Null, "bytes"))
    }

    /// A `bytes` that may be null.
    pub fn bytes_opt(&self, column: &str) -> Result<Option<&[u8]>> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            value => Err(mismatch(column, value, "bytes")),
        }
    }

    /// A `uuid`, as the id type that is wanted.
    pub fn uuid<T: From<Uuid>>(&self, column: &str) -> Result<T> {
        self.uuid_opt(column)?.ok_or_else(|| mismatch(column, &Value::Null, "uuid"))
    }

    /// A `uuid` that may be null.
    pub fn uuid_opt<T: From<Uuid>>(&self, column: &str) -> Result<Option<T>> {
        let value = self.value(column)?;
        let id = match value {
            Value::Null => return Ok(None),
            Value::Uuid(id) => Some(*id),
            Value::Bytes(bytes) => Uuid::from_slice(bytes).ok(),
            _ => None,
        };
        id.map(|id| Some(T::from(id))).ok_or_else(|| mismatch(column, value, "uuid"))
    }
}

fn mismatch(column: &str, value: &Value, wanted: &str) -> Error {
    codes::VALUE.error(format!("column `{column}` holds {}, not {wanted}", value.kind()))
}
