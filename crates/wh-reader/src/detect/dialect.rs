//! Which delimiter, quote and line end a sample of delimited text uses. Scores candidates; the best explains the most lines.
use memchr::{memchr, memmem};

use super::sample::{self, Row};
use crate::options::{Dialect, Escape, LineEnd};
use crate::{moment, value};

/// Delimiters that are tried first, in the order in which equals are preferred.
const COMMON: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Delimiters that are tried when no common one explains the sample.
const RARE: [u8; 6] = [0x1F, 0x01, b'^', b'~', b':', b'!'];
/// Bytes of the sample that candidates are tried on.
const TRIAL_BYTES: usize = 64 * 1024;
/// Records that candidates are tried on.
const TRIAL_ROWS: usize = 500;
/// Share of records of one width from which a common delimiter is believed.
const BELIEVED: f64 = 0.8;

/// What ends the lines of a sample.
pub(crate) fn line_end(data: &[u8]) -> LineEnd {
    if memchr(b'\n', data).is_none() && memchr(b'\r', data).is_some() { LineEnd::Cr } else { LineEnd::Lf }
}

/// What a person said already.
pub(crate) struct Known {
    pub(crate) delimiter: Option<u8>,
    /// `Some(None)`: nothing is quoted.
    pub(crate) quote: Option<Option<u8>>,
    pub(crate) escape: Option<Escape>,
}

/// The dialect of a sample.
pub(crate) fn detect(data: &[u8], known: &Known) -> Dialect {
    let line_end = line_end(data);
    let trial = trial(data, line_end);
    let quote = known.quote.unwrap_or(Some(b'"'));
    let escape = known.escape.unwrap_or_default();
    let plain = |delimiter| Dialect { delimiter, quote, escape, line_end };
    let mut best = plain(known.delimiter.unwrap_or_else(|| delimiter(trial, plain)));
    if known.quote.is_none() && single_quoted(trial, best) {
        best.quote = Some(b'\'');
    }
    if known.escape.is_none()
        && best.quote.is_some_and(|quote| memmem::find(trial, &[b'\\', quote]).is_some())
    {
        let backslash = Dialect { escape: Escape::Backslash, ..best };
        if score(trial, backslash).value > score(trial, best).value {
            best = backslash;
        }
    }
    best
}

fn trial(data: &[u8], line_end: LineEnd) -> &[u8] {
    if data.len() <= TRIAL_BYTES {
        return data;
    }
    let terminator = if line_end == LineEnd::Cr { b'\r' } else { b'\n' };
    let cut = &data[..TRIAL_BYTES];
    memchr::memrchr(terminator, cut).map_or(data, |end| &cut[..=end])
}

fn delimiter(trial: &[u8], plain: impl Fn(u8) -> Dialect) -> u8 {
    let mut best = (b',', 0.0);
    for group in [&COMMON[..], &RARE[..]] {
        for candidate in group {
            let score = score(trial, plain(*candidate));
            let believed = score.share >= BELIEVED || group.len() == COMMON.len();
            if score.width >= 2 && believed && score.value > best.1 * 1.001 {
                best = (*candidate, score.value);
            }
        }
        if best.1 > 0.0 && score(trial, plain(best.0)).share >= BELIEVED {
            break;
        }
    }
    best.0
}

/// How well a dialect explains a sample.
struct Score {
    width: usize,
    share: f64,
    value: f64,
}

/// The most frequent number of cells, and how many good rows have it; of two equally frequent ones the larger.
pub(crate) fn width(rows: &[Row<'_>]) -> (usize, usize) {
    let mut counts = std::collections::BTreeMap::new();
    for row in rows.iter().filter(|row| row.problem.is_none()) {
        *counts.entry(row.cells.len()).or_insert(0) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or((0, 0))
}

fn score(trial: &[u8], dialect: Dialect) -> Score {
    let mut data = trial.to_vec();
    if data.last() != Some(&dialect.terminator()) {
        data.push(dialect.terminator());
    }
    let rows = sample::delimited(&data, dialect, TRIAL_ROWS);
    let (width, fitting) = width(&rows);
    if width == 0 {
        return Score { width, share: 0.0, value: 0.0 };
    }
    let share = fitting as f64 / rows.len() as f64;
    let cells = rows.iter().filter(|row| row.cells.len() == width).flat_map(|row| row.cells.iter().flatten());
    let (mut all, mut known) = (0_usize, 0_usize);
    for cell in cells {
        all += 1;
        known += usize::from(is_known(&cell.text));
    }
    let typed = known as f64 / all.max(1) as f64;
    let first = rows.first().is_some_and(|row| row.cells.len() == width);
    let value = share
        * share
        * (0.5 + 0.5 * typed)
        * (1.0 - 1.0 / (width as f64 + 1.0))
        * if first { 1.0 } else { 0.7 };
    Score { width, share, value }
}

/// Whether a cell looks like a value and not like several: a number, a date, a word without a delimiter in it.
fn is_known(cell: &[u8]) -> bool {
    let cell = value::trim(cell);
    if cell.is_empty() || value::double(cell).is_some() || moment::datetime(cell).is_some() {
        return true;
    }
    // A decimal comma is one value, not two.
    if let Some(comma) = memchr(b',', cell) {
        let point: Vec<u8> = cell.iter().map(|byte| if *byte == b',' { b'.' } else { *byte }).collect();
        return comma > 0 && value::double(&point).is_some();
    }
    !cell.iter().any(|byte| COMMON.contains(byte))
}

/// Whether fields stand between single quotes, and none between double ones.
fn single_quoted(trial: &[u8], dialect: Dialect) -> bool {
    let bare = Dialect { quote: None, ..dialect };
    let rows = sample::delimited(trial, bare, TRIAL_ROWS);
    let around = |quote: u8| {
        let cells = rows.iter().flat_map(|row| row.cells.iter().flatten());
        cells
            .filter(|cell| cell.text.len() >= 2 && cell.text[0] == quote && cell.text.last() == Some(&quote))
            .count()
    };
    around(b'\'') > 0 && around(b'"') == 0
}
