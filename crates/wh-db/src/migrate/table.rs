//! A table in the portable vocabulary, and how each engine wants to hear of it. Knows no roles and no policies.
use super::{Dialect, TableClass};
use crate::text::{Kind, Token};

/// The portable types, with the words of `SQLite` and `PostgreSQL`.
const TYPES: &[(&str, &str, &str)] = &[
    ("uuid", "BLOB", "uuid"),
    ("text", "TEXT", "text COLLATE \"C\""),
    ("bigint", "INTEGER", "bigint"),
    ("double", "REAL", "double precision"),
    ("boolean", "INTEGER", "boolean"),
    ("bytes", "BLOB", "bytea"),
    ("json", "TEXT", "jsonb"),
    ("micros", "INTEGER", "bigint"),
];

/// A column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// As it is written.
    pub name: String,
    /// The portable type.
    pub kind: String,
    /// What follows: NOT NULL, DEFAULT, CHECK, REFERENCES.
    pub rest: String,
}

impl Column {
    /// Its text for an engine.
    pub(crate) fn text(&self, dialect: Dialect) -> String {
        let Self { name, kind, rest } = self;
        let words = TYPES.iter().find(|(portable, ..)| portable == kind);
        let word = match (words, dialect) {
            (Some((_, sqlite, _)), Dialect::Sqlite) => sqlite,
            (Some((_, _, postgres)), Dialect::Postgres) => postgres,
            (None, _) => kind.as_str(),
        };
        let mut text = format!("{name} {word}");
        if !rest.is_empty() {
            text.push(' ');
            text.push_str(rest);
        }
        // PostgreSQL refuses other values by the type alone.
        match (kind.as_str(), dialect) {
            ("boolean", Dialect::Sqlite) => text.push_str(&format!(" CHECK ({name} IN (0, 1))")),
            ("json", Dialect::Sqlite) => text.push_str(&format!(" CHECK (json_valid({name}))")),
            ("uuid", Dialect::Sqlite) => text.push_str(&format!(" CHECK (length({name}) = 16)")),
            _ => {}
        }
        text
    }
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Its name, in lower case.
    pub name: String,
    /// Who may reach it.
    pub class: TableClass,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Keys, references and checks over several columns, as written.
    pub constraints: Vec<String>,
    /// The engine's own text, where the migration is not portable.
    pub verbatim: Option<String>,
}

impl Table {
    pub(super) fn verbatim(name: String, class: TableClass, sql: String) -> Self {
        Self { name, class, columns: Vec::new(), constraints: Vec::new(), verbatim: Some(sql) }
    }

    /// `CREATE TABLE` for an engine. On `PostgreSQL` without row security, which follows as statements of its own.
    pub(crate) fn create(&self, dialect: Dialect) -> String {
        if let Some(sql) = &self.verbatim {
            return sql.clone();
        }
        let columns = self.columns.iter().map(|column| column.text(dialect));
        let lines: Vec<String> = columns.chain(self.constraints.iter().cloned()).collect();
        // The key is the access path: rows lie in its order.
        let end = match dialect {
            Dialect::Sqlite => " STRICT, WITHOUT ROWID",
            Dialect::Postgres => "",
        };
        format!("CREATE TABLE {} ({}){end}", self.name, lines.join(", "))
    }
}

/// Read what follows `CREATE TABLE name`.
pub(super) fn parse(
    context: &str,
    name: String,
    class: TableClass,
    sql: &str,
    rest: &[Token<'_>],
) -> Result<Table, String> {
    let (Some(open), Some(close)) = (rest.first(), rest.last()) else {
        return Err(format!("{name} has no columns"));
    };
    if !open.is_sign(b'(') || !close.is_sign(b')') {
        return Err(format!("{name} is not CREATE TABLE name ( ... )"));
    }
    let mut table = Table { name, class, columns: Vec::new(), constraints: Vec::new(), verbatim: None };
    for item in items(&rest[1..rest.len() - 1])? {
        references(context, item)?;
        let constraint =
            ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT"].iter().any(|word| item[0].is(word));
        if constraint {
            if class == TableClass::Tenant {
                starts_with_tenant(item)?;
            }
            table.constraints.push(text(sql, item).to_owned());
        } else {
            table.columns.push(column(sql, item)?);
            if class == TableClass::Tenant {
                no_key(item)?;
            }
        }
    }
    complete(&table)?;
    Ok(table)
}

/// A primary key, and the tenant where there must be one.
fn complete(table: &Table) -> Result<(), String> {
    let says = |text: &str, word: &str| text.to_ascii_uppercase().contains(word);
    let keyed = table.constraints.iter().any(|constraint| says(constraint, "PRIMARY KEY"))
        || table.columns.iter().any(|column| says(&column.rest, "PRIMARY KEY"));
    if !keyed {
        return Err(format!("{} has no PRIMARY KEY", table.name));
    }
    let tenant = table.columns.iter().find(|column| column.name == "tenant_id");
    let walled = tenant.is_some_and(|column| column.kind == "uuid" && says(&column.rest, "NOT NULL"));
    if table.class == TableClass::Tenant && !walled {
        return Err(format!("{} has no column tenant_id uuid NOT NULL", table.name));
    }
    Ok(())
}

/// A column that a later migration adds to a table, of whichever class: no key can be added that way, and none need be.
pub(super) fn added(context: &str, sql: &str, item: &[Token<'_>]) -> Result<Column, String> {
    if item.is_empty() {
        return Err("ADD COLUMN without a column".to_owned());
    }
    references(context, item)?;
    no_key(item)?;
    column(sql, item)
}

/// A key of one column reaches across tenants.
fn no_key(item: &[Token<'_>]) -> Result<(), String> {
    let key = item.iter().any(|token| ["PRIMARY", "UNIQUE", "REFERENCES"].iter().any(|word| token.is(word)));
    if key {
        let name = item[0].text;
        return Err(format!("column {name}: keys of a tenant table are composite and start with tenant_id"));
    }
    Ok(())
}

/// Split at the commas outside parentheses.
fn items<'a>(tokens: &'a [Token<'a>]) -> Result<Vec<&'a [Token<'a>]>, String> {
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.checked_sub(1).ok_or("a parenthesis too many")?,
            Kind::Sign(b',') if depth == 0 => {
                found.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&tokens[start..]);
    if depth != 0 || found.iter().any(|item| item.is_empty()) {
        return Err("parentheses and commas do not fit".to_owned());
    }
    Ok(found)
}

/// One column: name, portable type, rest.
pub(super) fn column(sql: &str, item: &[Token<'_>]) -> Result<Column, String> {
    let name =
        item.first().filter(|token| token.name().is_some()).ok_or("a column without a name")?.text.to_owned();
    let kind =
        item.get(1).and_then(Token::name).ok_or_else(|| format!("column {name} has no type"))?.into_owned();
    if !TYPES.iter().any(|(portable, ..)| *portable == kind) {
        let known: Vec<&str> = TYPES.iter().map(|(portable, ..)| *portable).collect();
        return Err(format!("column {name} has the type {kind}, not one of {}", known.join(" ")));
    }
    Ok(Column { name, kind, rest: text(sql, &item[2..]).to_owned() })
}

fn text<'a>(sql: &'a str, item: &[Token<'_>]) -> &'a str {
    match (item.first(), item.last()) {
        (Some(first), Some(last)) => &sql[first.start..last.end()],
        _ => "",
    }
}

/// PRIMARY KEY, UNIQUE and FOREIGN KEY of a tenant table start with the tenant, so that no key reaches across.
fn starts_with_tenant(item: &[Token<'_>]) -> Result<(), String> {
    for (at, token) in item.iter().enumerate() {
        let keys = token.is("KEY") || token.is("UNIQUE");
        let lists = keys.then(|| at + 1).or_else(|| token.is("REFERENCES").then(|| at + 2));
        let Some(at) = lists else { continue };
        let opens = item.get(at).is_some_and(|token| token.is_sign(b'('));
        let tenant = item.get(at + 1).and_then(Token::name).is_some_and(|name| name == "tenant_id");
        if !opens || !tenant {
            return Err("a key or reference of a tenant table that does not start with tenant_id".to_owned());
        }
    }
    Ok(())
}

/// References stay in the context, and what they do on delete never writes another row's columns.
fn references(context: &str, item: &[Token<'_>]) -> Result<(), String> {
    for (at, token) in item.iter().enumerate() {
        if token.is("REFERENCES") {
            let name = item.get(at + 1).and_then(Token::name).ok_or("REFERENCES without a table")?;
            if !name.strip_prefix(context).is_some_and(|rest| rest.starts_with('_')) {
                return Err(format!("a reference to {name}, a table of another context"));
            }
        }
        let next = |steps: usize, word: &str| item.get(at + steps).is_some_and(|token| token.is(word));
        if token.is("ON") && (next(1, "UPDATE") || next(2, "SET")) {
            return Err("a reference may only cascade or restrict on delete".to_owned());
        }
    }
    Ok(())
}
