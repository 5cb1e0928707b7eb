//! Finds sections that hold every word. A few hundred pages: read through, not indexed. Whoever asks decides what it may cost.
use std::collections::HashSet;

use super::pages::{Page, Section};

/// Different words that count; what comes behind them is not looked for.
const WORDS_MAX: usize = 8;
/// Sections that are shown.
const HITS_MAX: usize = 50;
/// Characters of text around the first word.
const EXCERPT_CHARS: usize = 180;
/// A word in a title says more than one in the text.
const TITLE_WEIGHT: usize = 20;

/// A section that holds every word.
pub(super) struct Hit<'a> {
    /// Its page.
    pub(super) page: &'a Page,
    /// Its heading; empty above the first one.
    pub(super) title: &'a str,
    /// The fragment of its address.
    pub(super) anchor: &'a str,
    /// Its text around the first word.
    pub(super) excerpt: String,
}

/// All sections as they are looked through: in lower case, which is made once.
pub(super) struct Index<'a>(Vec<Entry<'a>>);

struct Entry<'a> {
    page: &'a Page,
    section: &'a Section,
    title: String,
    text: String,
}

impl Entry<'_> {
    /// How much it says about the words; nothing when one of them is missing.
    fn weight(&self, words: &[String]) -> Option<usize> {
        words.iter().try_fold(0, |sum, word| {
            let in_title = self.title.matches(word.as_str()).count() * TITLE_WEIGHT;
            let found = in_title + self.text.matches(word.as_str()).count();
            (found > 0).then_some(sum + found)
        })
    }
}

impl<'a> Index<'a> {
    /// Of these pages.
    pub(super) fn new(pages: &'a [Page]) -> Self {
        let sections = pages.iter().flat_map(|page| page.sections.iter().map(move |section| (page, section)));
        let entries = sections.map(|(page, section)| Entry {
            page,
            section,
            title: section.title.to_lowercase(),
            text: section.text.to_lowercase(),
        });
        Self(entries.collect())
    }

    /// The best sections first.
    pub(super) fn search(&self, asked: &str) -> Vec<Hit<'a>> {
        let words = words(asked);
        if words.is_empty() {
            return Vec::new();
        }
        let found = self.0.iter().filter_map(|entry| Some((entry.weight(&words)?, entry)));
        let mut found: Vec<(usize, &Entry<'a>)> = found.collect();
        found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        found.truncate(HITS_MAX);
        found.into_iter().map(|(_, entry)| hit(entry, &words)).collect()
    }
}

/// The words that count, each once, in lower case.
fn words(asked: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = asked.split_whitespace().map(str::to_lowercase);
    all.filter(|word| seen.insert(word.clone())).take(WORDS_MAX).collect()
}

fn hit<'a>(entry: &Entry<'a>, words: &[String]) -> Hit<'a> {
    let section = entry.section;
    Hit {
        page: entry.page,
        title: &section.title,
        anchor: &section.anchor,
        excerpt: excerpt(&section.text, words),
    }
}

fn excerpt(text: &str, words: &[String]) -> String {
    let lower: Vec<char> = text.chars().filter_map(|sign| sign.to_lowercase().next()).collect();
    let first = words.iter().filter_map(|word| place(&lower, word)).min().unwrap_or(0);
    let start = first.saturating_sub(EXCERPT_CHARS / 3);
    let cut: String = text.chars().skip(start).take(EXCERPT_CHARS).collect();
    let cut = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    if start > 0 { format!("… {cut}") } else { cut }
}

fn place(text: &[char], word: &str) -> Option<usize> {
    let word: Vec<char> = word.chars().collect();
    text.windows(word.len()).position(|window| window == word)
}
