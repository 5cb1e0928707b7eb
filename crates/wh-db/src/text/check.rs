//! The rules over the tokens: one statement, four verbs, known tables, no schema, no function that only one engine has.
use std::sync::OnceLock;

use wh_base::Result;

use super::tokens::{Kind, Token, tokens};
use super::words::{BEFORE_PARENTHESIS, FORBIDDEN, FORBIDDEN_STARTS, FUNCTIONS, SCHEMAS};
use super::{Checked, Class};
use crate::codes;
use crate::migrate::{Catalogue, TableClass};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Select,
    Insert,
    Update,
    Delete,
}

/// A constant of the kernel: only its parameters are read.
pub(super) fn kernel(sql: &str) -> Result<Checked> {
    let mut params = 0;
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        params = params.max(rest[..digits].parse().unwrap_or(0));
    }
    let first = sql.split_whitespace().next().unwrap_or_default();
    let verb = match first.to_ascii_uppercase().as_str() {
        "SELECT" => Verb::Select,
        "INSERT" => Verb::Insert,
        "UPDATE" => Verb::Update,
        "DELETE" => Verb::Delete,
        _ => return Err(codes::STATEMENT_REFUSED.error(format!("the kernel does not say {first}"))),
    };
    Ok(Checked {
        portable: sql.to_owned(),
        sqlite: format!("{}{sql}", Class::Kernel.mark()),
        class: Class::Kernel,
        verb,
        target: None,
        locks: false,
        params,
        columns: OnceLock::new(),
    })
}

/// Check a context's statement. The reason, where it is refused.
pub(super) fn check(sql: &str, class: Class, catalogue: &Catalogue) -> Result<Checked, String> {
    let found = tokens(sql)?;
    let (main, verb) = main_verb(&found)?;
    let locks = row_lock(&found, verb);
    let body = &found[..found.len() - if locks { 2 } else { 0 }];
    for at in 0..body.len() {
        forbidden(body, at, main)?;
        dot(body, at)?;
        statement_word(body, at, main)?;
        call(body, at, main)?;
        table_of_another_class(body, at, class, catalogue)?;
    }
    let target = target(body, main, verb)?;
    let mut sqlite = class.mark().to_owned();
    let end = body.last().map_or(0, Token::end);
    match &target {
        Some((at, name)) => {
            writable(name, class, catalogue)?;
            sqlite.push_str(&sql[..body[*at].start]);
            sqlite.push_str("main.");
            sqlite.push_str(&sql[body[*at].start..end]);
        }
        None => sqlite.push_str(&sql[..end]),
    }
    Ok(Checked {
        portable: sql.to_owned(),
        sqlite,
        class,
        verb,
        target: target.map(|(_, name)| name),
        locks,
        params: params(&found)?,
        columns: OnceLock::new(),
    })
}

/// The verb, and where it stands: first, or first behind the parentheses of WITH.
fn main_verb(found: &[Token<'_>]) -> Result<(usize, Verb), String> {
    let first = found.first().ok_or("no statement at all")?;
    let verb_of = |token: &Token<'_>| {
        [
            ("SELECT", Verb::Select),
            ("INSERT", Verb::Insert),
            ("UPDATE", Verb::Update),
            ("DELETE", Verb::Delete),
        ]
        .into_iter()
        .find_map(|(word, verb)| token.is(word).then_some(verb))
    };
    balanced(found)?;
    if let Some(verb) = verb_of(first) {
        return Ok((0, verb));
    }
    if !first.is("WITH") {
        return Err("a statement that is not SELECT, INSERT, UPDATE or DELETE".to_owned());
    }
    let mut depth = 0_usize;
    for (at, token) in found.iter().enumerate() {
        match token.kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 => {
                if let Some(verb) = verb_of(token) {
                    return Ok((at, verb));
                }
                if token.is("VALUES") || token.is("REPLACE") {
                    break;
                }
            }
            _ => {}
        }
    }
    Err("a WITH without SELECT, INSERT, UPDATE or DELETE behind it".to_owned())
}

fn balanced(found: &[Token<'_>]) -> Result<(), String> {
    let mut depth = 0_usize;
    for token in found {
        match token.kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.checked_sub(1).ok_or("a parenthesis too many")?,
            _ => {}
        }
    }
    if depth == 0 { Ok(()) } else { Err("a parenthesis without its end".to_owned()) }
}

/// `FOR UPDATE` at the very end of a SELECT.
fn row_lock(found: &[Token<'_>], verb: Verb) -> bool {
    matches!(found, [.., a, b] if verb == Verb::Select && a.is("FOR") && b.is("UPDATE"))
}

fn forbidden(found: &[Token<'_>], at: usize, main: usize) -> Result<(), String> {
    let token = &found[at];
    let Some(name) = token.name() else { return Ok(()) };
    let starts = FORBIDDEN_STARTS.iter().any(|start| name.starts_with(start));
    let insert_into = token.is("INTO") && at == main + 1 && found[main].is("INSERT");
    if starts || (FORBIDDEN.contains(&name.as_ref()) && !insert_into) {
        return Err(format!("the word {name}"));
    }
    Ok(())
}

/// A point stands between an alias or table and a column, and nowhere else.
fn dot(found: &[Token<'_>], at: usize) -> Result<(), String> {
    if !found[at].is_sign(b'.') {
        return Ok(());
    }
    let before = at.checked_sub(1).and_then(|at| found.get(at));
    let after = found.get(at + 1);
    let Some(qualifier) = before.and_then(Token::name) else {
        return Err("a point behind something else than a name".to_owned());
    };
    if SCHEMAS.contains(&qualifier.as_ref()) {
        return Err(format!("the schema {qualifier}"));
    }
    if !after.is_some_and(|after| after.name().is_some() || after.is_sign(b'*')) {
        return Err("a point before something else than a name".to_owned());
    }
    if found.get(at + 2).is_some_and(|token| token.is_sign(b'.')) {
        return Err("a name of three parts".to_owned());
    }
    let back = |steps: usize| at.checked_sub(steps).and_then(|at| found.get(at));
    let is = |steps: usize, keyword: &str| back(steps).is_some_and(|word| word.is(keyword));
    // `a.x IS [NOT] DISTINCT FROM b.y` is the one place where a column follows FROM.
    let compares = is(2, "FROM") && is(3, "DISTINCT") && (is(4, "IS") || is(4, "NOT"));
    if !compares && ["FROM", "JOIN", "INTO", "UPDATE"].iter().any(|keyword| is(2, keyword)) {
        return Err(format!("the schema {qualifier}"));
    }
    Ok(())
}

/// The verbs of changes stand once, and only where they belong.
fn statement_word(found: &[Token<'_>], at: usize, main: usize) -> Result<(), String> {
    let token = &found[at];
    let next = found.get(at + 1);
    if token.is("INSERT") || token.is("DELETE") {
        return if at == main { Ok(()) } else { Err("a change inside a statement".to_owned()) };
    }
    if token.is("UPDATE") && at != main {
        let after_do = at.checked_sub(1).and_then(|at| found.get(at)).is_some_and(|word| word.is("DO"));
        return if after_do { Ok(()) } else { Err("a change inside a statement".to_owned()) };
    }
    if token.is("OR") && at == main + 1 {
        return Err("OR behind the verb: use ON CONFLICT".to_owned());
    }
    if token.is("REPLACE") && !next.is_some_and(|next| next.is_sign(b'(')) {
        return Err("REPLACE: use ON CONFLICT".to_owned());
    }
    if token.is("FOR") {
        return Err("FOR anywhere but in FOR UPDATE at the end of a SELECT".to_owned());
    }
    Ok(())
}

/// A name before a parenthesis is a function of the dialect, unless it is the target of INSERT or defined by WITH.
fn call(found: &[Token<'_>], at: usize, main: usize) -> Result<(), String> {
    let token = &found[at];
    let (Some(name), Some(next)) = (token.name(), found.get(at + 1)) else { return Ok(()) };
    if !next.is_sign(b'(') {
        return Ok(());
    }
    let bare = token.kind == Kind::Word;
    if bare && (FUNCTIONS.contains(&name.as_ref()) || BEFORE_PARENTHESIS.contains(&name.as_ref())) {
        return Ok(());
    }
    let before = at.checked_sub(1).and_then(|at| found.get(at));
    let insert_target = at == main + 2 && found[main].is("INSERT");
    let defined_by_with = before
        .is_some_and(|before| before.is("WITH") || before.is("RECURSIVE") || before.is_sign(b','))
        && in_with_list(&found[..at]);
    // FROM (…) AS x (a, b): the column names of a derived table.
    let alias_with_columns = before.is_some_and(|before| before.is("AS"));
    if insert_target || defined_by_with || alias_with_columns {
        return Ok(());
    }
    Err(format!("the function {name}"))
}

/// Whether what stands before belongs to a WITH whose statement has not begun: back over whole parentheses to the WITH.
fn in_with_list(before: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    for token in before.iter().rev() {
        match token.kind {
            Kind::Sign(b')') => depth += 1,
            Kind::Sign(b'(') if depth == 0 => return false,
            Kind::Sign(b'(') => depth -= 1,
            Kind::Word if depth == 0 => {
                if token.is("WITH") {
                    return true;
                }
                if ["SELECT", "INSERT", "UPDATE", "DELETE", "VALUES", "FROM"]
                    .iter()
                    .any(|word| token.is(word))
                {
                    return false;
                }
            }
            _ => {}
        }
    }
    false
}

fn table_of_another_class(
    found: &[Token<'_>],
    at: usize,
    class: Class,
    catalogue: &Catalogue,
) -> Result<(), String> {
    let Some(name) = found[at].name() else { return Ok(()) };
    match (class, catalogue.class(&name)) {
        (_, None)
        | (Class::Tenant, Some(TableClass::Tenant))
        | (Class::Global, Some(TableClass::Global))
        | (Class::System | Class::Kernel, Some(_)) => Ok(()),
        (_, Some(other)) => Err(format!("the table {name} of class {}", other.word())),
    }
}

/// The table a change is made to.
fn target(found: &[Token<'_>], main: usize, verb: Verb) -> Result<Option<(usize, String)>, String> {
    let at = match verb {
        Verb::Select => return Ok(None),
        Verb::Insert if found.get(main + 1).is_some_and(|token| token.is("INTO")) => main + 2,
        Verb::Delete if found.get(main + 1).is_some_and(|token| token.is("FROM")) => main + 2,
        Verb::Update => main + 1,
        Verb::Insert | Verb::Delete => return Err("INSERT without INTO or DELETE without FROM".to_owned()),
    };
    let name = found.get(at).and_then(Token::name).ok_or("a change without a plain table name")?;
    Ok(Some((at, name.into_owned())))
}

fn writable(name: &str, class: Class, catalogue: &Catalogue) -> Result<(), String> {
    match (class, catalogue.class(name)) {
        (Class::Tenant | Class::System, Some(TableClass::Tenant))
        | (Class::Global, Some(TableClass::Global)) => Ok(()),
        _ => Err(format!("a change to {name}, which is no table of this kind of transaction")),
    }
}

/// `$1` to `$n`, each of them used.
fn params(found: &[Token<'_>]) -> Result<usize, String> {
    let mut used: Vec<usize> = found
        .iter()
        .filter_map(|token| if let Kind::Param(number) = token.kind { Some(number) } else { None })
        .collect();
    used.sort_unstable();
    used.dedup();
    match used.last() {
        Some(&last) if last != used.len() => Err("parameters with a gap".to_owned()),
        _ => Ok(used.len()),
    }
}
