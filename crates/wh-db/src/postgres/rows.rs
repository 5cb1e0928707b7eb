//! PostgreSQL's columns into our values. Knows no SQL.
use std::error::Error as StdError;

use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use crate::Value;

/// A value as it came from the server.
pub(super) struct Read(pub(super) Value);

type Sync = Box<dyn StdError + std::marker::Sync + Send>;

impl<'a> FromSql<'a> for Read {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Sync> {
        let value = match *ty {
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Value::Int(i64::from(i16::from_sql(ty, raw)?)),
            Type::INT4 => Value::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::OID => Value::Int(i64::from(u32::from_sql(ty, raw)?)),
            Type::XID8 => Value::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::FLOAT4 => Value::Double(f64::from(f32::from_sql(ty, raw)?)),
            Type::FLOAT8 => Value::Double(f64::from_sql(ty, raw)?),
            Type::NUMERIC => numeric(raw)?,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                Value::Text(String::from_sql(ty, raw)?)
            }
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            Type::UUID => Value::Uuid(Uuid::from_sql(ty, raw)?),
            Type::JSON => Value::Json(std::str::from_utf8(raw)?.to_owned()),
            Type::JSONB => match raw.split_first() {
                Some((1, text)) => Value::Json(std::str::from_utf8(text)?.to_owned()),
                _ => return Err("jsonb of an unknown version".into()),
            },
            Type::VOID => Value::Null,
            _ => return Err(format!("type {ty} is outside the portable vocabulary").into()),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Sync> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// `sum(bigint)` is numeric in PostgreSQL and an integer in SQLite: a whole number that fits is read as an
/// integer.
fn numeric(raw: &[u8]) -> Result<Value, Sync> {
    const BASE: f64 = 10_000.0;
    let words: Vec<u16> = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else {
        return Err("numeric is cut short".into());
    };
    let weight = i32::from(i16::from_be_bytes(weight.to_be_bytes()));
    let negative = match sign {
        0x0000 => false,
        0x4000 => true,
        _ => return Err("numeric is not a number".into()),
    };
    let whole = *scale == 0 && digits.len() <= usize::try_from(weight + 1).unwrap_or(0);
    if whole || digits.is_empty() {
        let mut sum: i128 = 0;
        for place in 0..=weight {
            let digit = usize::try_from(place).ok().and_then(|place| digits.get(place)).copied().unwrap_or(0);
            sum = sum
                .checked_mul(10_000)
                .and_then(|sum| sum.checked_add(i128::from(digit)))
                .ok_or("numeric too large")?;
        }
        let sum = if negative { -sum } else { sum };
        return i64::try_from(sum).map(Value::Int).map_err(|_| "whole numeric beyond 64 bits".into());
    }
    let sum: f64 = digits.iter().zip(0..).map(|(digit, at)| f64::from(*digit) * BASE.powi(weight - at)).sum();
    Ok(Value::Double(if negative { -sum } else { sum }))
}
