//! Words that stand for an empty cell, ready for comparison. Which words a file uses is found by `detect`.

/// A small set of words with a filter on the first byte, as most cells are not in it.
#[derive(Clone, Debug)]
pub(crate) struct NullWords {
    empty: bool,
    first: [bool; 256],
    words: Vec<Box<[u8]>>,
}

impl NullWords {
    pub(crate) fn new(words: &[String]) -> Self {
        let mut set = Self { empty: false, first: [false; 256], words: Vec::new() };
        for word in words {
            match word.as_bytes().first() {
                None => set.empty = true,
                Some(byte) => {
                    set.first[usize::from(*byte)] = true;
                    set.words.push(word.as_bytes().into());
                }
            }
        }
        set
    }

    #[inline]
    pub(crate) fn has(&self, cell: &[u8]) -> bool {
        match cell.first() {
            None => self.empty,
            Some(byte) => self.first[usize::from(*byte)] && self.words.iter().any(|word| **word == *cell),
        }
    }
}
