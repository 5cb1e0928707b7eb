//! How a file is read: format, dialect and columns, as detected or as corrected by a person. Data and its rules; reads nothing.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::{Error, Result};

use crate::codes;
use crate::model::{COLUMNS_MAX, Column, ColumnType, Schema};

/// Words that stand for an empty cell, in one list.
pub const NULL_WORDS_MAX: usize = 50;
/// Bytes of one such word.
pub const NULL_WORD_BYTES_MAX: usize = 64;
/// Bytes of one line (a record with its quoted line ends) after decoding.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one field.
pub const FIELD_BYTES_MAX: usize = 256 * 1024;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DatasetFormat)]
pub enum Format {
    /// Fields between delimiters.
    Csv,
    /// Fields between tabs.
    Tsv,
    /// One JSON object per line.
    Ndjson,
}

/// How characters are written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetEncoding)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, low byte first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Windows-1252, which holds Latin-1.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// How a quote is written inside quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DatasetEscape)]
pub enum Escape {
    /// Twice: `""`.
    #[default]
    Doubled,
    /// After a backslash: `\"`.
    Backslash,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DatasetLineEnd)]
pub enum LineEnd {
    /// A line feed, or carriage return and line feed.
    #[default]
    Lf,
    /// A carriage return alone.
    Cr,
}

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DatasetHeader)]
pub enum Header {
    /// The first line holds names.
    Present,
    /// The first line is data.
    Absent,
}

/// What becomes of one column of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DatasetColumnPlan)]
pub struct ColumnPlan {
    /// What the file calls it: the header's text or the JSON key; for a file without header its number, from 1; where
    /// the header's text is empty or repeated, `#` and its number.
    pub source: String,
    /// What the dataset calls it.
    pub name: String,
    /// What its values are.
    pub kind: ColumnType,
    /// Left out of the dataset.
    #[serde(default)]
    pub skip: bool,
    /// Words of this column that stand for an empty cell, where they differ from the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<Vec<String>>,
}

/// Everything that reading a file needs to know. For CSV and TSV the columns stand in the order of the file and are all
/// of its columns; for NDJSON they are found by their source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DatasetReadOptions)]
pub struct ReadOptions {
    /// What kind of file it is.
    pub format: Format,
    /// How characters are written.
    #[serde(default = "utf8")]
    pub encoding: Encoding,
    /// The character between fields: one ASCII character, not a quote or line end.
    #[serde(default = "comma")]
    pub delimiter: String,
    /// The character around fields, none if nothing is quoted.
    #[serde(default = "double_quote")]
    pub quote: Option<String>,
    /// How a quote is written inside quotes.
    #[serde(default)]
    pub escape: Escape,
    /// What ends a line.
    #[serde(default)]
    pub line_end: LineEnd,
    /// Whether the first line names the columns.
    #[serde(default = "header_present")]
    pub header: Header,
    /// Words that stand for an empty cell; the empty word is one of them as a rule.
    #[serde(default)]
    pub nulls: Vec<String>,
    /// The columns.
    pub columns: Vec<ColumnPlan>,
}

const fn utf8() -> Encoding {
    Encoding::Utf8
}

fn comma() -> String {
    ",".to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "serde's default for an optional field")]
fn double_quote() -> Option<String> {
    Some("\"".to_owned())
}

const fn header_present() -> Header {
    Header::Present
}

/// Where a person knows better than detection; what is absent is detected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DatasetReadHints)]
pub struct ReadHints {
    /// What kind of file it is.
    pub format: Option<Format>,
    /// How characters are written.
    pub encoding: Option<Encoding>,
    /// The character between fields.
    pub delimiter: Option<String>,
    /// The character around fields; the empty text says that nothing is quoted.
    pub quote: Option<String>,
    /// How a quote is written inside quotes.
    pub escape: Option<Escape>,
    /// Whether the first line names the columns.
    pub header: Option<Header>,
    /// Words that stand for an empty cell.
    pub nulls: Option<Vec<String>>,
    /// Corrections of single columns, found by their source.
    pub columns: Vec<ColumnHint>,
}

/// A correction of one column; what is absent stays as detected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DatasetColumnHint)]
pub struct ColumnHint {
    /// What the file calls it, as the detected options say.
    pub source: String,
    /// What the dataset shall call it.
    pub name: Option<String>,
    /// What its values shall be.
    pub kind: Option<ColumnType>,
    /// Whether to leave it out.
    pub skip: Option<bool>,
    /// Its own words for an empty cell.
    pub nulls: Option<Vec<String>>,
}

/// The dialect of a delimited file as bytes, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Escape,
    pub(crate) line_end: LineEnd,
}

impl Dialect {
    pub(crate) const fn terminator(self) -> u8 {
        match self.line_end {
            LineEnd::Lf => b'\n',
            LineEnd::Cr => b'\r',
        }
    }
}

impl ReadOptions {
    /// The schema of the rows that come out. Fails when names are wrong or nothing is left.
    pub fn schema(&self) -> Result<Schema> {
        let kept = self.columns.iter().filter(|column| !column.skip);
        Schema::parse(kept.map(|plan| Column { name: plan.name.clone(), kind: plan.kind }).collect())
    }

    /// Checks everything that can be checked without the file.
    pub fn check(&self) -> Result<Schema> {
        if self.columns.len() > COLUMNS_MAX {
            return Err(
                codes::COLUMNS.error(format!("{} columns, not 1 to {COLUMNS_MAX}", self.columns.len()))
            );
        }
        self.dialect()?;
        nulls_check(&self.nulls, "/nulls")?;
        let mut sources = std::collections::HashSet::new();
        for (index, plan) in self.columns.iter().enumerate() {
            if let Some(nulls) = &plan.nulls {
                nulls_check(nulls, &format!("/columns/{index}/nulls"))?;
            }
            if self.format == Format::Ndjson && !sources.insert(plan.source.as_str()) {
                return Err(wrong(
                    format!("two columns read {}", plan.source),
                    &format!("/columns/{index}/source"),
                ));
            }
        }
        self.schema()
    }

    /// The dialect as bytes.
    pub fn dialect(&self) -> Result<Dialect> {
        let delimiter = byte_of(&self.delimiter)
            .filter(|byte| !matches!(byte, b'\n' | b'\r' | 0))
            .ok_or_else(|| wrong("the delimiter is not one ASCII character".to_owned(), "/delimiter"))?;
        let quote = match &self.quote {
            None => None,
            Some(text) => Some(
                byte_of(text)
                    .filter(|byte| byte.is_ascii_graphic() && *byte != delimiter && *byte != b'\\')
                    .ok_or_else(|| {
                        wrong("the quote is not one visible ASCII character".to_owned(), "/quote")
                    })?,
            ),
        };
        Ok(Dialect { delimiter, quote, escape: self.escape, line_end: self.line_end })
    }
}

pub(crate) fn byte_of(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => None,
    }
}

fn nulls_check(words: &[String], pointer: &str) -> Result<()> {
    if words.len() > NULL_WORDS_MAX || words.iter().any(|word| word.len() > NULL_WORD_BYTES_MAX) {
        let message = format!(
            "at most {NULL_WORDS_MAX} words for an empty cell, of at most {NULL_WORD_BYTES_MAX} bytes"
        );
        return Err(wrong(message, pointer));
    }
    Ok(())
}

fn wrong(message: String, pointer: &str) -> Error {
    codes::OPTIONS.error(message.clone()).at(pointer, message)
}
