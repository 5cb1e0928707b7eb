//! The error codes of readers and schemas, which are those of datasets: the table, and nothing else.
use wh_base::{ErrorCode, Kind};

/// A schema of no or too many columns.
pub const COLUMNS: ErrorCode = ErrorCode::new(
    "dataset.columns",
    Kind::Invalid,
    "the data has no column or too many",
    "a dataset has 1 to 1,000 columns; check the delimiter, or skip columns",
);
/// A name that is empty, too long or used twice.
pub const COLUMN_NAME: ErrorCode = ErrorCode::new(
    "dataset.column_name",
    Kind::Invalid,
    "a column's name is empty, too long or used twice",
    "give each column its own name of 1 to 128 characters",
);
/// Options that contradict one another or the limits.
pub const OPTIONS: ErrorCode = ErrorCode::new(
    "dataset.options",
    Kind::Invalid,
    "the reading options are wrong",
    "take the options that the preview answered with and change only what is needed",
);
/// A sample without a single row.
pub const SAMPLE_EMPTY: ErrorCode = ErrorCode::new(
    "dataset.sample_empty",
    Kind::Invalid,
    "there is nothing to read",
    "the file must hold at least one line",
);
/// More sample than detection reads.
pub const SAMPLE_TOO_LARGE: ErrorCode = ErrorCode::new(
    "dataset.sample_too_large",
    Kind::TooLarge,
    "the sample is larger than detection reads",
    "send at most the first 4 MiB of the file",
);
/// Not text in any encoding we read.
pub const NOT_TEXT: ErrorCode = ErrorCode::new(
    "dataset.not_text",
    Kind::Invalid,
    "the file is not text",
    "send CSV, TSV or NDJSON in UTF-8, UTF-16 or Windows-1252; spreadsheets and archives must be exported first",
);
/// JSON, but not line by line.
pub const JSON_DOCUMENT: ErrorCode = ErrorCode::new(
    "dataset.json_document",
    Kind::Invalid,
    "the file is one JSON document, not NDJSON",
    "write one object per line, for example with `jq -c '.[]'`",
);
/// Rows of another schema were to be appended.
pub const SCHEMA_DIFFERS: ErrorCode = ErrorCode::new(
    "dataset.schema_differs",
    Kind::Conflict,
    "the columns differ from those of the dataset",
    "append needs the same columns by name and type, in any order; replace the data, or correct the columns in the preview",
);
/// A segment that cannot be written or read.
pub const SEGMENT: ErrorCode = ErrorCode::new(
    "dataset.segment",
    Kind::Internal,
    "a segment of the dataset cannot be written or read",
    "report the request id, under which the log holds the cause",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[
    &COLUMNS,
    &COLUMN_NAME,
    &OPTIONS,
    &SAMPLE_EMPTY,
    &SAMPLE_TOO_LARGE,
    &NOT_TEXT,
    &JSON_DOCUMENT,
    &SCHEMA_DIFFERS,
    &SEGMENT,
];
