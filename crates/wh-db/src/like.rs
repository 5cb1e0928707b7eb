//! What is looked for inside a text, as a pattern of `LIKE`. Reads and writes nothing.

/// The pattern of whatever holds this text, for a column in lower case: `… LIKE $1 ESCAPE '!'`. The text means itself.
pub fn like_holding(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
