//! Which rows a view shows, as the API says it: nested groups of conditions. Parsed here, typed in `compile`.
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use wh_base::{Error, Result};

use crate::codes;

/// Groups within groups.
pub const FILTER_DEPTH_MAX: usize = 8;
/// Levels of JSON that such a filter has at most: a group is an object with a list, a condition may hold a list.
const JSON_DEPTH_MAX: usize = FILTER_DEPTH_MAX * 2 + 2;
/// Conditions in one filter.
pub const FILTER_CONDITIONS_MAX: usize = 100;
/// Values of one `in`.
pub const FILTER_VALUES_MAX: usize = 1_000;
/// Bytes of one text value.
pub const FILTER_TEXT_BYTES_MAX: usize = 4_096;

/// Which rows a view shows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = DatasetFilter)]
pub enum Filter {
    /// Rows for which every part holds; none given: all rows.
    All {
        /// The parts.
        #[schema(no_recursion)]
        all: Vec<Filter>,
    },
    /// Rows for which some part holds; none given: no row.
    Any {
        /// The parts.
        #[schema(no_recursion)]
        any: Vec<Filter>,
    },
    /// Rows for which the part does not hold.
    Not {
        /// The part.
        #[schema(no_recursion)]
        not: Box<Filter>,
    },
    /// Rows whose cell fits.
    Is(Condition),
}

/// What a cell must be.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DatasetCondition)]
pub struct Condition {
    /// The column's name.
    pub column: String,
    /// How to compare.
    pub op: Op,
    /// With what: a value of the column's type, `[low, high]` for `between`, a list for `in` and `not_in`, nothing
    /// for `is_empty` and `is_not_empty`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub value: Value,
}

/// How a cell is compared. An empty cell fails each comparison and passes `ne`, `not_in` and `not_contains`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DatasetOp)]
pub enum Op {
    /// Equal; text in the exact case.
    Eq,
    /// Not equal, or empty.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// From low to high, both included.
    Between,
    /// One of a list; text in the exact case.
    In,
    /// None of a list, or empty.
    NotIn,
    /// Text that contains this, whatever the case.
    Contains,
    /// Text that does not contain this, or empty.
    NotContains,
    /// Text that starts with this, whatever the case.
    StartsWith,
    /// Text that ends with this, whatever the case.
    EndsWith,
    /// Nothing in the cell.
    IsEmpty,
    /// Something in the cell.
    IsNotEmpty,
}

impl Op {
    /// The word used in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Between => "between",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Contains => "contains",
            Self::NotContains => "not_contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::IsEmpty => "is_empty",
            Self::IsNotEmpty => "is_not_empty",
        }
    }
}

impl Filter {
    /// From JSON text.
    pub fn parse(text: &str) -> Result<Self> {
        let value: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        Self::from_value(exact(value, 0)?)
    }

    /// From a JSON value.
    pub fn from_value(value: Value) -> Result<Self> {
        Reader { conditions: 0, pointer: "filter".to_owned() }.filter(value, 1)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?)
            .map_err(|error| de::Error::custom(error.message()))
    }
}

fn not_json(error: &serde_json::Error) -> Error {
    codes::FILTER.error(format!("the filter is not JSON: {error}")).at("filter", "not JSON")
}

/// The JSON as it is written: `serde_json` alone reads numbers of many digits as a neighbour of what they say, and a
/// cell that shows such a number could then not be asked for.
fn exact(raw: &RawValue, depth: usize) -> Result<Value> {
    let text = raw.get();
    if depth > JSON_DEPTH_MAX {
        return Err(codes::FILTER_LIMIT.error(format!("groups lie more than {FILTER_DEPTH_MAX} deep")));
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            let fields: BTreeMap<String, &RawValue> =
                serde_json::from_str(text).map_err(|error| not_json(&error))?;
            let fields = fields.into_iter().map(|(name, value)| Ok((name, exact(value, depth + 1)?)));
            fields.collect::<Result<Map<_, _>>>().map(Value::Object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
            items.into_iter().map(|item| exact(item, depth + 1)).collect::<Result<_>>().map(Value::Array)
        }
        Some(b'-' | b'0'..=b'9') if text.parse::<i64>().is_err() && text.parse::<u64>().is_err() => {
            let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number).ok_or_else(|| {
                codes::FILTER
                    .error(format!("{text} is beyond what numbers can be"))
                    .at("filter", "a number beyond all numbers")
            })
        }
        _ => serde_json::from_str(text).map_err(|error| not_json(&error)),
    }
}

/// Walks a filter and knows where it is, for the pointer of an error.
struct Reader {
    conditions: usize,
    pointer: String,
}

impl Reader {
    fn wrong(&self, detail: &str) -> Error {
        codes::FILTER.error(format!("{}: {detail}", self.pointer)).at(self.pointer.clone(), detail)
    }

    fn filter(&mut self, value: Value, depth: usize) -> Result<Filter> {
        if depth > FILTER_DEPTH_MAX {
            return Err(codes::FILTER_LIMIT.error(format!("groups lie more than {FILTER_DEPTH_MAX} deep")));
        }
        let Value::Object(mut fields) = value else {
            return Err(
                self.wrong("must be an object with `all`, `any`, `not`, or `column`, `op` and `value`")
            );
        };
        if fields.contains_key("column") {
            return self.condition(fields).map(Filter::Is);
        }
        let group = fields.remove("all").map(|parts| ("all", parts));
        let group = group.or_else(|| fields.remove("any").map(|parts| ("any", parts)));
        let Some((word, parts)) = group.or_else(|| fields.remove("not").map(|part| ("not", part))) else {
            return Err(self.wrong("must have `all`, `any`, `not`, or `column`, `op` and `value`"));
        };
        self.nothing_else(&fields)?;
        if word == "not" {
            return Ok(Filter::Not {
                not: Box::new(self.at("not", |reader| reader.filter(parts, depth + 1))?),
            });
        }
        let parts = self.at(word, |reader| reader.parts(parts, depth + 1))?;
        Ok(if word == "all" { Filter::All { all: parts } } else { Filter::Any { any: parts } })
    }

    fn parts(&mut self, value: Value, depth: usize) -> Result<Vec<Filter>> {
        let Value::Array(parts) = value else { return Err(self.wrong("must be a list")) };
        // Groups without a condition count as well: nobody needs more of them than of conditions.
        if parts.len() > FILTER_CONDITIONS_MAX {
            return Err(
                codes::FILTER_LIMIT.error(format!("more than {FILTER_CONDITIONS_MAX} parts in one group"))
            );
        }
        let parts = parts.into_iter().enumerate();
        parts.map(|(place, part)| self.at(&place.to_string(), |reader| reader.filter(part, depth))).collect()
    }

    fn condition(&mut self, mut fields: Map<String, Value>) -> Result<Condition> {
        self.conditions += 1;
        if self.conditions > FILTER_CONDITIONS_MAX {
            return Err(codes::FILTER_LIMIT.error(format!("more than {FILTER_CONDITIONS_MAX} conditions")));
        }
        let Some(Value::String(column)) = fields.remove("column") else {
            return Err(self.wrong("`column` must be a name"));
        };
        let op = fields.remove("op").ok_or_else(|| self.wrong("`op` is missing"))?;
        let op = Op::deserialize(&op).map_err(|_| self.wrong(&format!("{op} is no operator")))?;
        let value = fields.remove("value").unwrap_or(Value::Null);
        self.nothing_else(&fields)?;
        Ok(Condition { column, op, value })
    }

    fn nothing_else(&self, fields: &Map<String, Value>) -> Result<()> {
        match fields.keys().next() {
            Some(key) => Err(self.wrong(&format!("`{key}` is not known here"))),
            None => Ok(()),
        }
    }

    fn at<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(step);
        let answer = read(self);
        self.pointer.truncate(length);
        answer
    }
}
