//! Values of a filter, read in the type of their column: whole numbers as inclusive ranges, so that all comparisons are one.
use serde_json::{Number, Value};
use wh_base::{Error, Result};

use super::filter::{Condition, FILTER_TEXT_BYTES_MAX, FILTER_VALUES_MAX, Op};
use crate::codes;
use crate::model::ColumnType;

/// Microseconds of a day.
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The values that pass, as inclusive ranges.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ranges {
    Whole(Vec<(i64, i64)>),
    Number(Vec<(f64, f64)>),
}

/// The ranges of an ordered comparison. `Ne` and `NotIn` give the ranges of their opposite.
pub(crate) fn ranges(condition: &Condition, kind: ColumnType) -> Result<Ranges> {
    let values = match condition.op {
        Op::Between => {
            let values = list(condition)?;
            if values.len() != 2 {
                return Err(wrong(condition, "`between` needs `[low, high]`"));
            }
            values
        }
        Op::In | Op::NotIn => list(condition)?,
        _ => std::slice::from_ref(&condition.value),
    };
    if kind == ColumnType::Double {
        let values: Vec<f64> = values.iter().map(|value| number(condition, value)).collect::<Result<_>>()?;
        return Ok(Ranges::Number(number_ranges(condition.op, &values)));
    }
    let values: Vec<Whole> =
        values.iter().map(|value| whole(condition, kind, value)).collect::<Result<_>>()?;
    Ok(Ranges::Whole(whole_ranges(condition.op, &values)))
}

/// The list of `in`, `not_in` and `between`.
fn list(condition: &Condition) -> Result<&[Value]> {
    let Value::Array(values) = &condition.value else {
        return Err(wrong(condition, "the value must be a list"));
    };
    if values.len() > FILTER_VALUES_MAX {
        return Err(codes::FILTER_LIMIT.error(format!("more than {FILTER_VALUES_MAX} values in one list")));
    }
    Ok(values)
}

/// The text value or, for `in`, the text values.
pub(crate) fn texts(condition: &Condition) -> Result<Vec<String>> {
    let values = match condition.op {
        Op::In | Op::NotIn => list(condition)?,
        _ => std::slice::from_ref(&condition.value),
    };
    let text = |value: &Value| match value {
        Value::String(text) if text.len() <= FILTER_TEXT_BYTES_MAX => Ok(text.clone()),
        Value::String(_) => {
            Err(codes::FILTER_LIMIT.error(format!("a text of more than {FILTER_TEXT_BYTES_MAX} bytes")))
        }
        _ => Err(wrong(condition, "the value must be a text")),
    };
    values.iter().map(text).collect()
}

pub(crate) fn wrong(condition: &Condition, detail: &str) -> Error {
    codes::FILTER_VALUE
        .error(format!("{} {}: {detail}", condition.column, condition.op.word()))
        .at("filter", format!("{}: {detail}", condition.column))
}

/// Where a value lies among the whole numbers: on one, or between two.
#[derive(Clone, Copy)]
struct Whole {
    /// The greatest whole number that is not above.
    floor: i128,
    exact: bool,
}

fn whole_ranges(op: Op, values: &[Whole]) -> Vec<(i64, i64)> {
    let up = |value: Whole| if value.exact { value.floor } else { value.floor + 1 };
    let (least, most) = (i128::from(i64::MIN) + 1, i128::from(i64::MAX));
    let range = |low: i128, high: i128| {
        let (low, high) = (low.max(least), high.min(most));
        (low <= high).then_some((low as i64, high as i64))
    };
    let equal = |value: &Whole| if value.exact { range(value.floor, value.floor) } else { None };
    let [first, ..] = values else { return Vec::new() };
    let one = match op {
        Op::Lt => range(least, up(*first) - 1),
        Op::Le => range(least, first.floor),
        Op::Gt => range(first.floor + 1, most),
        Op::Ge => range(up(*first), most),
        Op::Between => values.get(1).and_then(|second| range(up(*first), second.floor)),
        _ => return values.iter().filter_map(equal).collect(),
    };
    one.into_iter().collect()
}

fn number_ranges(op: Op, values: &[f64]) -> Vec<(f64, f64)> {
    let [first, ..] = *values else { return Vec::new() };
    let one = match op {
        Op::Lt => (f64::MIN, first.next_down()),
        Op::Le => (f64::MIN, first),
        Op::Gt => (first.next_up(), f64::MAX),
        Op::Ge => (first, f64::MAX),
        Op::Between => (first, values.get(1).copied().unwrap_or(first)),
        _ => return values.iter().map(|&value| (value, value)).collect(),
    };
    if one.0 <= one.1 { vec![one] } else { Vec::new() }
}

fn number(condition: &Condition, value: &Value) -> Result<f64> {
    match value {
        // A negative zero is the same number as zero, and stands beside it in the order.
        Value::Number(number) => number.as_f64().map(|number| number + 0.0),
        _ => None,
    }
    .ok_or_else(|| wrong(condition, "the value must be a number"))
}

fn whole(condition: &Condition, kind: ColumnType, value: &Value) -> Result<Whole> {
    let exact = |number: i64| Whole { floor: number.into(), exact: true };
    match (kind, value) {
        (ColumnType::Int, Value::Number(number)) => {
            whole_number(number).ok_or_else(|| wrong(condition, "the value must be a number"))
        }
        (ColumnType::Int, _) => Err(wrong(condition, "the value must be a number")),
        (ColumnType::Bool, Value::Bool(value)) => Ok(exact(i64::from(*value))),
        (ColumnType::Bool, _) => Err(wrong(condition, "the value must be true or false")),
        (ColumnType::Date, Value::String(text)) => {
            day(text).map(exact).ok_or_else(|| wrong(condition, "the value must be a date like 2013-01-31"))
        }
        (ColumnType::Date, _) => Err(wrong(condition, "the value must be a date like 2013-01-31")),
        (_, Value::String(text)) => moment(text)
            .map(exact)
            .ok_or_else(|| wrong(condition, "the value must be a time like 2013-01-31T08:30:00Z")),
        (_, _) => Err(wrong(condition, "the value must be a time like 2013-01-31T08:30:00Z")),
    }
}

fn whole_number(number: &Number) -> Option<Whole> {
    if let Some(number) = number.as_i64() {
        return Some(Whole { floor: number.into(), exact: true });
    }
    if let Some(number) = number.as_u64() {
        return Some(Whole { floor: number.into(), exact: true });
    }
    let number = number.as_f64()?;
    // Saturates far outside of what a cell can hold.
    Some(Whole {
        floor: (number.floor() as i128).clamp(i128::MIN / 4, i128::MAX / 4),
        exact: number.fract() == 0.0,
    })
}

/// Days since 1970 of a text like `2013-01-31`.
pub(crate) fn day(text: &str) -> Option<i64> {
    // A text with a time is no day, though the parser would take one and drop the time.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'+') {
        return None;
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(midnight.div_euclid(86_400))
}

/// Microseconds since 1970 of an RFC 3339 text; without a zone it is UTC, without a time midnight.
pub(crate) fn moment(text: &str) -> Option<i64> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_microsecond());
    }
    if let Some(day) = day(text) {
        return day.checked_mul(MICROS_PER_DAY);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// The ranges in which a cell equals a text that was typed into the search field; `None` when it cannot.
pub(crate) fn typed(text: &str, kind: ColumnType) -> Option<Ranges> {
    let text = text.trim();
    let one = |value: i64| Some(Ranges::Whole(vec![(value, value)]));
    match kind {
        ColumnType::Int => text.parse().ok().filter(|&value| value != i64::MIN).and_then(one),
        ColumnType::Double => {
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite())? + 0.0;
            Some(Ranges::Number(vec![(value, value)]))
        }
        ColumnType::Date => day(text).and_then(one),
        ColumnType::DateTime => match day(text).and_then(|day| day.checked_mul(MICROS_PER_DAY)) {
            Some(start) => Some(Ranges::Whole(vec![(start, start.checked_add(MICROS_PER_DAY - 1)?)])),
            None => moment(text).and_then(one),
        },
        ColumnType::Bool | ColumnType::Text => None,
    }
}
