//! A line that could not be read: where, why, and its text. Keeping and storing them is the import's work, not done here.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bytes of a bad line's text that are kept.
pub const BAD_TEXT_BYTES_MAX: usize = 1024;

/// Why a line was set aside, or what is wrong with a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DatasetBadReason)]
pub enum Reason {
    /// Fewer fields than columns.
    TooFewFields,
    /// More fields than columns.
    TooManyFields,
    /// Longer than a line may be.
    LineTooLong,
    /// A field longer than a field may be.
    FieldTooLong,
    /// A quote that is never closed.
    QuoteOpen,
    /// Something else than a delimiter after a closing quote.
    QuoteTrailing,
    /// Bytes that are not characters of the file's encoding.
    Encoding,
    /// Not a JSON text.
    JsonInvalid,
    /// JSON, but not an object.
    JsonNotObject,
    /// Not a whole number.
    NotInteger,
    /// A whole number beyond 64 bits.
    IntegerRange,
    /// Not a number.
    NotNumber,
    /// Not a word for true or false.
    NotBoolean,
    /// Not a date.
    NotDate,
    /// Not a date and time.
    NotDateTime,
}

impl Reason {
    /// The word used in the API and in the download.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooFewFields => "too_few_fields",
            Self::TooManyFields => "too_many_fields",
            Self::LineTooLong => "line_too_long",
            Self::FieldTooLong => "field_too_long",
            Self::QuoteOpen => "quote_open",
            Self::QuoteTrailing => "quote_trailing",
            Self::Encoding => "encoding",
            Self::JsonInvalid => "json_invalid",
            Self::JsonNotObject => "json_not_object",
            Self::NotInteger => "not_integer",
            Self::IntegerRange => "integer_range",
            Self::NotNumber => "not_number",
            Self::NotBoolean => "not_boolean",
            Self::NotDate => "not_date",
            Self::NotDateTime => "not_date_time",
        }
    }
}

/// One line that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetBadLine)]
pub struct BadLine {
    /// The physical line on which it starts, from 1.
    pub line: u64,
    /// Why.
    pub reason: Reason,
    /// The dataset's name of the column it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Its text, cut after 1,024 bytes; what is no character stands as U+FFFD.
    pub text: String,
}

/// The text of a bad line as it is kept.
pub fn text_of(raw: &[u8]) -> String {
    let mut cut = raw.len().min(BAD_TEXT_BYTES_MAX);
    // Do not cut inside a character: step back over continuation bytes.
    while cut > 0 && cut < raw.len() && raw[cut] & 0xC0 == 0x80 {
        cut -= 1;
    }
    String::from_utf8_lossy(&raw[..cut]).into_owned()
}
