//! A value that must not be printed, logged or serialised by accident.
use std::fmt;

/// What stands for a secret wherever it would be printed.
const REDACTED: &str = "[secret]";

/// Holds a secret; `Debug` and `Serialize` show only that there is one, and there is no `Display`. Read it with
/// [`Secret::expose`], where a reviewer sees it.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hide a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call is a place where it may leak.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> serde::Serialize for Secret<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl utoipa::PartialSchema for Secret<String> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Password)))
            .into()
    }
}

impl utoipa::ToSchema for Secret<String> {}
