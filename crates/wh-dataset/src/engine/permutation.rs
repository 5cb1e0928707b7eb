//! All rows of a filter in the order of a sort, as row numbers: made once, then any window is a slice of it.
use super::compile::{Bound, Rule};
use super::hot::Chunk;
use super::hot::HotData;
use super::kernel;
use super::scan::{Collect, Interest, Place, scan};
use super::sort_keys::{Group, Keys};

/// Bits of one pass of the radix sort: its counters stay in the first-level cache.
const DIGIT_BITS: u32 = 11;
/// Below this a comparison sort is quicker than its counters.
const RADIX_ROWS_MIN: usize = 4_096;

/// The rows that pass, sorted; ties in the order of the dataset.
pub(crate) fn permutation(hot: &HotData, rule: Option<&Rule<Bound>>, sort: &[(usize, bool)]) -> Vec<u32> {
    let keys = Keys::new(hot, sort);
    let Some(first) = keys.groups.first() else {
        let mut every = Gather { first: None, rows: Vec::new(), packed: Vec::new(), places: Vec::new() };
        scan(hot, rule, &mut every);
        return every.rows;
    };
    let mut gather = Gather { first: Some(first), rows: Vec::new(), packed: Vec::new(), places: Vec::new() };
    scan(hot, rule, &mut gather);
    let Gather { mut rows, mut packed, .. } = gather;
    if first.bits <= u32::BITS {
        let mut pairs: Vec<u64> =
            packed.iter().zip(&rows).map(|(key, row)| key << u32::BITS | u64::from(*row)).collect();
        drop(packed);
        radix(&mut pairs, u32::BITS, u32::BITS + first.bits);
        rows.iter_mut().zip(&pairs).for_each(|(row, pair)| *row = *pair as u32);
        if keys.groups.len() > 1 {
            let keyed: Vec<u64> = pairs.iter().map(|pair| pair >> u32::BITS).collect();
            sort_ties(hot, &keys, &keyed, &mut rows);
        }
        return rows;
    }
    let mut pairs: Vec<(u64, u32)> = packed.drain(..).zip(rows.iter().copied()).collect();
    pairs.sort_unstable();
    rows.iter_mut().zip(&pairs).for_each(|(row, pair)| *row = pair.1);
    if keys.groups.len() > 1 {
        let keyed: Vec<u64> = pairs.iter().map(|pair| pair.0).collect();
        sort_ties(hot, &keys, &keyed, &mut rows);
    }
    rows
}

/// Sorts runs of equal first keys by the others.
fn sort_ties(hot: &HotData, keys: &Keys<'_>, keyed: &[u64], rows: &mut [u32]) {
    let mut from = 0;
    for run in keyed.chunk_by(|left, right| left == right) {
        let to = from + run.len();
        if run.len() > 1 {
            rows[from..to].sort_unstable_by(|left, right| keys.compare_rest(hot, *left, *right));
        }
        from = to;
    }
}

/// Sorts by the bits `low..high`, least digit first; rows that are equal there keep their order.
fn radix(pairs: &mut Vec<u64>, low: u32, high: u32) {
    if pairs.len() < RADIX_ROWS_MIN {
        pairs.sort_unstable();
        return;
    }
    // Passes of equal size: 16 bits are two of 8, not one of 11 and one of 5.
    let passes = (high - low).div_ceil(DIGIT_BITS).max(1);
    let bits = (high - low).div_ceil(passes);
    let mut other = vec![0_u64; pairs.len()];
    for pass in 0..passes {
        let shift = low + pass * bits;
        let mask = (1_usize << bits) - 1;
        let mut ends = vec![0_usize; mask + 1];
        pairs.iter().for_each(|pair| ends[(pair >> shift) as usize & mask] += 1);
        let mut sum = 0;
        for end in &mut ends {
            (*end, sum) = (sum, sum + *end);
        }
        for pair in pairs.iter() {
            let end = &mut ends[(pair >> shift) as usize & mask];
            other[*end] = *pair;
            *end += 1;
        }
        std::mem::swap(pairs, &mut other);
    }
}

/// Collects every row and, with a sort, its first key.
struct Gather<'k> {
    first: Option<&'k Group<'k>>,
    rows: Vec<u32>,
    packed: Vec<u64>,
    places: Vec<u32>,
}

impl Collect for Gather<'_> {
    fn start(&mut self, _: &Chunk) -> Interest {
        Interest::Rows
    }

    fn block(&mut self, at: Place<'_>, mask: &mut [u8]) {
        self.places.clear();
        kernel::each_passing(mask, |row| self.places.push((at.from + row) as u32));
        if let Some(first) = self.first {
            let start = self.packed.len();
            self.packed.resize(start + self.places.len(), 0);
            first.fill(at.chunk, &self.places, &mut self.packed[start..]);
        }
        self.rows.extend(self.places.iter().map(|row| at.first + row));
    }
}
