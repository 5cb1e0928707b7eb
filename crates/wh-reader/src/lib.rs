//! Reading files: what a file looks like, and its rows as typed columns. Knows bytes and Arrow; no stores, no tenants. Read this first.
//!
//! `detect` proposes [`ReadOptions`] from a sample, [`FileReader`] turns a file of known options into chunks of a
//! [`model::Schema`], whatever cannot be read is told to the [`RowSink`] with its line.
mod bad;
mod binary;
pub mod codes;
mod columns;
mod csv;
mod detect;
mod encoding;
mod file;
mod intern;
pub mod model;
mod moment;
mod ndjson;
mod nulls;
mod options;
mod places;
mod sink;
mod split;
mod unquote;
mod value;
#[cfg(feature = "fuzzing")]
mod whole;

pub use bad::{BAD_TEXT_BYTES_MAX, BadLine, Reason};
pub use columns::CHUNK_BYTES_MAX;
pub use detect::{
    CellState, Detected, Issue, IssueKind, Preview, PreviewCell, PreviewRow, SAMPLE_BYTES_MAX, detect,
};
pub use file::BLOCK_BYTES;
pub use options::{
    ColumnHint, ColumnPlan, Dialect, Encoding, Escape, FIELD_BYTES_MAX, Format, Header, LINE_BYTES_MAX,
    LineEnd, NULL_WORD_BYTES_MAX, NULL_WORDS_MAX, ReadHints, ReadOptions,
};

#[cfg(feature = "fuzzing")]
pub use whole::{WholeFile, read_whole};

pub use bad::text_of;
pub use file::{FileReader, How};
pub use places::{complete, detected, places};
pub use sink::{BadCell, RowSink};
pub use split::BadRecord;
