//! All rows of a filter in the order of a sort, as row numbers: made once, then any window is a slice of it.
use super::compile::{Bound, Rule};
use super::hot::{Chunk, HotData};
use super::kernel;
use super::scan::{Collect, Interest, OnlyCount, Place, scan};
use super::sort_keys::{Group, Keys};

/// Bits that one pass of the counting sort takes: its counters stay in the second-level cache.
const DIGIT_BITS: u32 = 16;

/// Bytes beside the rows of an order that is kept: its key and its entry, about.
const ORDER_BYTES: u64 = 256;

/// Rows of a view as they stand in its order, from one place on.
pub(crate) struct Order {
    /// The place of the first of them.
    pub(crate) from: u64,
    pub(crate) rows: Vec<u32>,
    /// How many rows pass in all.
    pub(crate) count: u64,
}

impl Order {
    /// Bytes that so many rows take when they are kept.
    pub(crate) fn bytes(rows: u64) -> u64 {
        rows.saturating_mul(size_of::<u32>() as u64).saturating_add(ORDER_BYTES)
    }

    /// Those of a window that it holds.
    pub(crate) fn window(&self, offset: u64, limit: usize) -> &[u32] {
        let from = usize::try_from(offset.saturating_sub(self.from)).unwrap_or(usize::MAX);
        let from = from.min(self.rows.len());
        &self.rows[from..from.saturating_add(limit).min(self.rows.len())]
    }
}

/// The rows that pass, sorted; ties in the order of the dataset. Takes 28 bytes a row while it works.
pub(crate) fn permutation(hot: &HotData, rule: Option<&Rule<Bound>>, sort: &[(usize, bool)]) -> Vec<u32> {
    let keys = Keys::new(hot, sort);
    let first = keys.groups.first();
    // Counted before, as lists that grow take up to twice of what they hold.
    let passing = rule.map_or(hot.rows, |_| scan(hot, rule, &mut OnlyCount) as usize);
    let mut gather = Gather {
        first,
        rows: Vec::with_capacity(passing),
        keys: Vec::with_capacity(first.map_or(0, |_| passing)),
        places: Vec::new(),
    };
    scan(hot, rule, &mut gather);
    let Gather { rows, keys: packed, .. } = gather;
    let Some(first) = first else { return rows };
    let more = keys.groups.len() > 1;
    if first.bits <= u32::BITS {
        let narrow: Vec<u32> = packed.iter().map(|key| *key as u32).collect();
        drop(packed);
        let mut sorted = sort_narrow(&narrow, &rows, first.bits);
        if more {
            let runs: Vec<u32> = sorted.iter().map(|place| narrow[*place as usize]).collect();
            to_rows(&mut sorted, &rows);
            sort_runs(&runs, &mut sorted, |left, right| keys.compare_rest(hot, *left, *right));
            return sorted;
        }
        to_rows(&mut sorted, &rows);
        return sorted;
    }
    // By the highest 32 bits first; what they do not tell apart is in short runs.
    let shift = first.bits - u32::BITS;
    let narrow: Vec<u32> = packed.iter().map(|key| (key >> shift) as u32).collect();
    let mut sorted = sort_narrow(&narrow, &rows, u32::BITS);
    let runs: Vec<u32> = sorted.iter().map(|place| narrow[*place as usize]).collect();
    sort_runs(&runs, &mut sorted, |left, right| {
        let (left, right) = (*left as usize, *right as usize);
        packed[left].cmp(&packed[right]).then_with(|| {
            if more { keys.compare_rest(hot, rows[left], rows[right]) } else { left.cmp(&right) }
        })
    });
    to_rows(&mut sorted, &rows);
    sorted
}

/// From places among the rows to the rows themselves.
fn to_rows(places: &mut [u32], rows: &[u32]) {
    for place in places {
        *place = rows[*place as usize];
    }
}

/// The places of the keys in their order, equal ones as they stand.
fn sort_narrow(keys: &[u32], rows: &[u32], bits: u32) -> Vec<u32> {
    debug_assert_eq!(keys.len(), rows.len());
    let places = 0..keys.len() as u32;
    if bits <= DIGIT_BITS {
        return count_sort(places, keys.len(), bits, |place| keys[place as usize]);
    }
    // Two passes of equal size, the lower half first.
    let low = bits.div_ceil(2);
    let mask = (1_u32 << low) - 1;
    let by_low = count_sort(places, keys.len(), low, |place| keys[place as usize] & mask);
    let length = by_low.len();
    count_sort(by_low.into_iter(), length, bits - low, |place| keys[place as usize] >> low)
}

fn count_sort(
    places: impl Iterator<Item = u32> + Clone,
    length: usize,
    bits: u32,
    key: impl Fn(u32) -> u32,
) -> Vec<u32> {
    let mut ends = vec![0_u32; 1 << bits];
    places.clone().for_each(|place| ends[key(place) as usize] += 1);
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut sorted = vec![0_u32; length];
    for place in places {
        let end = &mut ends[key(place) as usize];
        sorted[*end as usize] = place;
        *end += 1;
    }
    sorted
}

/// Sorts each run of equal keys.
fn sort_runs(keys: &[u32], rows: &mut [u32], compare: impl Fn(&u32, &u32) -> std::cmp::Ordering) {
    let mut from = 0;
    for run in keys.chunk_by(|left, right| left == right) {
        let to = from + run.len();
        if run.len() > 1 {
            rows[from..to].sort_unstable_by(&compare);
        }
        from = to;
    }
}

/// Collects every row and, with a sort, its first key.
struct Gather<'k> {
    first: Option<&'k Group<'k>>,
    rows: Vec<u32>,
    keys: Vec<u64>,
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
            let start = self.keys.len();
            self.keys.resize(start + self.places.len(), 0);
            first.fill(at.chunk, &self.places, &mut self.keys[start..]);
        }
        self.rows.extend(self.places.iter().map(|row| at.first + row));
    }
}
