//! Results on standard output: table, JSON, CSV or ids. Decides how they look, never what they are.
mod cells;
mod csv;
mod table;

use std::io::Write;

use serde_json::Value;

use crate::fail::{Fail, Result};
use crate::terminal;
use crate::world::World;

pub use cells::{cell, flat, label, quantity};

/// In what form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// As the server says it.
    Json,
    /// For other programs; texts that a spreadsheet would run are disarmed.
    Csv,
    /// CSV with every text as it is.
    RawCsv,
    /// Ids only, one per line.
    Ids,
}

/// How a table looks where it is shown.
#[derive(Clone, Copy)]
pub struct Look {
    /// How wide it may be; `None` where it is not shown on a terminal.
    pub width: Option<usize>,
    /// Before a head, and after it.
    pub bold: (&'static str, &'static str),
}

/// Where results go.
pub struct Output {
    /// In what form.
    pub format: Format,
    look: Look,
    out: Box<dyn Write>,
    started: bool,
}

impl Output {
    /// Standard output.
    pub fn new(format: Format, world: &World) -> Self {
        let out = Box::new(std::io::BufWriter::new(std::io::stdout()));
        Self {
            format,
            look: Look { width: terminal::width(world), bold: terminal::bold(world) },
            out,
            started: false,
        }
    }

    /// Whether results are shown on a terminal.
    pub fn on_terminal(&self) -> bool {
        self.look.width.is_some()
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Fail::output(&e))
    }

    /// A line.
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Show everything so far.
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|e| Fail::output(&e))
    }

    /// The server's JSON: as it came, or indented on a terminal.
    pub fn json(&mut self, text: &[u8]) -> Result<()> {
        if self.on_terminal()
            && let Ok(value) = serde_json::from_slice::<Value>(text)
        {
            return self.line(&serde_json::to_string_pretty(&value).unwrap_or_default());
        }
        self.bytes(text.trim_ascii_end())?;
        self.bytes(b"\n")
    }

    /// One thing.
    pub fn record(&mut self, order: &[String], thing: &Value, own_id: &str) -> Result<()> {
        match self.format {
            Format::Json => self.json(thing.to_string().as_bytes()),
            Format::Ids => match cells::id(thing, own_id) {
                Some(id) => self.line(&id),
                None => Ok(()),
            },
            Format::Csv | Format::RawCsv => {
                let pairs = flat(order, thing);
                let names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
                self.csv_head(&names)?;
                self.csv_row(pairs.iter().map(|(_, value)| *value))
            }
            Format::Table => {
                let text = table::record(&flat(order, thing), self.look);
                self.bytes(text.as_bytes())
            }
        }
    }

    /// The head of a CSV, once.
    pub fn csv_head(&mut self, names: &[String]) -> Result<()> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        let heads: Vec<Value> = names.iter().map(|name| Value::String(name.clone())).collect();
        self.csv_row(heads.iter())
    }

    /// A row of a CSV.
    pub fn csv_row<'a>(&mut self, values: impl Iterator<Item = &'a Value>) -> Result<()> {
        let texts = if self.format == Format::RawCsv { csv::Texts::AsTheyAre } else { csv::Texts::Disarmed };
        let line = csv::row(values, texts);
        self.bytes(line.as_bytes())
    }

    /// Rows as a table with these columns.
    pub fn table(&mut self, names: &[String], rows: &[Vec<String>]) -> Result<()> {
        let shown = table::rows(names, rows, self.look);
        self.bytes(shown.text.as_bytes())?;
        if shown.columns_left_out > 0 {
            self.flush()?;
            let left_out = shown.columns_left_out;
            terminal::notice(&format!("{left_out} more columns do not fit; --json or --csv shows them"));
        }
        Ok(())
    }

    /// The id of a thing, for `--quiet`.
    pub fn id(&mut self, thing: &Value, own_id: &str) -> Result<()> {
        match cells::id(thing, own_id) {
            Some(id) => self.line(&id),
            None => Ok(()),
        }
    }
}
