//! Just enough reading of Rust text: its string literals, its functions and its code without comments and strings.

/// A string literal and the line it begins on.
pub struct Literal {
    pub line: usize,
    pub text: String,
}

/// The string literals of a Rust source, comments skipped. Raw strings count; escapes stay as written.
pub fn literals(source: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    scan(source, |piece| {
        if let Piece::Literal(line, text) = piece {
            found.push(Literal { line, text: text.to_owned() });
        }
    });
    found
}

/// The source with every comment and every string emptied; line numbers stay.
pub fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    scan(source, |piece| match piece {
        Piece::Code(c) => code.push(c),
        Piece::Literal(_, text) => {
            code.push('"');
            code.extend(text.chars().filter(|c| *c == '\n'));
            code.push('"');
        }
        Piece::Newline => code.push('\n'),
    });
    code
}

enum Piece<'a> {
    Code(char),
    Literal(usize, &'a str),
    Newline,
}

fn scan<'a>(source: &'a str, mut piece: impl FnMut(Piece<'a>)) {
    let bytes = source.as_bytes();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let rest = &source[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some((open, hashes)) = raw_open(rest) {
            let close = format!("\"{}", "#".repeat(hashes));
            let length = rest[open..].find(&close).unwrap_or(rest.len() - open);
            let text = &rest[open..open + length];
            piece(Piece::Literal(line, text));
            line += text.matches('\n').count();
            at += (open + length + close.len()).min(rest.len());
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let length = quoted_length(quoted);
            let text = &rest[1..=length];
            piece(Piece::Literal(line, text));
            line += text.matches('\n').count();
            at += (length + 2).min(rest.len());
        } else if let Some(length) = char_literal(rest) {
            at += length;
        } else if let Some(c) = rest.chars().next() {
            if c == '\n' {
                line += 1;
                piece(Piece::Newline);
            } else {
                piece(Piece::Code(c));
            }
            at += c.len_utf8();
        }
    }
}

fn raw_open(rest: &str) -> Option<(usize, usize)> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.chars().take_while(|c| *c == '#').count();
    after[hashes..].starts_with('"').then_some((hashes + 2, hashes))
}

fn quoted_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    rest.len().saturating_sub(1)
}

/// The length of `'x'` or `'\n'`, so that `'"'` does not open a string; a lifetime is none.
fn char_literal(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    let length = if first == '\\' { inner[1..].find('\'')? + 1 } else { first.len_utf8() };
    (length <= 10 && inner[length..].starts_with('\'')).then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_and_comments_are_not() {
        let source =
            "// \"no\"\nlet a = '\"'; let b = \"yes\\\"!\";\nlet c = r#\"raw \"x\"\"#; fn f<'a>() {}";
        let found: Vec<(usize, String)> = literals(source).into_iter().map(|l| (l.line, l.text)).collect();
        assert_eq!(found, [(2, "yes\\\"!".to_owned()), (3, "raw \"x\"".to_owned())]);
        assert!(!code_only(source).contains("yes") && !code_only(source).contains("no"));
    }
}
