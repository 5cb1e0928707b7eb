//! The first rows of a sample as they will come out, with what is wrong in them. Shows; changes nothing.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::Result;

use super::sample::Row;
use super::{Detected, Issue, IssueKind};
use crate::bad::{Reason, text_of};
use crate::columns;
use crate::nulls::NullWords;
use crate::options::ReadOptions;

/// Rows of a preview.
pub const PREVIEW_ROWS_MAX: usize = 50;
/// Characters of a cell in a preview.
pub const PREVIEW_CELL_CHARS_MAX: usize = 200;

/// How a cell will come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DatasetCellState)]
pub enum CellState {
    /// As a value of its column's type.
    Ok,
    /// As an empty cell.
    Empty,
    /// Not at all: its line will be set aside.
    Bad,
}

/// One cell as the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetPreviewCell)]
pub struct PreviewCell {
    /// Its text, cut after 200 characters.
    pub text: String,
    /// How it will come out.
    pub state: CellState,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetPreviewRow)]
pub struct PreviewRow {
    /// Its number in the file, from 1.
    pub line: u64,
    /// One cell per column of the options, also of those left out; none when the line is no record.
    pub cells: Vec<PreviewCell>,
    /// Why the line will be set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Its text, when it is no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The first rows of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetPreview)]
pub struct Preview {
    /// At most 50 rows.
    pub rows: Vec<PreviewRow>,
    /// Rows of the sample that were looked at.
    pub sample_rows: u64,
    /// How many of them will be set aside.
    pub sample_bad_lines: u64,
}

/// Checks the options and shows what they make of the sample.
pub(super) fn finish(options: ReadOptions, rows: &[Row<'_>], mut issues: Vec<Issue>) -> Result<Detected> {
    options.check()?;
    let file_nulls = NullWords::new(&options.nulls);
    let own: Vec<Option<NullWords>> =
        options.columns.iter().map(|plan| plan.nulls.as_ref().map(|words| NullWords::new(words))).collect();
    let mut shown = Vec::new();
    let mut bad_lines = 0_u64;
    for row in rows {
        let row = preview_row(row, &options, &file_nulls, &own);
        bad_lines += u64::from(row.reason.is_some());
        if shown.len() < PREVIEW_ROWS_MAX {
            shown.push(row);
        }
    }
    if bad_lines > 0 {
        let detail = format!("{bad_lines} of {} lines of the sample will be set aside", rows.len());
        issues.push(Issue::general(IssueKind::BadLines, detail));
    }
    let preview = Preview { rows: shown, sample_rows: rows.len() as u64, sample_bad_lines: bad_lines };
    Ok(Detected { options, preview, issues })
}

fn preview_row(
    row: &Row<'_>,
    options: &ReadOptions,
    file_nulls: &NullWords,
    own: &[Option<NullWords>],
) -> PreviewRow {
    if let Some(reason) = row.problem {
        return PreviewRow {
            line: row.line,
            cells: Vec::new(),
            reason: Some(reason),
            text: Some(text_of(row.raw)),
        };
    }
    let mut wrong = None;
    let mut cells = Vec::with_capacity(options.columns.len());
    for (column, plan) in options.columns.iter().enumerate() {
        let content: &[u8] = row.cells.get(column).and_then(Option::as_ref).map_or(b"", |cell| &cell.text);
        let nulls = own[column].as_ref().unwrap_or(file_nulls);
        let (state, reason) = match columns::check(plan.kind, content, nulls) {
            Ok(Some(())) => (CellState::Ok, None),
            Ok(None) => (CellState::Empty, None),
            Err(_) if plan.skip => (CellState::Ok, None),
            Err(reason) => (CellState::Bad, Some(reason)),
        };
        wrong = wrong.or(reason);
        let text = String::from_utf8_lossy(content).chars().take(PREVIEW_CELL_CHARS_MAX).collect();
        cells.push(PreviewCell { text, state, reason });
    }
    PreviewRow { line: row.line, cells, reason: wrong, text: None }
}
