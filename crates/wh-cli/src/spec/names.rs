//! How operation ids become nouns and verbs. Knows words, no operations.

/// Verbs whose rest is a noun for certain; other ids follow the nouns found by them.
const CORE_VERBS: [&str; 5] = ["list", "get", "create", "update", "delete"];

/// `file_name` as it is typed: `file-name`.
pub fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

/// What a company is called in the API, and by nobody who types commands.
const COMPANY: &str = "Tenant";

/// `PanelId` -> `panel`, `ServiceAccountId` -> `service-account`.
pub fn noun_of_id(schema: &str) -> Option<String> {
    let stem = schema.strip_suffix("Id").filter(|stem| !stem.is_empty())?;
    if stem == COMPANY {
        return Some("company".to_owned());
    }
    let mut noun = String::new();
    for c in stem.chars() {
        if c.is_ascii_uppercase() && !noun.is_empty() {
            noun.push('-');
        }
        noun.push(c.to_ascii_lowercase());
    }
    Some(noun)
}

/// The nouns that ids with a core verb name, longest first.
pub fn nouns<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut nouns: Vec<&str> = ids
        .filter_map(|id| id.rsplit_once('_'))
        .filter(|(_, verb)| CORE_VERBS.contains(verb))
        .map(|(noun, _)| noun)
        .collect();
    nouns.sort_unstable_by_key(|noun| (std::cmp::Reverse(noun.len()), *noun));
    nouns.dedup();
    nouns
}

/// Noun and verb of an id: at the longest known noun, else at the first underscore.
pub fn split<'a>(id: &'a str, nouns: &[&str]) -> (&'a str, &'a str) {
    let known = nouns.iter().find_map(|noun| {
        let rest = id.strip_prefix(noun)?.strip_prefix('_')?;
        Some((&id[..noun.len()], rest))
    });
    known.or_else(|| id.split_once('_')).unwrap_or((id, "call"))
}
