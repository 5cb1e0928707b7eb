//! Tables that fit the terminal. Ids are never cut: somebody will copy them.
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Look;
use super::cells::cell;

/// A column is not made narrower than this.
const COLUMN_WIDTH_MIN: usize = 10;
const GAP: usize = 2;
const UUID_LENGTH: usize = 36;

/// A table, and what did not fit.
pub struct Shown {
    /// The lines.
    pub text: String,
    /// How many columns were left out at the right.
    pub columns_left_out: usize,
}

/// Rows under heads. Without a width nothing is cut.
pub fn rows(names: &[String], rows: &[Vec<String>], look: Look) -> Shown {
    let heads: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.width()).collect();
    for row in rows {
        for (at, cell) in row.iter().enumerate().take(widths.len()) {
            widths[at] = widths[at].max(cell.width());
        }
    }
    let fixed: Vec<bool> = (0..names.len()).map(|at| rows.iter().any(|row| is_id(&row[at]))).collect();
    let kept = look.width.map_or(names.len(), |width| fit(&mut widths, &fixed, width));
    let right: Vec<bool> = (0..kept).map(|at| is_numeric(rows, at)).collect();
    let mut text = String::new();
    let (bold, plain) = look.bold;
    text.push_str(bold);
    line(&mut text, &heads, &widths[..kept], &right);
    text.insert_str(text.len() - 1, plain);
    for row in rows {
        line(&mut text, row, &widths[..kept], &right);
    }
    Shown { text, columns_left_out: names.len() - kept }
}

/// Names and values below one another.
pub fn record(pairs: &[(String, &Value)], look: Look) -> String {
    let names = pairs.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let (bold, plain) = look.bold;
    let mut text = String::new();
    for (name, value) in pairs {
        let value = cell(value);
        let room = look.width.map(|width| width.saturating_sub(names + GAP).max(UUID_LENGTH));
        let value = room.map_or_else(|| value.clone(), |room| cut(&value, room));
        let space = " ".repeat(names - name.width() + GAP);
        text.push_str(format!("{bold}{name}{plain}{space}{value}").trim_end());
        text.push('\n');
    }
    text
}

/// Make columns narrower, the widest first, then leave out the last. How many stay.
fn fit(widths: &mut [usize], fixed: &[bool], width: usize) -> usize {
    let mut kept = widths.len();
    while kept > 1 {
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
        let least: Vec<usize> = widths[..kept]
            .iter()
            .zip(fixed)
            .map(|(width, fixed)| if *fixed { *width } else { (*width).min(COLUMN_WIDTH_MIN) })
            .collect();
        if total(&least) > width {
            kept -= 1;
            continue;
        }
        while total(&widths[..kept]) > width {
            let widest = (0..kept).filter(|at| widths[*at] > least[*at]).max_by_key(|at| widths[*at]);
            let Some(widest) = widest else { break };
            widths[widest] -= 1;
        }
        return kept;
    }
    if let Some(first) = widths.first_mut().filter(|_| fixed.first() != Some(&true)) {
        *first = (*first).min(width);
    }
    kept
}

fn line(text: &mut String, cells: &[String], widths: &[usize], right: &[bool]) {
    let mut line = String::new();
    for (at, width) in widths.iter().enumerate() {
        if at > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        let cell = cut(&cells[at], *width);
        let space = " ".repeat(width.saturating_sub(cell.width()));
        if right[at] {
            line.push_str(&space);
            line.push_str(&cell);
        } else {
            line.push_str(&cell);
            line.push_str(&space);
        }
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > width.saturating_sub(1) {
            break;
        }
        used += wide;
        out.push(c);
    }
    out.push('…');
    out
}

fn is_id(cell: &str) -> bool {
    cell.len() == UUID_LENGTH && uuid::Uuid::try_parse(cell).is_ok()
}

fn is_numeric(rows: &[Vec<String>], at: usize) -> bool {
    let mut cells = rows.iter().map(|row| row[at].as_str()).filter(|cell| !cell.is_empty()).peekable();
    cells.peek().is_some() && cells.all(|cell| cell.parse::<f64>().is_ok())
}
