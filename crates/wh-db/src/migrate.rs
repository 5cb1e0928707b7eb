//! Migrations: the schema in the small vocabulary of the dialect, and what is still to be applied. Talks to no engine.
mod table;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};
use wh_base::Result;

use crate::codes;

pub(crate) use table::Table;
pub(crate) use vocabulary::{Statement, statements};

/// One context's migrations, in order.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The context; every table's name starts with it.
    pub context: &'static str,
    /// Oldest first; only ever added to.
    pub files: &'static [MigrationFile],
}

/// One migration.
#[derive(Clone, Copy, Debug)]
pub struct MigrationFile {
    /// `0001_panels`.
    pub name: &'static str,
    /// What it says.
    pub text: MigrationText,
}

/// The text, once for both engines or once for each.
#[derive(Clone, Copy, Debug)]
pub enum MigrationText {
    /// In the small vocabulary.
    Portable(&'static str),
    /// Where an engine needs its own words.
    PerEngine {
        /// `NAME.sqlite.sql`
        sqlite: &'static str,
        /// `NAME.postgres.sql`
        postgres: &'static str,
    },
}

/// `migrations!("panels": "0001_panels", "0002_search" per engine)`: the files of `migrations/` beside the crate's manifest.
#[macro_export]
macro_rules! migrations {
    ($context:literal: $($name:literal $($per:ident engine)?),+ $(,)?) => {
        $crate::Migrations {
            context: $context,
            files: &[$($crate::MigrationFile { name: $name, text: $crate::migrations!(@text $name $($per)?) }),+],
        }
    };
    (@text $name:literal) => {
        $crate::MigrationText::Portable(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")))
    };
    (@text $name:literal per) => {
        $crate::MigrationText::PerEngine {
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".postgres.sql")),
        }
    };
}

/// For which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// Who may reach a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableClass {
    /// One tenant at a time.
    Tenant,
    /// Before a tenant is known.
    Global,
}

impl TableClass {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Global => "global",
        }
    }
}

/// Every table of every context, by name.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    tables: BTreeMap<String, TableClass>,
}

impl Catalogue {
    /// Read all migrations. Refuses what breaks a rule, before anything is applied.
    pub(crate) fn of(migrations: &[Migrations], dialect: Dialect) -> Result<Self> {
        let mut catalogue = Self::default();
        for one in migrations {
            for file in one.files {
                for statement in statements(one.context, file, dialect)? {
                    catalogue.take(&statement)?;
                }
            }
        }
        Ok(catalogue)
    }

    fn take(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::CreateTable(table) => {
                self.tables.insert(table.name.clone(), table.class);
            }
            Statement::DropTable { name, .. } => {
                self.tables.remove(name);
            }
            Statement::UniqueIndex { table, first, .. } => {
                if self.class(table) == Some(TableClass::Tenant) && first != "tenant_id" {
                    let message = format!("a unique index on {table} must start with tenant_id");
                    return Err(codes::MIGRATION.error(message));
                }
            }
            Statement::Other { .. } => {}
        }
        Ok(())
    }

    /// The class of a table, if it is one. The name in lower case.
    pub(crate) fn class(&self, name: &str) -> Option<TableClass> {
        self.tables.get(name).copied()
    }

    /// All tables with their class, by name.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, TableClass)> {
        self.tables.iter().map(|(name, class)| (name.as_str(), *class))
    }
}

/// A migration that was applied: a row of `kernel_migration`.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub context: String,
    pub name: String,
    pub checksum: String,
}

/// A migration that is still to be applied.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub context: &'static str,
    pub name: &'static str,
    pub checksum: String,
    pub statements: Vec<Statement>,
}

/// What is to be done, context by context in the given order. Refuses a changed text, a gap, and a schema that is newer than the
/// program.
pub(crate) fn plan(applied: &[Applied], migrations: &[Migrations], dialect: Dialect) -> Result<Vec<Pending>> {
    for row in applied {
        let known =
            migrations.iter().any(|m| m.context == row.context && m.files.iter().any(|f| f.name == row.name));
        if !known {
            let message = format!("migration {} of {} is not part of this program", row.name, row.context);
            return Err(codes::SCHEMA_NEWER.error(message));
        }
    }
    let mut pending = Vec::new();
    for one in migrations {
        let mut open = None;
        for file in one.files {
            let checksum = checksum(file, dialect);
            match applied.iter().find(|row| row.context == one.context && row.name == file.name) {
                Some(row) if row.checksum != checksum => {
                    let message = format!("the text of migration {} of {} changed", file.name, one.context);
                    return Err(codes::MIGRATION_CHANGED.error(message));
                }
                Some(_) => {
                    if let Some(before) = open {
                        let message = format!(
                            "{} of {} was applied without {before} before it",
                            file.name, one.context
                        );
                        return Err(codes::MIGRATION.error(message));
                    }
                }
                None => {
                    open = Some(file.name);
                    let statements = statements(one.context, file, dialect)?;
                    pending.push(Pending { context: one.context, name: file.name, checksum, statements });
                }
            }
        }
    }
    Ok(pending)
}

/// The migrations that a database has: context, name, checksum.
pub const APPLIED_MIGRATIONS: &str =
    "SELECT context, name, checksum FROM kernel_migration ORDER BY context, name";

/// Whether this program can work with a schema on `SQLite`: every migration known, none changed. Touches no database.
pub fn check_sqlite_schema(applied: &[(&str, &str, &str)], migrations: &[Migrations]) -> Result<()> {
    check_schema(applied, migrations, Dialect::Sqlite)
}

/// The same on PostgreSQL.
pub fn check_postgres_schema(applied: &[(&str, &str, &str)], migrations: &[Migrations]) -> Result<()> {
    check_schema(applied, migrations, Dialect::Postgres)
}

fn check_schema(applied: &[(&str, &str, &str)], migrations: &[Migrations], dialect: Dialect) -> Result<()> {
    // The texts of the kernel's own are held against the program when it opens the database.
    let kernel = match dialect {
        Dialect::Sqlite => crate::sqlite::kernel_migrations(),
        Dialect::Postgres => crate::postgres::kernel_migrations(),
    };
    let newer = applied.iter().find(|(context, name, _)| *context == "kernel" && !kernel.contains(name));
    if let Some((_, name, _)) = newer {
        let message = format!("migration {name} of the kernel is not part of this program");
        return Err(codes::SCHEMA_NEWER.error(message));
    }
    let contexts = applied.iter().filter(|(context, ..)| *context != "kernel");
    let rows: Vec<_> = contexts
        .map(|(context, name, checksum)| Applied {
            context: (*context).to_owned(),
            name: (*name).to_owned(),
            checksum: (*checksum).to_owned(),
        })
        .collect();
    plan(&rows, migrations, dialect).map(drop)
}

fn checksum(file: &MigrationFile, dialect: Dialect) -> String {
    let text = match (file.text, dialect) {
        (MigrationText::Portable(text), _)
        | (MigrationText::PerEngine { sqlite: text, .. }, Dialect::Sqlite)
        | (MigrationText::PerEngine { postgres: text, .. }, Dialect::Postgres) => text,
    };
    digest(text)
}

/// The digest of a text, as it is kept beside the name of its migration.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
