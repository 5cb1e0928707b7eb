//! Some rows of a view's order without sorting the rest: for views whose whole order would take too much memory. Passes
//! over the rows count how many keys lie where, until those about the wanted rows are few enough to be sorted.
use super::compile::{Bound, Rule};
use super::hot::{Chunk, HotData};
use super::kernel::{self, BLOCK};
use super::permutation::Order;
use super::scan::{Collect, InOrder, Interest, Place, scan};
use super::sort_keys::{Group, Keys};
use super::top;

/// Bits of a key that one pass tells apart: its counters stay in the second-level cache.
const DIGIT_BITS: u32 = 16;
/// Rows that are sorted at once: two slabs of them.
const CANDIDATES_MAX: u64 = 131_072;

/// The rows of the order from one place on, so many of them, and how many pass in all.
pub(crate) fn slab(
    hot: &HotData,
    rule: Option<&Rule<Bound>>,
    sort: &[(usize, bool)],
    from: u64,
    length: usize,
) -> Order {
    let keys = Keys::new(hot, sort);
    let Some(first) = keys.groups.first() else {
        // Nothing to tell the rows apart: they stand as they are.
        let mut window = InOrder::new(from, length);
        let count = scan(hot, rule, &mut window);
        return kept(from, window.rows, count);
    };
    let view = View { hot, rule, keys: &keys, first };
    let mut rows = Vec::with_capacity(length);
    loop {
        let had = rows.len();
        let count = view.piece(from + had as u64, length - had, &mut rows);
        let all = from + rows.len() as u64 >= count;
        if all || rows.len() == length || rows.len() == had {
            return kept(from, rows, count);
        }
    }
}

/// A slab takes no more than its rows: many are kept, and most of a narrow filter are far from full.
fn kept(from: u64, mut rows: Vec<u32>, count: u64) -> Order {
    rows.shrink_to_fit();
    Order { from, rows, count }
}

struct View<'h> {
    hot: &'h HotData,
    rule: Option<&'h Rule<Bound>>,
    keys: &'h Keys<'h>,
    first: &'h Group<'h>,
}

/// Rows with these very keys of the first groups, and with a key of the next group within a run of them.
struct Scope {
    alike: Vec<u64>,
    low: u64,
    /// The last key of the run, counted from its first.
    span: u64,
}

impl View<'_> {
    /// Adds the next rows of the order, at least one and at most `length`, if there are any; answers how many pass in all.
    fn piece(&self, from: u64, length: usize, rows: &mut Vec<u32>) -> u64 {
        let mut bits = self.first.bits;
        let mut scope = Scope { alike: Vec::new(), low: 0, span: span(bits) };
        // How many rows come before those of the scope.
        let mut before = 0;
        loop {
            let shift = bits.saturating_sub(DIGIT_BITS);
            let mut counts = vec![0_u32; 1 << (bits - shift)];
            let count = self.each(&scope, |_, key| counts[((key - scope.low) >> shift) as usize] += 1);
            let mut start = before;
            let holds = |count: &u32| {
                let end = start + u64::from(*count);
                if from >= end {
                    start = end;
                }
                from < end
            };
            let Some(place) = counts.iter().position(holds) else { return count };
            if u64::from(counts[place]) <= CANDIDATES_MAX {
                // As many runs of keys as are wanted and can be sorted together.
                let (mut last, mut end) = (place, start + u64::from(counts[place]));
                while let Some(next) = counts.get(last + 1).map(|count| end + u64::from(*count)) {
                    if end >= from + length as u64 || next - start > CANDIDATES_MAX {
                        break;
                    }
                    (last, end) = (last + 1, next);
                }
                scope.low += (place as u64) << shift;
                // All keys of 64 bits wrap to none, and one less is their span again.
                scope.span = (((last + 1 - place) as u64) << shift).wrapping_sub(1);
                self.sorted(&scope, from - start, length, rows);
                return count;
            }
            before = start;
            scope.low += (place as u64) << shift;
            (bits, scope.span) = (shift, span(shift));
            if bits > 0 {
                continue;
            }
            scope.alike.push(scope.low);
            match self.keys.groups.get(scope.alike.len()) {
                Some(next) => {
                    bits = next.bits;
                    (scope.low, scope.span) = (0, span(bits));
                }
                None => {
                    self.ties(&scope, from - before, length, rows);
                    return count;
                }
            }
        }
    }

    /// Some rows of a scope that is small enough to be sorted.
    fn sorted(&self, scope: &Scope, skip: u64, length: usize, rows: &mut Vec<u32>) {
        let mut found: Vec<(u64, u32)> = Vec::new();
        self.each(scope, |row, key| found.push((key, row)));
        found.sort_unstable_by(|left, right| top::compare(self.hot, self.keys, left, right));
        rows.extend(found.iter().skip(skip as usize).take(length).map(|(_, row)| *row));
    }

    /// Some rows of those that no key tells apart: in the order of the dataset.
    fn ties(&self, scope: &Scope, mut skip: u64, length: usize, rows: &mut Vec<u32>) {
        let full = rows.len() + length;
        self.each(scope, |row, _| {
            if skip > 0 {
                skip -= 1;
            } else if rows.len() < full {
                rows.push(row);
            }
        });
    }

    /// Calls with each row of the scope and its key, in the order of the dataset; answers how many pass in all.
    fn each(&self, scope: &Scope, each: impl FnMut(u32, u64)) -> u64 {
        let (places, packed) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        scan(self.hot, self.rule, &mut Within { groups: &self.keys.groups, scope, places, packed, each })
    }
}

/// The greatest number of so many bits.
fn span(bits: u32) -> u64 {
    1_u64.checked_shl(bits).map_or(u64::MAX, |end| end - 1)
}

/// Hands on the rows of a scope.
struct Within<'k, F> {
    groups: &'k [Group<'k>],
    scope: &'k Scope,
    places: Vec<u32>,
    packed: Vec<u64>,
    each: F,
}

impl<F> Within<'_, F> {
    /// Leaves the rows of the block whose key in this group lies in a run, and these keys.
    fn keep(&mut self, group: &Group<'_>, chunk: &Chunk, low: u64, span: u64) {
        let (places, packed) = (&mut self.places, &mut self.packed);
        packed.clear();
        packed.resize(places.len(), 0);
        group.fill(chunk, places, packed);
        let mut kept = 0;
        for at in 0..places.len() {
            let (row, key) = (places[at], packed[at]);
            (places[kept], packed[kept]) = (row, key);
            kept += usize::from(key.wrapping_sub(low) <= span);
        }
        places.truncate(kept);
        packed.truncate(kept);
    }
}

impl<F: FnMut(u32, u64)> Collect for Within<'_, F> {
    fn start(&mut self, _: &Chunk) -> Interest {
        Interest::Rows
    }

    fn block(&mut self, at: Place<'_>, mask: &mut [u8]) {
        self.places.clear();
        kernel::each_passing(mask, |row| self.places.push((at.from + row) as u32));
        let (groups, scope) = (self.groups, self.scope);
        for (group, key) in groups.iter().zip(&scope.alike) {
            self.keep(group, at.chunk, *key, 0);
        }
        if let Some(group) = groups.get(scope.alike.len()) {
            self.keep(group, at.chunk, scope.low, scope.span);
        }
        for (row, key) in self.places.iter().zip(&self.packed) {
            (self.each)(at.first + row, *key);
        }
    }
}
