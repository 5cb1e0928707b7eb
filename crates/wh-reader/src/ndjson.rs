//! Reads one JSON object per line into chunks, key by key without building values. Nested values become their JSON text.
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use wh_base::Result;

use super::bad::Reason;
use super::columns::ChunkBuilder;
use super::options::{LINE_BYTES_MAX, ReadOptions};
use super::sink::{BadCell, RowSink};
use super::split::BadRecord;

/// The state between pieces.
pub(crate) struct NdjsonReader {
    terminator: u8,
    keys: Keys,
    /// The last row in which a column got its cell, so that a key that comes twice counts once.
    filled: Vec<u64>,
    row: u64,
    line: u64,
    skipping: bool,
    /// Bytes that are gathered before their lines are read.
    block_bytes: usize,
    buffer: Vec<u8>,
}

/// From key to column; keys mostly come in the order of the line before.
struct Keys {
    places: HashMap<Box<str>, usize>,
    /// What each known key is to the chunk: a column, or left out.
    known: Vec<(Box<str>, Option<usize>)>,
    next: usize,
}

impl Keys {
    fn find(&mut self, key: &str) -> Option<Option<usize>> {
        if let Some((known, column)) = self.known.get(self.next)
            && **known == *key
        {
            self.next += 1;
            return Some(*column);
        }
        let place = *self.places.get(key)?;
        self.next = place + 1;
        Some(self.known[place].1)
    }
}

impl NdjsonReader {
    /// Whose chunks have the columns at these places of the options.
    pub(crate) fn new(options: &ReadOptions, columns: &[usize], block_bytes: usize) -> Result<Self> {
        let terminator = options.dialect()?.terminator();
        let mut known: Vec<(Box<str>, Option<usize>)> =
            options.columns.iter().map(|plan| (plan.source.as_str().into(), None)).collect();
        for (column, place) in columns.iter().enumerate() {
            known[*place].1 = Some(column);
        }
        let places =
            options.columns.iter().enumerate().map(|(at, plan)| (plan.source.as_str().into(), at)).collect();
        let keys = Keys { places, known, next: 0 };
        Ok(Self {
            terminator,
            keys,
            filled: vec![0; columns.len()],
            row: 0,
            line: 1,
            skipping: false,
            block_bytes,
            buffer: Vec::new(),
        })
    }

    /// Where decoded bytes are appended before `run`.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Reads what is complete, when there is enough of it.
    pub(crate) fn run(&mut self, chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) -> Result<()> {
        if self.buffer.len() < self.block_bytes { Ok(()) } else { self.lines(chunk, sink) }
    }

    /// Reads the rest; the file has ended.
    pub(crate) fn finish(&mut self, chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) -> Result<()> {
        if self.buffer.last().is_some_and(|last| *last != self.terminator) {
            self.buffer.push(self.terminator);
        }
        self.lines(chunk, sink)?;
        if let Some(batch) = chunk.take()? {
            sink.chunk(batch)?;
        }
        Ok(())
    }

    fn lines(&mut self, chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let mut done = 0;
        while let Some(length) = memchr(self.terminator, &buffer[done..]) {
            let raw = &buffer[done..done + length];
            done += length + 1;
            if std::mem::take(&mut self.skipping) {
                self.line += 1;
                continue;
            }
            if raw.len() > LINE_BYTES_MAX {
                sink.bad_record(&BadRecord { line: self.line, reason: Reason::LineTooLong, raw });
            } else if !raw.trim_ascii().is_empty() {
                self.one(raw, chunk, sink);
            }
            self.line += 1;
            if chunk.is_full()
                && let Some(batch) = chunk.take()?
            {
                sink.chunk(batch)?;
            }
        }
        if self.skipping {
            done = buffer.len();
        } else if buffer.len() - done > LINE_BYTES_MAX {
            sink.bad_record(&BadRecord {
                line: self.line,
                reason: Reason::LineTooLong,
                raw: &buffer[done..],
            });
            self.skipping = true;
            done = buffer.len();
        }
        self.buffer = buffer;
        self.buffer.drain(..done);
        Ok(())
    }

    fn one(&mut self, raw: &[u8], chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) {
        let Ok(text) = std::str::from_utf8(raw) else {
            return sink.bad_record(&BadRecord { line: self.line, reason: Reason::Encoding, raw });
        };
        self.row += 1;
        self.keys.next = 0;
        let mut row = Row {
            keys: &mut self.keys,
            filled: &mut self.filled,
            mark: self.row,
            chunk,
            wrong: None,
            sink: &mut *sink,
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = reader.deserialize_map(&mut row).and_then(|()| reader.end());
        let mut wrong = row.wrong;
        for (column, filled) in self.filled.iter().enumerate() {
            if *filled != self.row {
                chunk.columns[column].append(None).ok();
            }
        }
        if read.is_err() {
            wrong = None;
            let other = serde_json::from_str::<IgnoredAny>(text).is_ok();
            let reason = if other { Reason::JsonNotObject } else { Reason::JsonInvalid };
            sink.bad_record(&BadRecord { line: self.line, reason, raw });
        } else if let Some((column, reason)) = wrong {
            sink.bad_cell(&BadCell { line: self.line, column, reason, raw });
        }
        let bad = read.is_err() || wrong.is_some();
        chunk.grown(1, bad.then_some(0).into_iter());
    }
}

/// One object on its way into the columns.
struct Row<'r> {
    keys: &'r mut Keys,
    filled: &'r mut [u64],
    mark: u64,
    chunk: &'r mut ChunkBuilder,
    wrong: Option<(usize, Reason)>,
    sink: &'r mut dyn RowSink,
}

impl<'de> Visitor<'de> for &mut Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(KeySeed { keys: self.keys, sink: self.sink })? {
            let raw: &'de RawValue = map.next_value()?;
            let Some(column) = place.filter(|column| self.filled[*column] != self.mark) else { continue };
            self.filled[column] = self.mark;
            let outcome = match cell(raw) {
                Ok(cell) => self.chunk.columns[column].append(cell),
                Err(reason) => {
                    self.chunk.columns[column].append(None).ok();
                    Err(reason)
                }
            };
            if let Err(reason) = outcome
                && self.wrong.is_none_or(|(first, _)| column < first)
            {
                self.wrong = Some((column, reason));
            }
        }
        Ok(())
    }
}

/// Reads a key and answers its column, without keeping it.
struct KeySeed<'r> {
    keys: &'r mut Keys,
    sink: &'r mut dyn RowSink,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.keys.find(key).unwrap_or_else(|| {
            self.sink.unknown_key(key);
            None
        }))
    }
}

/// The cell that a JSON value is: strings without quotes, nested values and others as they stand, null as none.
pub(crate) fn cell(raw: &RawValue) -> Result<Option<Cow<'_, [u8]>>, Reason> {
    let text = raw.get();
    match text.as_bytes() {
        b"null" => Ok(None),
        [b'"', inner @ .., b'"'] if memchr(b'\\', inner).is_none() => Ok(Some(Cow::Borrowed(inner))),
        [b'"', ..] => match serde_json::from_str::<String>(text) {
            Ok(text) => Ok(Some(Cow::Owned(text.into_bytes()))),
            Err(_) => Err(Reason::JsonInvalid), // half of a surrogate pair
        },
        bytes => Ok(Some(Cow::Borrowed(bytes))),
    }
}
