//! From the first bytes of a file to everything that reading it needs, with a preview. What a person says wins over
//! what is detected.
mod dialect;
mod header;
mod kinds;
mod preview;
mod sample;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::Result;

pub use preview::{CellState, Preview, PreviewCell, PreviewRow};

use super::binary::{refuse_known, refuse_nul};
use super::encoding::{self, Decoder};
use super::nulls::NullWords;
use super::options::{
    ColumnHint, ColumnPlan, Encoding, Format, Header, LineEnd, ReadHints, ReadOptions, byte_of,
};
use crate::codes;
use crate::model::{COLUMNS_MAX, ColumnType};
use sample::Row;

/// Bytes of a sample that detection takes.
pub const SAMPLE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A sample of at least this size is taken for the begin of a larger file: its last line may be cut.
const SAMPLE_CUT_BYTES: usize = 64 * 1024;
/// Issues that are told.
const ISSUES_MAX: usize = 200;

/// What detection wants a person to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DatasetIssueKind)]
pub enum IssueKind {
    /// A column has no name in the file and got one.
    NameEmpty,
    /// Two columns have one name in the file.
    NameRepeated,
    /// A name was trimmed or cut.
    NameChanged,
    /// The header has another number of fields than the rows.
    HeaderWidth,
    /// Some lines of the sample will be set aside.
    BadLines,
    /// Almost all cells are of a type, but not all: text was taken.
    AlmostTyped,
    /// A word for an empty cell is also in a column of text.
    NullInText,
    /// The characters were guessed.
    EncodingGuessed,
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetIssue)]
pub struct Issue {
    /// What it is.
    pub kind: IssueKind,
    /// The dataset's name of the column, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// For people.
    pub detail: String,
}

impl Issue {
    fn of(kind: IssueKind, column: &str, detail: String) -> Self {
        Self { kind, column: Some(column.to_owned()), detail }
    }

    fn general(kind: IssueKind, detail: String) -> Self {
        Self { kind, column: None, detail }
    }
}

/// What a sample looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetDetected)]
pub struct Detected {
    /// How to read the file; may be changed and sent back.
    pub options: ReadOptions,
    /// What comes out.
    pub preview: Preview,
    /// What to look at.
    pub issues: Vec<Issue>,
}

/// Whether the sample ends where the file ends.
#[derive(Clone, Copy, PartialEq)]
enum Tail {
    Whole,
    Cut,
}

/// Detects how to read a file from its first bytes.
pub fn detect(sample: &[u8], file_name: Option<&str>, hints: &ReadHints) -> Result<Detected> {
    if sample.len() > SAMPLE_BYTES_MAX {
        return Err(
            codes::SAMPLE_TOO_LARGE.error(format!("{} bytes, not at most {SAMPLE_BYTES_MAX}", sample.len()))
        );
    }
    refuse_known(sample)?;
    let mut issues = Vec::new();
    let (encoding, text) = decode(sample, hints, &mut issues)?;
    refuse_nul(&text)?;
    if text.trim_ascii().is_empty() {
        return Err(codes::SAMPLE_EMPTY.error("the sample holds no line"));
    }
    let tail = if sample.len() >= SAMPLE_CUT_BYTES { Tail::Cut } else { Tail::Whole };
    let mut detected = match format(&text, file_name, hints)? {
        Format::Ndjson => ndjson(text, encoding, tail, hints, issues)?,
        format => delimited(text, format, encoding, tail, hints, issues)?,
    };
    detected.issues.truncate(ISSUES_MAX);
    Ok(detected)
}

fn decode(sample: &[u8], hints: &ReadHints, issues: &mut Vec<Issue>) -> Result<(Encoding, Vec<u8>)> {
    let Some(encoding) = hints.encoding.or_else(|| encoding::detect(sample)) else {
        refuse_nul(sample)?;
        return Err(codes::NOT_TEXT.error("the sample is no text"));
    };
    if hints.encoding.is_none() && encoding == Encoding::Windows1252 {
        let detail = "not UTF-8: read as Windows-1252".to_owned();
        issues.push(Issue::general(IssueKind::EncodingGuessed, detail));
    }
    let mut text = Vec::with_capacity(sample.len() + 1);
    let mut decoder = Decoder::new(encoding);
    decoder.decode(sample, &mut text);
    if encoding == Encoding::Utf8 {
        decoder.finish(&mut text);
    }
    Ok((encoding, text))
}

/// What kind of file it is: as said, as named, as it looks.
fn format(text: &[u8], file_name: Option<&str>, hints: &ReadHints) -> Result<Format> {
    if let Some(format) = hints.format {
        return Ok(format);
    }
    let ending =
        file_name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("ndjson" | "jsonl" | "ldjson") => return Ok(Format::Ndjson),
        Some("tsv" | "tab") => return Ok(Format::Tsv),
        Some("csv") => return Ok(Format::Csv),
        _ => {}
    }
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.trim_ascii().is_empty());
    let line = line.unwrap_or_default().trim_ascii();
    if line.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() {
        return Ok(Format::Ndjson);
    }
    if line == b"[" || line.starts_with(b"[{") || line == b"{" {
        return Err(codes::JSON_DOCUMENT.error("one JSON document, not one object per line"));
    }
    Ok(Format::Csv)
}

fn terminator(line_end: LineEnd) -> u8 {
    if line_end == LineEnd::Cr { b'\r' } else { b'\n' }
}

/// Drops a line that the sample ends in the middle of, and ends the last one.
fn whole_lines(text: &mut Vec<u8>, terminator: u8, tail: Tail) {
    if text.last() == Some(&terminator) {
        return;
    }
    match memchr::memrchr(terminator, text) {
        Some(end) if tail == Tail::Cut => text.truncate(end + 1),
        _ => text.push(terminator),
    }
}

fn delimited(
    mut text: Vec<u8>,
    format: Format,
    encoding: Encoding,
    tail: Tail,
    hints: &ReadHints,
    mut issues: Vec<Issue>,
) -> Result<Detected> {
    let terminator = terminator(dialect::line_end(&text));
    whole_lines(&mut text, terminator, tail);
    let dialect = dialect::detect(&text, &known(format, hints)?);
    let mut rows = sample::delimited(&text, dialect, sample::SAMPLE_ROWS_MAX);
    // A quoted field that the end of the sample cuts is no mistake of the file.
    if tail == Tail::Cut {
        while rows.len() > 1 && rows.last().is_some_and(|row| row.problem == Some(super::Reason::QuoteOpen)) {
            rows.pop();
        }
    }
    if rows.is_empty() {
        return Err(codes::SAMPLE_EMPTY.error("the sample holds no whole line but empty ones"));
    }
    let (mut width, _) = dialect::width(&rows[1.min(rows.len() - 1)..]);
    if width == 0 {
        (width, _) = dialect::width(&rows);
    }
    if width == 0 || width > COLUMNS_MAX {
        return Err(codes::COLUMNS.error(format!("{width} columns, not 1 to {COLUMNS_MAX}")));
    }
    let header = hints.header.unwrap_or_else(|| header::detect(&rows, width));
    let first = (header == Header::Present && !rows.is_empty()).then(|| rows.remove(0));
    if let Some(first) = first.as_ref().filter(|first| first.cells.len() != width) {
        let detail = format!("the header has {} fields, the rows have {width}", first.cells.len());
        issues.push(Issue::general(IssueKind::HeaderWidth, detail));
    }
    for row in &mut rows {
        if row.problem.is_none() && row.cells.len() != width {
            let fewer = row.cells.len() < width;
            row.problem =
                Some(if fewer { super::Reason::TooFewFields } else { super::Reason::TooManyFields });
        }
    }
    let sources = header::sources(first.as_ref(), width);
    let (columns, nulls) = columns(&sources, &rows, header, hints, &mut issues);
    let one = |byte: u8| char::from(byte).to_string();
    let options = ReadOptions {
        format: if dialect.delimiter == b'\t' { Format::Tsv } else { Format::Csv },
        encoding,
        delimiter: one(dialect.delimiter),
        quote: dialect.quote.map(one),
        escape: dialect.escape,
        line_end: dialect.line_end,
        header,
        nulls,
        columns,
    };
    preview::finish(options, &rows, issues)
}

/// What the hints say of the dialect.
fn known(format: Format, hints: &ReadHints) -> Result<dialect::Known> {
    let wrong = |pointer: &str, detail: &str| codes::OPTIONS.error(detail.to_owned()).at(pointer, detail);
    let delimiter = match (&hints.delimiter, format) {
        (Some(text), _) => Some(
            byte_of(text)
                .filter(|byte| !matches!(byte, b'\n' | b'\r' | 0))
                .ok_or_else(|| wrong("/delimiter", "the delimiter is not one ASCII character"))?,
        ),
        (None, Format::Tsv) => Some(b'\t'),
        (None, _) => None,
    };
    let quote = match hints.quote.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(text) => {
            let byte = byte_of(text)
                .filter(|byte| byte.is_ascii_graphic() && *byte != b'\\' && Some(*byte) != delimiter);
            Some(Some(byte.ok_or_else(|| wrong("/quote", "the quote is not one visible ASCII character"))?))
        }
    };
    Ok(dialect::Known { delimiter, quote, escape: hints.escape })
}

fn ndjson(
    mut text: Vec<u8>,
    encoding: Encoding,
    tail: Tail,
    hints: &ReadHints,
    mut issues: Vec<Issue>,
) -> Result<Detected> {
    let line_end = dialect::line_end(&text);
    whole_lines(&mut text, terminator(line_end), tail);
    let (keys, rows) = sample::objects(&text, terminator(line_end), sample::SAMPLE_ROWS_MAX);
    if keys.is_empty() || keys.len() > COLUMNS_MAX {
        return Err(codes::COLUMNS.error(format!("{} different keys, not 1 to {COLUMNS_MAX}", keys.len())));
    }
    let (columns, nulls) = columns(&keys, &rows, Header::Present, hints, &mut issues);
    let options = ReadOptions {
        format: Format::Ndjson,
        encoding,
        delimiter: ",".to_owned(),
        quote: Some("\"".to_owned()),
        escape: super::options::Escape::Doubled,
        line_end,
        header: Header::Absent,
        nulls,
        columns,
    };
    preview::finish(options, &rows, issues)
}

/// Plans for the columns of these sources, and the words for an empty cell.
fn columns(
    sources: &[String],
    rows: &[Row<'_>],
    header: Header,
    hints: &ReadHints,
    issues: &mut Vec<Issue>,
) -> (Vec<ColumnPlan>, Vec<String>) {
    let names = header::names(sources, header, issues);
    let known = hints.nulls.as_ref().map(|words| NullWords::new(words));
    let good: Vec<&Row<'_>> = rows.iter().filter(|row| row.problem.is_none()).collect();
    let looks: Vec<kinds::Looks> = (0..sources.len())
        .map(|column| {
            kinds::looks(
                good.iter().map(|row| row.cells.get(column).and_then(Option::as_ref)),
                known.as_ref(),
            )
        })
        .collect();
    let nulls = match &hints.nulls {
        Some(words) => words.clone(),
        None => header::nulls(&looks, &names, issues),
    };
    let mut plans = Vec::with_capacity(sources.len());
    for ((source, name), looks) in header::distinct(sources).iter().zip(names).zip(&looks) {
        let hint = hints.columns.iter().find(|hint| hint.source == *source);
        if let (Some((kind, misfits, example)), None) = (&looks.almost, hint.and_then(|hint| hint.kind)) {
            let detail = format!(
                "{misfits} cells of the sample are not of type {}, for example \"{example}\"",
                kind.word()
            );
            issues.push(Issue::of(IssueKind::AlmostTyped, &name, detail));
        }
        plans.push(plan(source, name, looks.kind, hint));
    }
    (plans, nulls)
}

fn plan(source: &str, name: String, kind: ColumnType, hint: Option<&ColumnHint>) -> ColumnPlan {
    let hint = hint.cloned().unwrap_or_default();
    ColumnPlan {
        source: source.to_owned(),
        name: hint.name.unwrap_or(name),
        kind: hint.kind.unwrap_or(kind),
        skip: hint.skip.unwrap_or(false),
        nulls: hint.nulls,
    }
}
