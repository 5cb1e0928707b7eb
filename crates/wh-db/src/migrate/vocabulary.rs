//! Reads a migration file: cuts it into statements, knows the few kinds there are, refuses the rest. Runs nothing.
use wh_base::{Error, Result};

use super::table::{self, Table};
use super::{Dialect, MigrationFile, MigrationText, TableClass};
use crate::codes;
use crate::text::{Token, script_tokens};

/// One statement of a migration.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    /// A new table; in the engine's own file `verbatim` holds its text.
    CreateTable(Table),
    /// A table goes.
    DropTable {
        /// Its name.
        name: String,
        /// The text.
        sql: String,
    },
    /// A unique index: on a tenant table it must start with the tenant.
    UniqueIndex {
        /// The table.
        table: String,
        /// Its first column.
        first: String,
        /// The text.
        sql: String,
    },
    /// An index, a new column, a change of rows: the text for this engine.
    Other {
        /// The text.
        sql: String,
    },
}

/// Words that would change what the shared transaction or the guards rely on.
const FORBIDDEN: &[&str] = &[
    "DEFERRABLE",
    "DEFERRED",
    "INITIALLY",
    "CONFLICT",
    "AUTOINCREMENT",
    "COLLATE",
    "STRICT",
    "WITHOUT",
    "TEMP",
    "TEMPORARY",
    "TRIGGER",
    "VIEW",
    "PRAGMA",
    "ATTACH",
];

/// Whether a file keeps to the small vocabulary, or is one engine's own text.
#[derive(Clone, Copy, PartialEq)]
enum Words {
    Portable,
    Verbatim,
}

/// The statements of a file, for one engine.
pub(crate) fn statements(context: &str, file: &MigrationFile, dialect: Dialect) -> Result<Vec<Statement>> {
    let (sql, words) = match (file.text, dialect) {
        (MigrationText::Portable(sql), _) => (sql, Words::Portable),
        (MigrationText::PerEngine { sqlite, .. }, Dialect::Sqlite) => (sqlite, Words::Verbatim),
        (MigrationText::PerEngine { postgres, .. }, Dialect::Postgres) => (postgres, Words::Verbatim),
    };
    let wrong = |why: String| wrong(context, file.name, &why);
    let tokens = script_tokens(sql).map_err(wrong)?;
    let mut found = Vec::new();
    let mut end_before = 0;
    for part in tokens.split(|token| token.is_sign(b';')) {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
        let class = class(&sql[end_before..first.start]).map_err(wrong)?;
        end_before = last.end();
        let reader = Reader { context, sql, part, dialect };
        found.push(reader.statement(class, words).map_err(wrong)?);
    }
    Ok(found)
}

fn wrong(context: &str, file: &str, why: &str) -> Error {
    codes::MIGRATION.error(format!("migration {file} of {context}: {why}"))
}

/// `-- class: global` on a line of its own before the statement.
fn class(comments: &str) -> Result<TableClass, String> {
    let mut class = TableClass::Tenant;
    for line in comments.lines() {
        let Some(word) = line.trim().strip_prefix("-- class:") else { continue };
        class = match word.trim() {
            "tenant" => TableClass::Tenant,
            "global" => TableClass::Global,
            other => return Err(format!("the class {other} is neither tenant nor global")),
        };
    }
    Ok(class)
}

struct Reader<'a> {
    context: &'a str,
    sql: &'a str,
    part: &'a [Token<'a>],
    dialect: Dialect,
}

impl Reader<'_> {
    fn text(&self) -> String {
        match (self.part.first(), self.part.last()) {
            (Some(first), Some(last)) => self.sql[first.start..last.end()].to_owned(),
            _ => String::new(),
        }
    }

    fn starts(&self, words: &[&str]) -> bool {
        self.part.len() >= words.len() && words.iter().zip(self.part).all(|(word, token)| token.is(word))
    }

    /// The name at a place; it must start with the context's.
    fn own_name(&self, at: usize) -> Result<String, String> {
        let name = self.part.get(at).and_then(Token::name).ok_or("a name is missing")?.into_owned();
        let own = name.strip_prefix(self.context).is_some_and(|rest| rest.starts_with('_'));
        if own { Ok(name) } else { Err(format!("the name {name} does not start with {}_", self.context)) }
    }

    fn statement(&self, class: TableClass, words: Words) -> Result<Statement, String> {
        if words == Words::Portable
            && let Some(word) = self.part.iter().find(|token| FORBIDDEN.iter().any(|word| token.is(word)))
        {
            return Err(format!("the word {}", word.text));
        }
        if self.starts(&["CREATE", "TABLE"]) {
            let name = self.own_name(2)?;
            if words == Words::Verbatim {
                return Ok(Statement::CreateTable(Table::verbatim(name, class, self.text())));
            }
            return table::parse(self.context, name, class, self.sql, &self.part[3..])
                .map(Statement::CreateTable);
        }
        if self.starts(&["DROP", "TABLE"]) {
            return Ok(Statement::DropTable { name: self.own_name(2)?, sql: self.text() });
        }
        if self.starts(&["ALTER", "TABLE"]) {
            let name = self.own_name(2)?;
            return self.add_column(&name, words).map(|sql| Statement::Other { sql });
        }
        let at = match () {
            () if self.starts(&["CREATE", "UNIQUE", "INDEX"]) => 3,
            () if self.starts(&["CREATE", "INDEX"]) | self.starts(&["DROP", "INDEX"]) => 2,
            () if self.starts(&["INSERT", "INTO"]) | self.starts(&["DELETE", "FROM"]) => 2,
            () if self.starts(&["UPDATE"]) => 1,
            () if words == Words::Verbatim => return Ok(Statement::Other { sql: self.text() }),
            () => return Err(format!("a statement outside the vocabulary: {}", self.text())),
        };
        self.own_name(at)?;
        if at >= 2 && self.starts(&["CREATE"]) {
            if !self.part.get(at + 1).is_some_and(|token| token.is("ON")) {
                return Err("an index without ON".to_owned());
            }
            let table = self.own_name(at + 2)?;
            if at == 3 {
                let first = self.part.get(at + 4).and_then(Token::name).unwrap_or_default().into_owned();
                return Ok(Statement::UniqueIndex { table, first, sql: self.text() });
            }
        }
        Ok(Statement::Other { sql: self.text() })
    }

    /// `ALTER TABLE t ADD COLUMN name type …`.
    fn add_column(&self, name: &str, words: Words) -> Result<String, String> {
        if words == Words::Verbatim {
            return Ok(self.text());
        }
        let adds =
            self.part.get(3).is_some_and(|t| t.is("ADD")) && self.part.get(4).is_some_and(|t| t.is("COLUMN"));
        if !adds {
            return Err("ALTER TABLE can only ADD COLUMN".to_owned());
        }
        let column = table::added(self.context, self.sql, &self.part[5..])?;
        Ok(format!("ALTER TABLE {name} ADD COLUMN {}", column.text(self.dialect)))
    }
}
