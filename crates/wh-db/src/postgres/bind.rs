//! Our values into PostgreSQL's parameters, by the type the statement wants. Knows no SQL.
use std::error::Error as StdError;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::Value;

/// A value on its way to the server.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a Value);

type Sync = Box<dyn StdError + std::marker::Sync + Send>;

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Sync> {
        match (self.0, ty) {
            (Value::Null, _) => return Ok(IsNull::Yes),
            (Value::Bool(b), &Type::BOOL) => out.put_u8(u8::from(*b)),
            (Value::Int(n), ty) => integer(*n, ty, out)?,
            (Value::Double(d), &Type::FLOAT8) => out.put_f64(*d),
            (Value::Double(d), &Type::FLOAT4) => out.put_f32(*d as f32),
            (Value::Text(text), ty) if is_text(ty) => characters(text, out)?,
            (Value::Json(text), &Type::JSONB) => {
                out.put_u8(1); // version of the format
                characters(text, out)?;
            }
            (Value::Json(text), ty) if is_text(ty) || *ty == Type::JSON => characters(text, out)?,
            (Value::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
            (Value::Uuid(id), &Type::UUID) => out.put_slice(id.as_bytes()),
            (value, ty) => return Err(format!("{} where the statement wants {ty}", value.kind()).into()),
        }
        Ok(IsNull::No)
    }

    /// Every type is tried: the answer above names both sides, which a bare "wrong type" would not.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn integer(n: i64, ty: &Type, out: &mut BytesMut) -> Result<(), Sync> {
    match *ty {
        Type::INT8 => out.put_i64(n),
        Type::INT4 => out.put_i32(i32::try_from(n)?),
        Type::INT2 => out.put_i16(i16::try_from(n)?),
        Type::FLOAT8 => out.put_f64(n as f64),
        _ => return Err(format!("an integer where the statement wants {ty}").into()),
    }
    Ok(())
}

/// PostgreSQL cannot store NUL in text and would answer with an encoding error that says nothing.
fn characters(text: &str, out: &mut BytesMut) -> Result<(), Sync> {
    if text.contains('\0') {
        return Err("text with a NUL character".into());
    }
    out.put_slice(text.as_bytes());
    Ok(())
}

fn is_text(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
}
