//! What goes into a statement and comes out of a row, the same on both engines. Knows no driver.
use uuid::Uuid;
use wh_base::{Secret, Timestamp};
use wh_contract::{
    ApiKeyId, DatasetId, EventId, ImportId, InvitationId, PanelId, Role, SessionId, TenantId, UserId,
};

/// One value of a statement or row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `boolean`.
    Bool(bool),
    /// `bigint` and `micros`.
    Int(i64),
    /// `double`.
    Double(f64),
    /// `text`.
    Text(String),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// `uuid`.
    Uuid(Uuid),
    /// `json`, as text.
    Json(String),
}

impl Value {
    /// What it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Double(_) => "a double",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "a uuid",
            Self::Json(_) => "json",
        }
    }
}

macro_rules! from {
    ($($ty:ty => |$name:ident| $value:expr;)*) => {$(
        impl From<$ty> for Value {
            fn from($name: $ty) -> Self {
                $value
            }
        }
    )*};
}

from! {
    bool => |flag| Self::Bool(flag);
    i32 => |n| Self::Int(i64::from(n));
    i64 => |n| Self::Int(n);
    u32 => |n| Self::Int(i64::from(n));
    f64 => |n| Self::Double(n);
    &str => |text| Self::Text(text.to_owned());
    String => |text| Self::Text(text);
    &String => |text| Self::Text(text.clone());
    Vec<u8> => |bytes| Self::Bytes(bytes);
    &[u8] => |bytes| Self::Bytes(bytes.to_vec());
    &Vec<u8> => |bytes| Self::Bytes(bytes.clone());
    Uuid => |id| Self::Uuid(id);
    Timestamp => |moment| Self::Int(moment.micros());
    Role => |role| Self::Text(role.word().to_owned());
    serde_json::Value => |json| Self::Json(json.to_string());
    &serde_json::Value => |json| Self::Json(json.to_string());
    Secret<String> => |secret| Self::Text(secret.expose().clone());
    TenantId => |id| Self::Uuid(id.uuid());
    UserId => |id| Self::Uuid(id.uuid());
    SessionId => |id| Self::Uuid(id.uuid());
    ApiKeyId => |id| Self::Uuid(id.uuid());
    InvitationId => |id| Self::Uuid(id.uuid());
    EventId => |id| Self::Uuid(id.uuid());
    PanelId => |id| Self::Uuid(id.uuid());
    DatasetId => |id| Self::Uuid(id.uuid());
    ImportId => |id| Self::Uuid(id.uuid());
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

/// Whole numbers beyond 63 bits stop at the largest: they are counts and sizes, and none of ours comes near.
impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement: `args![tenant, "title", 3]` for `$1`, `$2`, `$3`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Value::from($value)),*] as &[$crate::Value]
    };
}
