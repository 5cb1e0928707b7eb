//! Flights in any number: the file's rows, repeated with another year and flight number.
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// Rounds through the file between two ages: more than a file has.
const AGE_ROUNDS: usize = 16;
/// Bytes sent at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Where measured servers keep their data: beside what was built, because a temporary folder may lie in memory, where durable
/// costs nothing.
pub const PLACE: &str = "target/bench";

/// A folder for one server.
pub fn folder() -> Result<TempDir> {
    fs::create_dir_all(PLACE)?;
    Ok(tempfile::Builder::new().prefix("data-").tempdir_in(fs::canonicalize(PLACE)?)?)
}

/// The whole file of so many rows as CSV, header first.
pub fn flights(source: &Path, rows: usize) -> Result<Vec<u8>> {
    flights_of(source, rows, 0)
}

/// The same, of which no row is in a file of another age.
pub fn flights_of(source: &Path, rows: usize, age: usize) -> Result<Vec<u8>> {
    let text = fs::read_to_string(source).with_context(|| source.display().to_string())?;
    let (header, body) = text.split_once('\n').context("no header")?;
    let lines: Vec<&str> = body.lines().collect();
    let flight = header.split(',').position(|name| name == "flight").context("no column flight")?;
    let mut csv = String::with_capacity(rows * 100);
    csv.push_str(header);
    csv.push('\n');
    for row in 0..rows {
        let round = row / lines.len() + age * AGE_ROUNDS;
        let line = lines[row % lines.len()];
        if round == 0 {
            csv.push_str(line);
        } else {
            for (at, field) in line.split(',').enumerate() {
                if at > 0 {
                    csv.push(',');
                }
                match at {
                    0 => csv.push_str(&(2013 + round).to_string()),
                    at if at == flight => {
                        csv.push_str(&(field.parse::<usize>().unwrap_or(0) + 10_000 * round).to_string());
                    }
                    _ => csv.push_str(field),
                }
            }
        }
        csv.push('\n');
    }
    Ok(csv.into_bytes())
}

/// The bytes in pieces for an upload.
pub fn pieces(csv: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    csv.chunks(PIECE_BYTES).map(<[u8]>::to_vec)
}
