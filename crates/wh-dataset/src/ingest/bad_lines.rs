//! The lines an import set aside: kept within limits as NDJSON while reading, offered as CSV later. All are counted.
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wh_base::Result;
use wh_contract::TenantId;

use crate::codes;
use crate::read::{BadCell, BadLine, BadRecord, Reason, text_of};

use super::IngestHost;

/// Bad lines of one import that are kept.
pub const BAD_LINES_KEPT_MAX: u64 = 50_000;
/// Bytes of the bad lines of one import that are kept.
pub const BAD_LINES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bad lines that are handed on beside those that are kept.
const FIRST_MAX: usize = 3;

/// What is known of the bad lines of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLines {
    /// How many there were.
    pub count: u64,
    /// How many of them are kept with their text: the first ones.
    pub kept: u64,
    /// The object that keeps them.
    pub path: Option<String>,
    /// Its size.
    pub bytes: u64,
}

/// Keeps bad lines while a file is read.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    pub(super) count: u64,
    pub(super) kept: u64,
    pub(super) bytes: Vec<u8>,
    full: bool,
}

impl Keeper {
    pub(super) fn record(&mut self, record: &BadRecord<'_>) {
        self.keep(record.line, record.reason, None, record.raw);
    }

    pub(super) fn cell(&mut self, cell: &BadCell<'_>, column: &str) {
        self.keep(cell.line, cell.reason, Some(column), cell.raw);
    }

    /// The first of those that are kept.
    pub(super) fn first(&self) -> Vec<BadLine> {
        let lines = serde_json::Deserializer::from_slice(&self.bytes).into_iter::<BadLine>();
        let mut first: Vec<BadLine> = lines.take(FIRST_MAX).flatten().collect();
        first.sort_unstable_by_key(|bad| bad.line);
        first
    }

    fn keep(&mut self, line: u64, reason: Reason, column: Option<&str>, raw: &[u8]) {
        self.count += 1;
        if self.full {
            return;
        }
        let line = BadLine { line, reason, column: column.map(str::to_owned), text: text_of(raw) };
        let before = self.bytes.len();
        if serde_json::to_writer(&mut self.bytes, &line).is_err() {
            self.bytes.truncate(before);
            return;
        }
        self.bytes.push(b'\n');
        self.kept += 1;
        self.full = self.kept >= BAD_LINES_KEPT_MAX || self.bytes.len() >= BAD_LINES_BYTES_MAX;
    }
}

/// The kept bad lines of an import as CSV with a header: `line,reason,column,text`. None when they are not kept any more.
pub async fn bad_lines_csv(host: &IngestHost, tenant: TenantId, path: &str) -> Result<Option<Bytes>> {
    let Some(bytes) = host.objects().get(path).await? else { return Ok(None) };
    host.beside(tenant, move || written(&bytes).map(Some)).await
}

fn written(bytes: &[u8]) -> Result<Bytes> {
    let mut out = b"line,reason,column,text\r\n".to_vec();
    for line in serde_json::Deserializer::from_slice(bytes).into_iter::<BadLine>() {
        let line = line.map_err(|error| codes::STORE.caused("the kept bad lines cannot be read", error))?;
        out.extend_from_slice(line.line.to_string().as_bytes());
        out.push(b',');
        out.extend_from_slice(line.reason.word().as_bytes());
        out.push(b',');
        quoted(line.column.as_deref().unwrap_or_default(), &mut out);
        out.push(b',');
        quoted(&line.text, &mut out);
        out.extend_from_slice(b"\r\n");
    }
    Ok(Bytes::from(out))
}

/// A cell that spreadsheets show as it is: what they would take for a formula gets an apostrophe before it.
fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
    {
        out.push(b'\'');
    }
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
