//! Finds sections that hold every word. A few hundred pages: read through, not indexed.
use super::pages::Page;

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
    weight: usize,
}

/// The best sections first.
pub(super) fn search<'a>(pages: &'a [Page], asked: &str) -> Vec<Hit<'a>> {
    let words: Vec<String> = asked.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for page in pages {
        for section in &page.sections {
            let (title, text) = (section.title.to_lowercase(), section.text.to_lowercase());
            let counts = words.iter().map(|word| {
                title.matches(word.as_str()).count() * TITLE_WEIGHT + text.matches(word.as_str()).count()
            });
            let counts: Vec<usize> = counts.collect();
            if counts.iter().all(|count| *count > 0) {
                hits.push(Hit {
                    page,
                    title: &section.title,
                    anchor: &section.anchor,
                    excerpt: excerpt(&section.text, &words),
                    weight: counts.iter().sum(),
                });
            }
        }
    }
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.weight));
    hits.truncate(HITS_MAX);
    hits
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
