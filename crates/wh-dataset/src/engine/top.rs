//! The first rows of a sort without sorting the rest: keeps the best so far and skips what cannot be among them.
use std::cmp::Ordering;

use super::hot::{Chunk, HotData};
use super::kernel::{self, BLOCK};
use super::scan::{Collect, Interest, Place};
use super::sort_keys::Keys;

/// Rows beyond twice the wanted that wait for the next look at who stays.
const CANDIDATES: usize = 64;

/// Collects the first `wanted` rows of a sort.
pub(crate) struct Top<'h> {
    hot: &'h HotData,
    keys: &'h Keys<'h>,
    wanted: usize,
    /// The best rows so far and some that may still fall out.
    best: Vec<(u64, u32)>,
    /// The key of the last of the wanted, once there are enough.
    limit: Option<u64>,
    places: Vec<u32>,
    packed: Vec<u64>,
}

impl<'h> Top<'h> {
    pub(crate) fn new(hot: &'h HotData, keys: &'h Keys<'h>, wanted: usize) -> Self {
        Self {
            hot,
            keys,
            wanted,
            best: Vec::with_capacity(wanted * 2 + BLOCK),
            limit: None,
            places: Vec::with_capacity(BLOCK),
            packed: Vec::with_capacity(BLOCK),
        }
    }

    /// The rows in order.
    pub(crate) fn finish(mut self) -> Vec<u32> {
        let (hot, keys) = (self.hot, self.keys);
        self.best.sort_unstable_by(|left, right| compare(hot, keys, left, right));
        self.best.truncate(self.wanted);
        self.best.into_iter().map(|(_, row)| row).collect()
    }

    /// The greatest first key that may still come in. Rows come in order, so with a single group an equal key is
    /// behind those that are there.
    fn admitted(&self) -> Option<Option<u64>> {
        match self.limit {
            None => Some(None),
            Some(limit) if self.keys.groups.len() > 1 => Some(Some(limit)),
            Some(limit) => limit.checked_sub(1).map(Some),
        }
    }

    fn shrink(&mut self) {
        if self.best.len() < self.wanted {
            return;
        }
        let (hot, keys) = (self.hot, self.keys);
        if self.best.len() > self.wanted {
            self.best.select_nth_unstable_by(self.wanted - 1, |left, right| compare(hot, keys, left, right));
            self.best.truncate(self.wanted);
        }
        self.limit = self.best.iter().map(|(key, _)| *key).max();
    }
}

/// The order of two rows, each with its key of the first group or of one that tells them apart.
pub(crate) fn compare(hot: &HotData, keys: &Keys<'_>, left: &(u64, u32), right: &(u64, u32)) -> Ordering {
    left.0.cmp(&right.0).then_with(|| {
        if keys.groups.len() > 1 { keys.compare_rest(hot, left.1, right.1) } else { left.1.cmp(&right.1) }
    })
}

impl Collect for Top<'_> {
    fn start(&mut self, chunk: &Chunk) -> Interest {
        let Some(first) = self.keys.groups.first() else {
            // Nothing to sort by: the first rows are the first rows.
            return if self.best.len() < self.wanted { Interest::Rows } else { Interest::Count };
        };
        match self.admitted() {
            None => Interest::Count,
            Some(None) => Interest::Rows,
            Some(Some(limit)) => {
                if first.within_reach(chunk, limit).is_some() {
                    Interest::Rows
                } else {
                    Interest::Count
                }
            }
        }
    }

    fn block(&mut self, at: Place<'_>, mask: &mut [u8]) {
        let start = at.first + at.from as u32;
        let Some(first) = self.keys.groups.first() else {
            let room = self.wanted.saturating_sub(self.best.len());
            self.places.clear();
            kernel::each_passing(mask, |row| self.places.push(start + row as u32));
            self.best.extend(self.places.iter().take(room).map(|&row| (0, row)));
            return;
        };
        let Some(admitted) = self.admitted() else { return };
        if let Some(limit) = admitted {
            match first.within_reach(at.chunk, limit) {
                None => return,
                Some((_, None)) => {}
                Some((place, Some((low, high)))) => {
                    kernel::keep_within(&at.chunk.columns[place].codes, at.from, low, high, mask);
                }
            }
        }
        self.places.clear();
        kernel::each_passing(mask, |row| self.places.push((at.from + row) as u32));
        if self.places.is_empty() {
            return;
        }
        self.packed.clear();
        self.packed.resize(self.places.len(), 0);
        first.fill(at.chunk, &self.places, &mut self.packed);
        let admitted = admitted.unwrap_or(u64::MAX);
        let pairs = self.packed.iter().zip(&self.places);
        let coming = pairs.filter(|(key, _)| **key <= admitted).map(|(key, row)| (*key, at.first + *row));
        self.best.extend(coming);
        if self.limit.is_none() || self.best.len() >= self.wanted * 2 + CANDIDATES {
            self.shrink();
        }
    }
}
