//! The distinct texts of one column: each once, in one run of bytes, found by hash. Knows nothing of rows.
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use wh_base::Result;

use crate::codes;

/// Marks a free slot of the hash table.
const FREE: u32 = u32::MAX;

/// Texts by code. Code 0 is the empty cell; the text of code `n` is the `n - 1`-th.
#[derive(Clone, Debug)]
pub(crate) struct Dictionary {
    text: String,
    ends: Vec<u32>,
    slots: Vec<u32>,
    hasher: RandomState,
    /// Whether every text can stand in JSON as it is.
    plain: bool,
    /// Whether the codes rise with the texts.
    ordered: bool,
    folded: OnceLock<Option<Folded>>,
    ranks: OnceLock<Vec<u32>>,
}

/// The texts in lower case; kept only when that differs.
#[derive(Clone, Debug)]
struct Folded {
    text: String,
    ends: Vec<u32>,
}

impl Dictionary {
    pub(crate) fn new() -> Self {
        Self {
            text: String::new(),
            ends: Vec::new(),
            slots: vec![FREE; 16],
            hasher: RandomState::new(),
            plain: true,
            ordered: true,
            folded: OnceLock::new(),
            ranks: OnceLock::new(),
        }
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes in memory, what is made on first use included.
    pub(crate) fn bytes(&self) -> u64 {
        (self.text.len() * 2 + self.ends.len() * 12 + self.slots.len() * 4) as u64
    }

    /// Gives back what it holds for texts that do not come any more.
    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Whether every text can stand in JSON as it is.
    pub(crate) fn plain(&self) -> bool {
        self.plain
    }

    /// Whether the codes rise with the texts, so that a sort needs no ranks.
    pub(crate) fn ordered(&self) -> bool {
        self.ordered
    }

    /// The same texts with codes that rise with them, and for each code the new one.
    pub(crate) fn reordered(&self) -> (Self, Vec<u32>) {
        let mut codes = self.ranks().to_vec();
        let mut order = vec![0_u32; self.len()];
        for (code, rank) in codes.iter_mut().enumerate().skip(1) {
            order[*rank as usize] = code as u32;
            *rank += 1;
        }
        codes[0] = 0;
        let mut dictionary = Self { slots: vec![FREE; self.slots.len()], plain: self.plain, ..Self::new() };
        for code in order {
            let text = self.get(code.into());
            let slot = dictionary.slot(text);
            dictionary.slots[slot] = dictionary.ends.len() as u32;
            dictionary.text.push_str(text);
            dictionary.ends.push(dictionary.text.len() as u32);
        }
        (dictionary, codes)
    }

    /// The text of a code that is not empty.
    #[inline]
    pub(crate) fn get(&self, code: u64) -> &str {
        slice(&self.text, &self.ends, code as usize - 1)
    }

    /// Bytes of all texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Whether the order of the texts is known by now.
    pub(crate) fn ranked(&self) -> bool {
        self.ranks.get().is_some()
    }

    /// The code of a text, which is added when it is new.
    pub(crate) fn intern(&mut self, text: &str) -> Result<u32> {
        if text.is_empty() {
            return Ok(0);
        }
        let mut slot = self.slot(text);
        if self.slots[slot] == FREE {
            if self.len() * 2 >= self.slots.len() {
                self.grow();
                slot = self.slot(text);
            }
            let end = u32::try_from(self.text.len() + text.len()).map_err(|error| {
                codes::MEMORY.caused("the distinct texts of one column exceed 4 GiB", error)
            })?;
            self.ordered = self.ordered && (self.ends.is_empty() || self.get(self.len() as u64) < text);
            self.slots[slot] = self.ends.len() as u32;
            self.text.push_str(text);
            self.ends.push(end);
            self.plain = self.plain && text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            // What was derived from the shorter list is stale.
            self.folded = OnceLock::new();
            self.ranks = OnceLock::new();
        }
        Ok(self.slots[slot] + 1)
    }

    /// The code of a text that is in it.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        match self.slots[self.slot(text)] {
            FREE => None,
            place => Some(place + 1),
        }
    }

    fn slot(&self, text: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hasher.hash_one(text) as usize & mask;
        while self.slots[slot] != FREE && slice(&self.text, &self.ends, self.slots[slot] as usize) != text {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![FREE; mask + 1];
        for place in 0..self.ends.len() {
            let mut slot = self.hasher.hash_one(slice(&self.text, &self.ends, place)) as usize & mask;
            while slots[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            slots[slot] = place as u32;
        }
        self.slots = slots;
    }

    /// For each code its place in the byte order of the texts; the entry of the empty cell comes last.
    pub(crate) fn ranks(&self) -> &[u32] {
        self.ranks.get_or_init(|| {
            let mut order: Vec<u32> = (0..self.len() as u32).collect();
            order.sort_unstable_by_key(|&place| slice(&self.text, &self.ends, place as usize));
            let mut ranks = vec![self.len() as u32; self.len() + 1];
            for (rank, place) in (0_u32..).zip(order) {
                ranks[place as usize + 1] = rank;
            }
            ranks
        })
    }

    /// For each code whether the test holds for its text in lower case.
    fn table(&self, test: impl Fn(&str) -> bool) -> Vec<u8> {
        let (text, ends) = self.folded();
        let mut table = vec![0_u8; self.len() + 1];
        for place in 0..self.len() {
            table[place + 1] = u8::from(test(slice(text, ends, place)));
        }
        table
    }

    /// Which texts start with this one, whatever the case.
    pub(crate) fn starting_with(&self, needle: &str) -> Vec<u8> {
        let needle = fold(needle);
        self.table(|text| text.starts_with(&needle))
    }

    /// Which texts end with this one, whatever the case.
    pub(crate) fn ending_with(&self, needle: &str) -> Vec<u8> {
        let needle = fold(needle);
        self.table(|text| text.ends_with(&needle))
    }

    /// Which texts contain this one, whatever the case: one pass over all bytes, then from hit to hit.
    pub(crate) fn containing(&self, needle: &str) -> Vec<u8> {
        let needle = fold(needle);
        if needle.is_empty() {
            return self.table(|_| true);
        }
        let (text, ends) = self.folded();
        let mut table = vec![0_u8; self.len() + 1];
        let finder = memchr::memmem::Finder::new(&needle);
        let (mut from, mut place) = (0, 0);
        while let Some(hit) = finder.find(&text.as_bytes()[from..]) {
            let start = from + hit;
            place += ends[place..].partition_point(|&end| end as usize <= start);
            let Some(&end) = ends.get(place) else { break };
            let end = end as usize;
            if start + needle.len() <= end {
                table[place + 1] = 1;
                from = end;
            } else {
                // It runs over the border of two texts, which is no hit.
                from = start + 1;
            }
        }
        table
    }

    fn folded(&self) -> (&str, &[u32]) {
        let folded = self.folded.get_or_init(|| {
            let changed = self.text.chars().any(|char| !char.to_lowercase().eq(std::iter::once(char)));
            changed.then(|| {
                let mut folded = Folded {
                    text: String::with_capacity(self.text.len()),
                    ends: Vec::with_capacity(self.len()),
                };
                for place in 0..self.len() {
                    folded
                        .text
                        .extend(slice(&self.text, &self.ends, place).chars().flat_map(char::to_lowercase));
                    // A lower case that is longer than 4 GiB in all is cut off: such texts are then not found.
                    folded.ends.push(u32::try_from(folded.text.len()).unwrap_or(u32::MAX));
                }
                folded
            })
        });
        match folded {
            Some(folded) => (&folded.text, &folded.ends),
            None => (&self.text, &self.ends),
        }
    }
}

/// Lower case letter by letter, without regard to neighbours, so that a part of a text folds like the whole.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[inline]
fn slice<'a>(text: &'a str, ends: &[u32], place: usize) -> &'a str {
    let start = if place == 0 { 0 } else { ends[place - 1] as usize };
    text.get(start..ends[place] as usize).unwrap_or("")
}
