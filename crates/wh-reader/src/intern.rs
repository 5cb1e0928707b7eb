//! Distinct texts of one chunk, each stored once, found by hash. One chunk only: a new chunk starts a new one.
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts in order of first appearance, back to back in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    hasher: DefaultHashBuilder,
    table: HashTable<Entry>,
    bytes: Vec<u8>,
    /// Where each text ends; the first begins at 0.
    ends: Vec<i32>,
    keys: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    key: u32,
}

/// What an interner held: keys per row, and the distinct texts as offsets and bytes.
pub(crate) struct Interned {
    pub(crate) keys: Vec<u32>,
    pub(crate) offsets: Vec<i32>,
    pub(crate) bytes: Vec<u8>,
}

impl Interner {
    fn text(bytes: &[u8], ends: &[i32], key: u32) -> (usize, usize) {
        let key = key as usize;
        let start = if key == 0 { 0 } else { ends[key - 1] as usize };
        let end = ends[key] as usize;
        debug_assert!(end <= bytes.len());
        (start, end)
    }

    /// Appends a row with this text.
    #[inline]
    pub(crate) fn append(&mut self, text: &[u8]) {
        // Neighbours are often equal in sorted data: no hash for them.
        if let Some(last) = self.keys.last()
            && !self.ends.is_empty()
        {
            let (start, end) = Self::text(&self.bytes, &self.ends, *last);
            if self.bytes[start..end] == *text {
                self.keys.push(*last);
                return;
            }
        }
        let hash = self.hasher.hash_one(text);
        let (bytes, ends) = (&mut self.bytes, &mut self.ends);
        let found = self.table.find(hash, |entry| {
            entry.hash == hash && {
                let (start, end) = Self::text(bytes, ends, entry.key);
                bytes[start..end] == *text
            }
        });
        let key = match found {
            Some(entry) => entry.key,
            None => {
                let key = ends.len() as u32;
                bytes.extend_from_slice(text);
                ends.push(bytes.len() as i32);
                self.table.insert_unique(hash, Entry { hash, key }, |entry| entry.hash);
                key
            }
        };
        self.keys.push(key);
    }

    /// Appends a row without text; its key is not looked at.
    pub(crate) fn append_null(&mut self) {
        self.keys.push(0);
    }

    /// Bytes it holds, about.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.ends.len() * 24 + self.keys.len() * 4
    }

    /// Hands out what it holds and starts anew.
    pub(crate) fn take(&mut self) -> Interned {
        self.table.clear();
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        Interned { keys: std::mem::take(&mut self.keys), offsets, bytes: std::mem::take(&mut self.bytes) }
    }
}
