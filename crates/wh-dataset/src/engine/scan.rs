//! One pass over the rows a filter lets through: counts all of them exactly and hands them to whoever collects.
use super::compile::{Bound, Cut, Rule};
use super::hot::{CHUNK_SHIFT, Chunk, HotData};
use super::kernel::{self, BLOCK};

/// Takes the rows that pass, in order, block by block.
pub(crate) trait Collect {
    /// Asked before a chunk is looked at.
    fn start(&mut self, chunk: &Chunk) -> Interest;

    /// The rows `from..from + mask.len()` of the chunk that pass, at least one. The mask may be changed.
    fn block(&mut self, at: Place<'_>, mask: &mut [u8]);
}

/// What a collector wants of a chunk.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Interest {
    /// Its rows.
    Rows,
    /// Only how many pass.
    Count,
}

/// Where a block lies.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) chunk: &'a Chunk,
    /// The number of the chunk's first row.
    pub(crate) first: u32,
    /// The block's first row within the chunk.
    pub(crate) from: usize,
}

/// Runs over all rows; answers how many pass.
pub(crate) fn scan(hot: &HotData, rule: Option<&Rule<Bound>>, collect: &mut impl Collect) -> u64 {
    let mut passing = 0;
    for (place, chunk) in (0_u32..).zip(&hot.chunks) {
        let cut = rule.map_or(Cut::Fixed(true), |rule| rule.cut(chunk));
        if matches!(cut, Cut::Fixed(false)) {
            continue;
        }
        let interest = collect.start(chunk);
        let all = matches!(cut, Cut::Fixed(true));
        if all && interest == Interest::Count {
            passing += chunk.rows as u64;
            continue;
        }
        let mut mask = [0_u8; BLOCK];
        for from in (0..chunk.rows).step_by(BLOCK) {
            let mask = &mut mask[..BLOCK.min(chunk.rows - from)];
            let passed = if all {
                mask.fill(1);
                mask.len()
            } else {
                kernel::evaluate(&cut, from, mask);
                kernel::count(mask)
            };
            passing += passed as u64;
            if passed > 0 && interest == Interest::Rows {
                collect.block(Place { chunk, first: place << CHUNK_SHIFT, from }, mask);
            }
        }
    }
    passing
}

/// Collects the rows of one window in the order of the dataset.
pub(crate) struct InOrder {
    skip: usize,
    limit: usize,
    pub(crate) rows: Vec<u32>,
}

impl InOrder {
    pub(crate) fn new(offset: u64, limit: usize) -> Self {
        Self {
            skip: usize::try_from(offset).unwrap_or(usize::MAX),
            limit,
            rows: Vec::with_capacity(limit.min(1024)),
        }
    }
}

impl Collect for InOrder {
    fn start(&mut self, _: &Chunk) -> Interest {
        if self.rows.len() < self.limit { Interest::Rows } else { Interest::Count }
    }

    fn block(&mut self, at: Place<'_>, mask: &mut [u8]) {
        if self.rows.len() >= self.limit {
            return;
        }
        let passed = kernel::count(mask);
        if self.skip >= passed {
            self.skip -= passed;
            return;
        }
        let start = at.first + at.from as u32;
        kernel::each_passing(mask, |row| {
            if self.skip > 0 {
                self.skip -= 1;
            } else if self.rows.len() < self.limit {
                self.rows.push(start + row as u32);
            }
        });
    }
}

/// Collects nothing.
pub(crate) struct OnlyCount;

impl Collect for OnlyCount {
    fn start(&mut self, _: &Chunk) -> Interest {
        Interest::Count
    }

    fn block(&mut self, _: Place<'_>, _: &mut [u8]) {}
}
