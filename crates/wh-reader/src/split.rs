//! Where records and fields of delimited text begin and end. Knows delimiters, quotes and line ends; no types, no encodings.
use memchr::{memchr, memchr_iter, memchr2};

use super::bad::Reason;
use super::options::{Dialect, Escape, LINE_BYTES_MAX};

/// Whether more data may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    /// Perhaps: an unfinished record is left for the next call.
    Perhaps,
    /// No: the data ends with a line end, and an unfinished record is a bad one.
    No,
}

/// A record that is not as it should be.
pub struct BadRecord<'a> {
    /// Of the file, from 1.
    pub line: u64,
    /// Why.
    pub reason: Reason,
    /// As it stands in the file.
    pub raw: &'a [u8],
}

/// The fields of the records of one block, as positions in it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Where the fields end, `columns` of them per record; each begins after the end of the one before it.
    pub(crate) ends: Vec<u32>,
    /// Where each record begins.
    pub(crate) starts: Vec<u32>,
    /// The line of each record, counted from the block's first line.
    pub(crate) lines: Vec<u32>,
    /// Where the fields of each record begin in `ends`; only where records may have any number of fields.
    pub(crate) bases: Vec<u32>,
}

impl Index {
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.starts.clear();
        self.lines.clear();
        self.bases.clear();
    }

    pub(crate) fn rows(&self) -> usize {
        self.starts.len()
    }

    /// The bytes of a field as they stand in the block, with its quotes.
    #[inline]
    pub(crate) fn field<'a>(&self, data: &'a [u8], columns: usize, row: usize, column: usize) -> &'a [u8] {
        let at = row * columns + column;
        let start = if column == 0 { self.starts[row] } else { self.ends[at - 1] + 1 };
        &data[start as usize..self.ends[at] as usize]
    }

    /// The bytes of a whole record without its line end.
    pub(crate) fn record<'a>(&self, data: &'a [u8], columns: usize, row: usize) -> &'a [u8] {
        &data[self.starts[row] as usize..self.ends[row * columns + columns - 1] as usize]
    }
}

/// Splits blocks of one file, in order.
#[derive(Debug)]
pub(crate) struct Splitter {
    dialect: Dialect,
    columns: usize,
    /// The physical line at which the next block begins, from 1.
    line: u64,
    /// Inside a line that was set aside before its end came: everything up to there is dropped.
    skipping: bool,
}

const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;

/// The high bit of every byte that equals the needle (exact, unlike the shorter well-known form).
#[inline]
const fn equal(word: u64, needle: u64) -> u64 {
    let x = word ^ needle;
    !(((x & LOW) + LOW) | x | LOW)
}

const fn spread(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

/// Finds delimiters, line ends and quotes, 64 bytes at a time.
struct Finder {
    delimiter: u64,
    terminator: u64,
    quote: u64,
}

impl Finder {
    fn new(dialect: Dialect) -> Self {
        let terminator = dialect.terminator();
        Self {
            delimiter: spread(dialect.delimiter),
            terminator: spread(terminator),
            quote: spread(dialect.quote.unwrap_or(terminator)),
        }
    }

    /// One bit per byte of the 64 from `at`; past the end there is none.
    #[inline]
    fn mask(&self, data: &[u8], at: usize) -> u64 {
        if let Some(block) = data.get(at..at + 64) {
            return self.mask_of(block);
        }
        let mut padded = [0_u8; 64];
        let rest = data.get(at..).unwrap_or_default();
        padded[..rest.len()].copy_from_slice(rest);
        self.mask_of(&padded)
    }

    #[inline]
    fn mask_of(&self, block: &[u8]) -> u64 {
        let mut mask = 0_u64;
        for (index, bytes) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*bytes);
            let hit = equal(word, self.delimiter) | equal(word, self.terminator) | equal(word, self.quote);
            // Gathers the eight high bits in one byte.
            mask |= ((hit >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (index * 8);
        }
        mask
    }
}

/// How a quoted field ends.
enum Close {
    /// What stands at this position is a delimiter or line end.
    At(usize),
    /// Something else stands behind the closing quote.
    Trailing,
    /// Not in this data.
    Open,
}

/// Where the walk over a block stands.
struct Walk {
    /// Begin of the current record and field.
    record: usize,
    field: usize,
    /// Lines begun since the begin of the block, and those of them inside the current record's quotes.
    line: u32,
    inner_lines: u32,
    /// Fields of earlier records.
    base: usize,
}

impl Splitter {
    /// For a file of so many columns.
    pub(crate) fn new(dialect: Dialect, columns: usize) -> Self {
        Self { dialect, columns, line: 1, skipping: false }
    }

    /// For a file that is not known yet: records of any number of fields.
    pub(crate) fn of_any_width(dialect: Dialect) -> Self {
        Self::new(dialect, 0)
    }

    /// The physical line at which the next block begins.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Finds at most `rows_max` records of the right number of fields; answers how many bytes are done with, and the
    /// line of the block's begin is what `line` was before the call.
    pub(crate) fn split(
        &mut self,
        data: &[u8],
        more: More,
        rows_max: usize,
        index: &mut Index,
        bad: &mut dyn FnMut(BadRecord<'_>),
    ) -> usize {
        index.clear();
        let first = self.skip_rest(data);
        let finder = Finder::new(self.dialect);
        let terminator = self.dialect.terminator();
        let mut walk =
            Walk { record: first, field: first, line: u32::from(first > 0), inner_lines: 0, base: 0 };
        if self.skipping {
            return data.len();
        }
        let mut at = first;
        'blocks: while at < data.len() && index.rows() < rows_max {
            let mut mask = finder.mask(data, at);
            while mask != 0 {
                let position = at + mask.trailing_zeros() as usize;
                mask &= mask - 1;
                let byte = data[position];
                if byte == self.dialect.delimiter {
                    index.ends.push(position as u32);
                    walk.field = position + 1;
                } else if byte == terminator {
                    self.end_record(data, position, &mut walk, index, bad);
                    if index.rows() == rows_max {
                        break 'blocks;
                    }
                } else if position == walk.field {
                    if position - walk.record > LINE_BYTES_MAX {
                        at = self.too_long(data, position, &mut walk, index, bad);
                        continue 'blocks;
                    }
                    let reason = match self.close(data, position + 1, &mut walk) {
                        Close::At(next) => {
                            at = next;
                            continue 'blocks;
                        }
                        Close::Trailing => Reason::QuoteTrailing,
                        Close::Open => Reason::QuoteOpen,
                    };
                    // Only what is sure whatever follows is set aside, and never less than a line.
                    if more == More::Perhaps
                        && data.len() - walk.record <= LINE_BYTES_MAX
                        && (reason == Reason::QuoteOpen || memchr(terminator, &data[walk.record..]).is_none())
                    {
                        break 'blocks;
                    }
                    at = self.set_aside(data, reason, walk.record, &mut walk, index, bad);
                    continue 'blocks;
                }
            }
            at += 64;
        }
        index.ends.truncate(walk.base);
        if at >= data.len() && data.len() - walk.record > LINE_BYTES_MAX && index.rows() < rows_max {
            self.too_long(data, data.len(), &mut walk, index, bad);
        }
        let done = walk.record;
        self.line += u64::from(walk.line);
        done
    }

    /// Drops the rest of a line that was set aside; answers where the next line begins.
    fn skip_rest(&mut self, data: &[u8]) -> usize {
        if !self.skipping {
            return 0;
        }
        match memchr(self.dialect.terminator(), data) {
            Some(end) => {
                self.skipping = false;
                end + 1
            }
            None => data.len(),
        }
    }

    /// A line end outside quotes: the record is complete.
    #[inline]
    fn end_record(
        &self,
        data: &[u8],
        position: usize,
        walk: &mut Walk,
        index: &mut Index,
        bad: &mut dyn FnMut(BadRecord<'_>),
    ) {
        let mut end = position;
        if end > walk.field && data[end - 1] == b'\r' {
            end -= 1;
        }
        let fields = index.ends.len() - walk.base + 1;
        if fields == self.columns && position - walk.record <= LINE_BYTES_MAX && end > walk.record {
            index.ends.push(end as u32);
            index.starts.push(walk.record as u32);
            index.lines.push(walk.line);
            walk.base = index.ends.len();
        } else if end > walk.record {
            self.end_unfit(data, position, end, walk, index, bad);
        } else {
            index.ends.truncate(walk.base); // a line without anything is no record
        }
        walk.line += 1 + walk.inner_lines;
        walk.inner_lines = 0;
        walk.record = position + 1;
        walk.field = position + 1;
    }

    /// The end of a record that is not of the right number of fields or length.
    #[cold]
    fn end_unfit(
        &self,
        data: &[u8],
        position: usize,
        end: usize,
        walk: &mut Walk,
        index: &mut Index,
        bad: &mut dyn FnMut(BadRecord<'_>),
    ) {
        let fields = index.ends.len() - walk.base + 1;
        let too_long = position - walk.record > LINE_BYTES_MAX;
        if self.columns == 0 && !too_long {
            index.bases.push(walk.base as u32);
            index.ends.push(end as u32);
            index.starts.push(walk.record as u32);
            index.lines.push(walk.line);
            walk.base = index.ends.len();
            return;
        }
        index.ends.truncate(walk.base);
        let reason = match fields {
            _ if too_long => Reason::LineTooLong,
            fields if fields < self.columns => Reason::TooFewFields,
            _ => Reason::TooManyFields,
        };
        bad(BadRecord { line: self.line + u64::from(walk.line), reason, raw: &data[walk.record..end] });
    }

    /// The end of a quoted field whose content begins at `start`.
    #[inline]
    fn close(&self, data: &[u8], start: usize, walk: &mut Walk) -> Close {
        let Some(quote) = self.dialect.quote else { return Close::Trailing };
        // No further than a line may reach, so that the outcome does not depend on how much data is there.
        let data = &data[..data.len().min(walk.record + LINE_BYTES_MAX + 1).max(start)];
        let mut at = start;
        let end = loop {
            let found = match self.dialect.escape {
                Escape::Doubled => memchr(quote, &data[at..]),
                Escape::Backslash => memchr2(quote, b'\\', &data[at..]),
            };
            let Some(offset) = found else { return Close::Open };
            let position = at + offset;
            if data[position] == b'\\' && self.dialect.escape == Escape::Backslash {
                at = position + 2;
                if at > data.len() {
                    return Close::Open;
                }
                continue;
            }
            match data.get(position + 1) {
                None => return Close::Open, // the next byte decides
                Some(next) if *next == quote && self.dialect.escape == Escape::Doubled => at = position + 2,
                Some(_) => break position,
            }
        };
        let next = data[end + 1];
        let terminator = self.dialect.terminator();
        if next == self.dialect.delimiter || next == terminator {
            walk.inner_lines += memchr_iter(terminator, &data[start..end]).count() as u32;
            return Close::At(end + 1);
        }
        if next == b'\r' {
            match data.get(end + 2) {
                None => return Close::Open,
                Some(byte) if *byte == terminator => {
                    walk.inner_lines += memchr_iter(terminator, &data[start..end]).count() as u32;
                    return Close::At(end + 2);
                }
                Some(_) => {}
            }
        }
        Close::Trailing
    }

    /// A record that is longer than a line may be when the walk comes to `from`, outside quotes: all of it goes, however
    /// much of it is in this data.
    #[cold]
    fn too_long(
        &mut self,
        data: &[u8],
        from: usize,
        walk: &mut Walk,
        index: &mut Index,
        bad: &mut dyn FnMut(BadRecord<'_>),
    ) -> usize {
        let inner_lines = walk.inner_lines;
        let next = self.set_aside(data, Reason::LineTooLong, from, walk, index, bad);
        walk.line += inner_lines;
        next
    }

    /// Sets aside what is there of the record up to the first line end from `from` on, and goes on with what follows;
    /// answers where that begins. A line end that is not in this data is looked for in the next.
    #[cold]
    fn set_aside(
        &mut self,
        data: &[u8],
        reason: Reason,
        from: usize,
        walk: &mut Walk,
        index: &mut Index,
        bad: &mut dyn FnMut(BadRecord<'_>),
    ) -> usize {
        index.ends.truncate(walk.base);
        let end = memchr(self.dialect.terminator(), &data[from..]).map(|offset| from + offset);
        let raw = &data[walk.record..end.unwrap_or(data.len())];
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        bad(BadRecord { line: self.line + u64::from(walk.line), reason, raw });
        self.skipping = end.is_none();
        walk.line += u32::from(end.is_some());
        walk.inner_lines = 0;
        walk.record = end.map_or(data.len(), |end| end + 1);
        walk.field = walk.record;
        walk.record
    }
}
