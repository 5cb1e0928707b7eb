//! The document around a page: head, table of contents, search. Every word that is not ours is escaped.
use std::fmt::Write;

use pulldown_cmark_escape::escape_html;

use super::pages::{Page, Part};
use super::search::Hit;

/// A page of the manual.
pub(super) fn page(pages: &[Page], page: &Page) -> String {
    document(pages, &page.title, &page.address, "", &page.html)
}

/// What the search found.
pub(super) fn found(pages: &[Page], asked: &str, hits: &[Hit<'_>]) -> String {
    let mut main = String::from("<h1>Search</h1>\n");
    if asked.is_empty() {
        main.push_str("<p>Type a word, an error code, a setting or the name of an operation.</p>");
    } else {
        let sections = if hits.len() == 1 { "section holds" } else { "sections hold" };
        put(
            &mut main,
            format_args!(
                "<p>{} {sections} <strong>{}</strong>.</p>\n<ol class=\"hits\">\n",
                hits.len(),
                text(asked)
            ),
        );
        for hit in hits {
            let place = if hit.title.is_empty() || hit.title == hit.page.title {
                text(&hit.page.title)
            } else {
                format!("{} · {}", text(&hit.page.title), text(hit.title))
            };
            put(
                &mut main,
                format_args!(
                    "<li><a href=\"/docs/{}#{}\">{place}</a><p>{}</p></li>\n",
                    text(&hit.page.address),
                    text(hit.anchor),
                    text(&hit.excerpt)
                ),
            );
        }
        main.push_str("</ol>\n");
    }
    document(pages, "Search", "search", asked, &main)
}

/// There is no such page.
pub(super) fn missing(pages: &[Page], address: &str) -> String {
    let main = format!(
        "<h1>No such page</h1>\n<p>The manual has no page <code>{}</code>. Look in the table of contents, or search.</p>",
        text(address)
    );
    document(pages, "No such page", address, "", &main)
}

fn document(pages: &[Page], title: &str, address: &str, asked: &str, main: &str) -> String {
    let mut contents = String::new();
    for part in Part::ALL {
        put(&mut contents, format_args!("<h2>{}</h2>\n<ul>\n", part.title()));
        for page in pages.iter().filter(|page| page.part == part) {
            let here = if page.address == address { " aria-current=\"page\"" } else { "" };
            put(
                &mut contents,
                format_args!(
                    "<li><a href=\"/docs/{}\"{here}>{}</a></li>\n",
                    text(&page.address),
                    text(&page.title)
                ),
            );
        }
        contents.push_str("</ul>\n");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{} · Wheelhouse manual</title>\n\
         <link rel=\"icon\" href=\"/favicon.svg\">\n<link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the text</a>\n<header>\n<a class=\"home\" href=\"/\">Wheelhouse</a>\n\
         <a href=\"/docs\">Manual</a>\n<form role=\"search\" action=\"/docs/search\">\n\
         <input type=\"search\" name=\"q\" aria-label=\"Search the manual\" placeholder=\"Search the manual\" value=\"{}\">\n\
         <button>Search</button>\n</form>\n</header>\n<div class=\"columns\">\n<nav aria-label=\"Manual\">\n{contents}</nav>\n\
         <main id=\"main\">\n{main}\n</main>\n</div>\n</body>\n</html>\n",
        text(title),
        text(asked)
    )
}

fn put(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(words);
}

fn text(words: &str) -> String {
    let mut out = String::with_capacity(words.len() + 8);
    // Writing to a string cannot fail.
    let _ = escape_html(&mut out, words);
    out
}
