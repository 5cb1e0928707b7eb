//! A window as JSON, written straight from the codes: no values in between. Decides nothing about which rows.
use bytes::Bytes;

use super::column::{ColumnChunk, Form, NULL};
use super::hot::HotData;
use crate::model::{ColumnType, Schema};

/// Bytes of a window. Long texts reach it before the rows do.
pub(crate) const WINDOW_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a window that is written where it is asked for; a larger one would hold up others.
pub(crate) const WINDOW_BYTES_INLINE: usize = 1024 * 1024;
/// Bytes a cell usually needs.
const CELL_BYTES: usize = 12;
/// Whole numbers below this are written without a point, as JavaScript does.
const NUMBER_WHOLE_MAX: f64 = 1e15;
/// Microseconds of a day.
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Rows of a view as JSON, with what a caller wants to know of them without reading it.
#[derive(Clone, Debug)]
pub struct Window {
    /// `{"version":7,"count":1234,"total":336776,"offset":0,"columns":["carrier",..],"rows":[["UA",3,null],..]}`.
    pub json: Bytes,
    /// The version of the dataset.
    pub version: u64,
    /// How many rows pass the filter, exactly.
    pub count: u64,
    /// How many rows the dataset has.
    pub total: u64,
}

/// The numbers at the head of a window.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) count: u64,
    pub(crate) total: u64,
    pub(crate) offset: u64,
}

/// A window of a dataset that has no rows and no columns yet.
pub(crate) fn empty(head: Head) -> Window {
    let mut out = Vec::new();
    begin(&mut out, head);
    out.extend_from_slice(b"],\"rows\":[]}");
    Window { json: out.into(), version: head.version, count: head.count, total: head.total }
}

/// Writes the rows; none when that would be more than so many bytes, about.
pub(crate) fn write(
    hot: &HotData,
    head: Head,
    columns: &[usize],
    rows: &[u32],
    bytes_max: usize,
) -> Option<Window> {
    let mut out = Vec::with_capacity(256 + columns.len() * 16 + columns.len() * rows.len() * CELL_BYTES);
    begin(&mut out, head);
    write_names(&mut out, &hot.schema, columns);
    out.extend_from_slice(b"],\"rows\":[");
    let kinds: Vec<ColumnType> = columns.iter().map(|place| hot.schema.columns()[*place].kind).collect();
    for (place, &row) in rows.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b"[" } else { b",[" });
        for (place, (&column, &kind)) in columns.iter().zip(&kinds).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_cell(&mut out, hot, column, kind, row);
            if out.len() > bytes_max {
                return None;
            }
        }
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    Some(Window { json: out.into(), version: head.version, count: head.count, total: head.total })
}

fn begin(out: &mut Vec<u8>, head: Head) {
    for (word, number) in [
        (&b"{\"version\":"[..], head.version),
        (b",\"count\":", head.count),
        (b",\"total\":", head.total),
        (b",\"offset\":", head.offset),
    ] {
        out.extend_from_slice(word);
        write_number(out, number);
    }
    out.extend_from_slice(b",\"columns\":[");
}

fn write_names(out: &mut Vec<u8>, schema: &Schema, columns: &[usize]) {
    for (place, &column) in columns.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_escaped(out, &schema.columns()[column].name);
    }
}

#[inline]
fn write_cell(out: &mut Vec<u8>, hot: &HotData, place: usize, kind: ColumnType, row: u32) {
    let (column, code) = hot.cell(row, place);
    if code == NULL {
        out.extend_from_slice(b"null");
        return;
    }
    let whole = match column.form {
        Form::Whole { base, scale } => ColumnChunk::whole(base, scale, code),
        _ => 0,
    };
    match kind {
        ColumnType::Int => write_number(out, whole),
        ColumnType::Double => write_double(out, column.number(code)),
        ColumnType::Bool => out.extend_from_slice(if whole == 0 { b"false" } else { b"true" }),
        ColumnType::Date => {
            out.push(b'"');
            write_day(out, whole);
            out.push(b'"');
        }
        ColumnType::DateTime => {
            out.push(b'"');
            write_day(out, whole.div_euclid(MICROS_PER_DAY));
            write_time(out, whole.rem_euclid(MICROS_PER_DAY));
            out.extend_from_slice(b"Z\"");
        }
        ColumnType::Text => match hot.dictionary(place) {
            Some(dictionary) if dictionary.plain() => {
                out.push(b'"');
                out.extend_from_slice(dictionary.get(code).as_bytes());
                out.push(b'"');
            }
            Some(dictionary) => write_escaped(out, dictionary.get(code)),
            None => out.extend_from_slice(b"null"),
        },
    }
}

#[inline]
fn write_number<N: lexical_core::ToLexical>(out: &mut Vec<u8>, number: N) {
    let mut buffer = [0_u8; lexical_core::BUFFER_SIZE];
    out.extend_from_slice(lexical_core::write(number, &mut buffer));
}

/// The shortest form that reads back as the same number; never NaN, which the store does not hold.
fn write_double(out: &mut Vec<u8>, number: f64) {
    if number.fract() == 0.0 && number.abs() < NUMBER_WHOLE_MAX {
        write_number(out, number as i64);
    } else if number.is_finite() {
        write_number(out, number);
    } else {
        out.extend_from_slice(b"null");
    }
}

/// `2013-01-31`; years before 0 and after 9999 with sign and six digits, as ISO 8601 has it.
fn write_day(out: &mut Vec<u8>, day: i64) {
    // Days of 400 years, counted from a March: the leap day is then the last of a year.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if (0..=9_999).contains(&year) {
        write_pair(out, year / 100);
        write_pair(out, year % 100);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        let year = year.unsigned_abs();
        out.extend(format!("{year:06}").bytes());
    }
    out.push(b'-');
    write_pair(out, month);
    out.push(b'-');
    write_pair(out, day);
}

/// `T08:30:00`, with as many digits of a second as there are.
fn write_time(out: &mut Vec<u8>, micros: i64) {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    out.push(b'T');
    write_pair(out, seconds / 3_600);
    out.push(b':');
    write_pair(out, seconds / 60 % 60);
    out.push(b':');
    write_pair(out, seconds % 60);
    if micros != 0 {
        out.push(b'.');
        let (mut rest, mut unit) = (micros, 100_000);
        while rest != 0 {
            out.push(digit(rest / unit));
            (rest, unit) = (rest % unit, unit / 10);
        }
    }
}

fn write_pair(out: &mut Vec<u8>, number: i64) {
    out.push(digit(number / 10));
    out.push(digit(number % 10));
}

fn digit(number: i64) -> u8 {
    b'0' + number as u8
}

/// A JSON string.
fn write_escaped(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (place, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..place]);
        from = place + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}
