//! Every setting with its type, default, environment name and meaning, made from the sections that the server itself reads.
use wh_base::config::{ENVIRONMENT_PREFIX, Holds, Key, Section};

use super::fields::{cell, put};
use super::pages::{Page, Part, page};
use crate::settings::SECTIONS;

/// The page; behind the keys the file as `wheelhouse config default` prints it.
pub(super) fn all(file: &str) -> Page {
    let mut out = String::from(
        "# Settings\n\nA key stands in `wheelhouse.toml` in the data folder, below the name of its section in brackets. \
         The environment wins over the file, flags win over both. `wheelhouse config check` reads all of them and names \
         file, line and the nearest valid key of each mistake.\n\n",
    );
    for section in SECTIONS {
        put(
            &mut out,
            format_args!(
                "## [{}]\n\n{}\n\n| setting | type | default | environment | what |\n|---|---|---|---|---|\n",
                section.name, section.doc
            ),
        );
        for key in section.keys {
            row(section, key, &mut out);
        }
        out.push('\n');
    }
    put(
        &mut out,
        format_args!(
            "## The file\n\nWith every key and its default, as `wheelhouse config default` prints it:\n\n\
             ```toml\n{file}```\n"
        ),
    );
    page("settings", Part::Reference, &out)
}

/// Its anchor is its name, which links and the search lead to.
fn row(section: &Section, key: &Key, out: &mut String) {
    let name = format!("{}.{}", section.name, key.name);
    let default = key.default.map_or_else(|| "not set".to_owned(), |default| format!("`{default}`"));
    let variable = format!("{ENVIRONMENT_PREFIX}{}", name.replace('.', "_").to_uppercase());
    put(
        out,
        format_args!(
            "| <a id=\"{name}\"></a>`{name}` | {} | {} | `{variable}` | {} |\n",
            cell(&holds(key)),
            cell(&default),
            cell(key.doc)
        ),
    );
}

fn holds(key: &Key) -> String {
    let kind = match key.holds {
        Holds::Text => "text".to_owned(),
        Holds::SocketAddress => "address with a port".to_owned(),
        Holds::Id => "id".to_owned(),
        Holds::OneOf(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Holds::Integer { min, max } => format!("whole number, {min} to {max}"),
        Holds::Boolean => "`true`, `false`".to_owned(),
        Holds::List => "list of texts; in the environment with commas between them".to_owned(),
    };
    if key.is_secret { format!("{kind}; a secret") } else { kind }
}
