//! Sort keys as unsigned numbers: several columns packed into one 64-bit key that sorts as they do, empty cells last.
use super::column::{Code, ColumnChunk, Form, NULL, number_code, with_codes};
use super::hot::{CHUNK_SHIFT, Chunk, HotData, Span, frame};
use crate::model::CHUNK_ROWS;

/// All keys of a sort, packed into as few groups as fit 64 bits each.
pub(crate) struct Keys<'h> {
    pub(crate) groups: Vec<Group<'h>>,
}

/// Columns whose keys share 64 bits, the first in the highest.
pub(crate) struct Group<'h> {
    parts: Vec<Part<'h>>,
    pub(crate) bits: u32,
}

/// One column of a sort.
struct Part<'h> {
    place: usize,
    descending: bool,
    span: Span,
    ranks: &'h [u32],
    /// The greatest key of a filled cell; an empty one has the next.
    range: u64,
    shift: u32,
}

/// How the codes of a chunk become keys.
#[derive(Clone, Copy)]
enum ToKey<'h> {
    /// Every cell is empty.
    Empty,
    /// `start + (code - 1) * step`.
    Line { start: u64, step: u64 },
    /// `code - start`.
    Bits { start: u64 },
    /// By the number, since this chunk has another form than the whole column.
    Number { start: u64 },
    /// By the place in the dictionary's order.
    Rank(&'h [u32]),
}

impl<'h> Keys<'h> {
    /// The keys of the columns, given with whether they descend.
    pub(crate) fn new(hot: &'h HotData, sort: &[(usize, bool)]) -> Self {
        let mut groups: Vec<Group<'h>> = Vec::new();
        for &(place, descending) in sort {
            let span = hot.spans[place];
            let (ranks, range): (&[u32], u64) = match span {
                Span::Whole { min, max, scale, .. } => (&[], max.wrapping_sub(min) as u64 / scale),
                Span::Float { min, max } => (&[], max - min),
                Span::Text => match hot.dictionary(place) {
                    Some(dictionary) if !dictionary.ordered() => {
                        (dictionary.ranks(), dictionary.len() as u64 - 1)
                    }
                    dictionary => (&[], dictionary.map_or(0, |dictionary| dictionary.len() as u64 - 1)),
                },
                // Nothing to tell apart.
                Span::Empty => continue,
            };
            // The empty cell's key is one more.
            let bits = u64::BITS - (range + 1).leading_zeros();
            let part = Part { place, descending, span, ranks, range, shift: 0 };
            match groups.last_mut() {
                Some(group) if group.bits + bits <= u64::BITS => {
                    group.parts.iter_mut().for_each(|part| part.shift += bits);
                    group.parts.push(part);
                    group.bits += bits;
                }
                _ => groups.push(Group { parts: vec![part], bits }),
            }
        }
        Self { groups }
    }

    /// Compares two rows by the groups after the first.
    pub(crate) fn compare_rest(&self, hot: &HotData, left: u32, right: u32) -> std::cmp::Ordering {
        self.groups
            .iter()
            .skip(1)
            .map(|group| group.key(hot, left).cmp(&group.key(hot, right)))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| left.cmp(&right))
    }
}

impl Group<'_> {
    /// The key of one row.
    pub(crate) fn key(&self, hot: &HotData, row: u32) -> u64 {
        let chunk = &hot.chunks[(row >> CHUNK_SHIFT) as usize];
        let mut key = [0];
        self.fill(chunk, &[row & (CHUNK_ROWS as u32 - 1)], &mut key);
        key[0]
    }

    /// The keys of some rows of a chunk. `keys` must be zero.
    pub(crate) fn fill(&self, chunk: &Chunk, rows: &[u32], keys: &mut [u64]) {
        for part in &self.parts {
            let column = &chunk.columns[part.place];
            with_codes!(&column.codes, codes => part.fill(column, codes, rows, keys));
        }
    }

    /// The codes of the first column that may still sort at or before this key; `None` when no row of the chunk can.
    /// The second answer is `None` when every row may.
    pub(crate) fn within_reach(&self, chunk: &Chunk, limit: u64) -> Option<(usize, Option<(u64, u64)>)> {
        let part = &self.parts[0];
        let column = &chunk.columns[part.place];
        let limit = limit >> part.shift;
        if limit > part.range {
            return Some((part.place, None));
        }
        let (start, step) = match part.to_key(column) {
            ToKey::Empty => return None,
            ToKey::Line { start, step } => (start, step.max(1)),
            ToKey::Bits { start } => {
                // A code is its key and the start: a line through code 1.
                let (low, high) = if part.descending {
                    (start + (part.range - limit), column.max)
                } else {
                    (column.min, start.saturating_add(limit))
                };
                return part.overlap(column, low, high);
            }
            ToKey::Number { .. } | ToKey::Rank(_) => return Some((part.place, None)),
        };
        if part.descending {
            let least = part.range - limit;
            let low = if least <= start { 1 } else { (least - start).div_ceil(step) + 1 };
            return part.overlap(column, low, column.max);
        }
        if limit < start {
            return None;
        }
        part.overlap(column, 1, (limit - start) / step + 1)
    }
}

impl<'h> Part<'h> {
    fn overlap(&self, column: &ColumnChunk, low: u64, high: u64) -> Option<(usize, Option<(u64, u64)>)> {
        let (low, high) = (low.max(column.min), high.min(column.max));
        (low <= high).then_some((self.place, Some((low, high))))
    }

    fn to_key(&self, column: &ColumnChunk) -> ToKey<'h> {
        if column.max == NULL {
            return ToKey::Empty;
        }
        match (self.span, column.form) {
            (Span::Text, _) if self.ranks.is_empty() => ToKey::Line { start: 0, step: 1 },
            (Span::Text, _) => ToKey::Rank(self.ranks),
            (Span::Whole { min, scale, decimals, .. }, _) => {
                let (base, step) = frame(column, decimals);
                // A chunk of one value has no step of its own, and needs none.
                let step = if column.max == 1 { scale } else { step };
                ToKey::Line { start: base.wrapping_sub(min) as u64 / scale, step: step / scale }
            }
            (Span::Float { min, .. }, Form::Float) => ToKey::Bits { start: min },
            (Span::Float { min, .. }, _) => ToKey::Number { start: min },
            (Span::Empty, _) => ToKey::Empty,
        }
    }

    fn fill<T: Code>(&self, column: &ColumnChunk, codes: &[T], rows: &[u32], keys: &mut [u64]) {
        match self.to_key(column) {
            ToKey::Empty => self.put(codes, rows, keys, |_| 0),
            ToKey::Line { start, step: 1 } => self.put(codes, rows, keys, |code| start + (code - 1)),
            ToKey::Line { start, step } => self.put(codes, rows, keys, |code| start + (code - 1) * step),
            ToKey::Bits { start } => self.put(codes, rows, keys, |code| code - start),
            ToKey::Number { start } => {
                self.put(codes, rows, keys, |code| number_code(column.number(code)) - start);
            }
            ToKey::Rank(ranks) => self.put(codes, rows, keys, |code| u64::from(ranks[code as usize])),
        }
    }

    #[inline]
    fn put<T: Code>(&self, codes: &[T], rows: &[u32], keys: &mut [u64], to_key: impl Fn(u64) -> u64) {
        let (range, shift) = (self.range, self.shift);
        for (key, &row) in keys.iter_mut().zip(rows) {
            let own = match codes[row as usize].wide() {
                NULL => range + 1,
                code if self.descending => range - to_key(code),
                code => to_key(code),
            };
            *key |= own << shift;
        }
    }
}
