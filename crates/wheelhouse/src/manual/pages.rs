//! The pages: where each lies, its text, its HTML. Knows nothing of requests.
use std::fmt::Write;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use rust_embed::RustEmbed;

use super::{operations, settings};

/// The written and the generated pages of the repository that are for people who use the product.
#[derive(RustEmbed)]
#[folder = "../../docs/"]
#[include = "*.md"]
#[include = "contexts/*.md"]
#[include = "config.gen.toml"]
#[exclude = "adr/*"]
#[exclude = "adding-an-endpoint.md"]
#[exclude = "dialect.md"]
struct Files;

/// Where the manual begins.
pub(super) const START: &str = "start";

/// One page.
pub(super) struct Page {
    /// What follows `/docs/`.
    pub(super) address: String,
    /// Its first heading.
    pub(super) title: String,
    /// Under which heading of the table of contents it stands.
    pub(super) part: Part,
    /// What is inside `<main>`.
    pub(super) html: String,
    /// Its sections as plain text, for the search.
    pub(super) sections: Vec<Section>,
}

/// What stands below one heading.
pub(super) struct Section {
    /// The heading.
    pub(super) title: String,
    /// The fragment of its address.
    pub(super) anchor: String,
    /// Its words.
    pub(super) text: String,
}

/// Parts of the table of contents, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Guide,
    Contexts,
    Reference,
    Operations,
}

impl Part {
    /// In the order of the table of contents.
    pub(super) const ALL: [Self; 4] = [Self::Guide, Self::Contexts, Self::Reference, Self::Operations];

    /// Its heading.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Guide => "Guide",
            Self::Contexts => "Contexts",
            Self::Reference => "Reference",
            Self::Operations => "Operations",
        }
    }
}

/// Every page, in the order of the table of contents.
pub(super) fn all() -> Vec<Page> {
    let mut pages: Vec<Page> = Files::iter()
        .filter_map(|name| {
            Some((name.clone(), String::from_utf8(Files::get(&name)?.data.into_owned()).ok()?))
        })
        .map(|(name, text)| written(&name, &text))
        .collect();
    pages.extend(operations::all());
    // The start before the rest of its part; everything else by title.
    pages.sort_by_cached_key(|page| (page.part, page.address != START, page.title.to_lowercase()));
    pages
}

fn written(name: &str, text: &str) -> Page {
    if name == "config.gen.toml" {
        return settings::all(text);
    }
    let stem = name.trim_end_matches(".md");
    match stem.strip_suffix(".gen") {
        Some(stem) => page(stem, Part::Reference, text),
        None if stem.starts_with("contexts/") => page(stem, Part::Contexts, text),
        None => page(stem, Part::Guide, text),
    }
}

/// A page from its Markdown.
pub(super) fn page(address: &str, part: Part, markdown: &str) -> Page {
    let mut sections = vec![Section { title: String::new(), anchor: String::new(), text: String::new() }];
    let mut events = Vec::new();
    let mut heading: Option<(HeadingLevel, Vec<Event<'_>>)> = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => heading = Some((level, Vec::new())),
            Event::End(TagEnd::Heading(_)) => {
                if let Some((level, inside)) = heading.take() {
                    let title = plain(&inside);
                    let anchor = anchor(&title, &sections);
                    let (open, close) = (format!("<{level} id=\"{anchor}\">"), format!("</{level}>\n"));
                    events.push(Event::Html(open.into()));
                    events.extend(inside);
                    events.push(Event::Html(close.into()));
                    sections.push(Section { title, anchor, text: String::new() });
                }
            }
            event => {
                if let Some((_, inside)) = &mut heading {
                    inside.push(event);
                } else {
                    sections.extend(placed(&event));
                    if let Some(section) = sections.last_mut() {
                        section.text.push_str(words(&event));
                    }
                    events.push(linked(event));
                }
            }
        }
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut html, events.into_iter());
    let title = sections.get(1).map_or_else(|| address.to_owned(), |section| section.title.clone());
    Page { address: address.to_owned(), title, part, html, sections }
}

/// A row with a place of its own, `<a id="db.busy">`: what follows is found there.
fn placed(event: &Event<'_>) -> Option<Section> {
    let Event::InlineHtml(html) = event else { return None };
    let anchor = html.strip_prefix("<a id=\"")?.strip_suffix("\">")?;
    Some(Section { title: anchor.to_owned(), anchor: anchor.to_owned(), text: String::new() })
}

/// Links between files of the repository become links between pages.
fn linked(event: Event<'_>) -> Event<'_> {
    let Event::Start(Tag::Link { link_type, dest_url, title, id }) = event else { return event };
    let dest_url = match dest_url.split_once(".md") {
        Some((file, rest)) if !file.contains("://") && (rest.is_empty() || rest.starts_with('#')) => {
            let file = file.trim_start_matches("./").trim_start_matches("../").trim_end_matches(".gen");
            format!("/docs/{file}{rest}").into()
        }
        _ if dest_url.trim_start_matches("../") == "config.gen.toml" => "/docs/settings".into(),
        _ => dest_url,
    };
    Event::Start(Tag::Link { link_type, dest_url, title, id })
}

fn plain(events: &[Event<'_>]) -> String {
    let mut text = String::new();
    for event in events {
        text.push_str(words(event));
    }
    text.trim().to_owned()
}

fn words<'a>(event: &'a Event<'_>) -> &'a str {
    match event {
        Event::Text(text) | Event::Code(text) => text,
        Event::SoftBreak | Event::HardBreak | Event::End(_) => " ",
        _ => "",
    }
}

/// Lower case, hyphens, and a number when a heading stands twice.
fn anchor(title: &str, sections: &[Section]) -> String {
    let mut anchor = String::new();
    for sign in title.chars() {
        if sign.is_alphanumeric() || sign == '_' || sign == '.' {
            anchor.extend(sign.to_lowercase());
        } else if !anchor.is_empty() && !anchor.ends_with('-') {
            anchor.push('-');
        }
    }
    let anchor = anchor.trim_end_matches('-').to_owned();
    let same = sections.iter().filter(|section| section.anchor.starts_with(&anchor)).count();
    let mut numbered = anchor.clone();
    if sections.iter().any(|section| section.anchor == anchor) {
        // Writing to a string cannot fail.
        let _ = write!(numbered, "-{same}");
    }
    numbered
}
