//! Row security inside `SQLite`: the views that filter, the triggers that guard, and the authorizer behind the text check.
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection as Raw;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use wh_base::Result;

use super::errors::translate;
use super::session::Rule;
use crate::migrate::{Catalogue, TableClass};
use crate::text::{Checked, Class, Verb};

/// Guard triggers start with this; the text check refuses it in statements.
const GUARD: &str = "wh_guard_";

/// What each table lets a statement touch besides itself.
#[derive(Default)]
struct Neighbours {
    /// Columns that foreign-key checks read.
    keys: BTreeSet<(String, String)>,
    /// Tables that a delete cascades to.
    cascades: BTreeSet<String>,
}

/// Everything the authorizer knows; the same for all connections of a file.
pub(super) struct Walls {
    classes: BTreeMap<String, TableClass>,
    neighbours: BTreeMap<String, Neighbours>,
    /// Every table of the file, ours or not.
    real: BTreeSet<String>,
}

/// One foreign key, column by column.
struct Key {
    child: String,
    parent: String,
    columns: Vec<(String, String)>,
    cascades: bool,
}

impl Walls {
    /// Read the foreign keys of the migrated file.
    pub(super) fn of(catalogue: &Catalogue, raw: &Raw) -> Result<Self> {
        let classes: BTreeMap<String, TableClass> =
            catalogue.tables().map(|(name, class)| (name.to_owned(), class)).collect();
        let mut keys = Vec::new();
        for table in classes.keys() {
            keys.extend(foreign_keys(raw, table).map_err(translate)?);
        }
        let neighbours = classes.keys().map(|table| (table.clone(), neighbours(table, &keys))).collect();
        let real = real_tables(raw).map_err(translate)?;
        Ok(Self { classes, neighbours, real })
    }

    /// The views through which tenants read. Names resolve to them first.
    pub(super) fn views(&self) -> String {
        self.tenant_tables().fold(String::new(), |mut sql, table| {
            sql.push_str(&format!(
                "CREATE TEMP VIEW {table} AS SELECT * FROM main.{table} WHERE tenant_id = current_tenant();\n"
            ));
            sql
        })
    }

    /// The triggers that stop a write of another tenant's row.
    pub(super) fn guards(&self) -> String {
        let mut sql = String::new();
        for table in self.tenant_tables() {
            for (verb, when) in [
                ("INSERT", "tenant_guard(NEW.tenant_id)"),
                ("UPDATE", "tenant_guard(OLD.tenant_id) OR tenant_guard(NEW.tenant_id)"),
                ("DELETE", "tenant_guard(OLD.tenant_id)"),
            ] {
                sql.push_str(&format!(
                    "CREATE TEMP TRIGGER {GUARD}{verb}_{table} BEFORE {verb} ON main.{table} WHEN {when} \
                     BEGIN SELECT RAISE(ABORT, 'tenant'); END;\n"
                ));
            }
        }
        sql
    }

    fn tenant_tables(&self) -> impl Iterator<Item = &str> {
        self.classes
            .iter()
            .filter(|(_, class)| **class == TableClass::Tenant)
            .map(|(table, _)| table.as_str())
    }

    /// The authorizer: asked once per name when a statement is prepared.
    pub(super) fn authorize(&self, rule: &Rule, asked: &AuthContext<'_>) -> Authorization {
        let allowed = match rule {
            Rule::Nothing => false,
            Rule::Control => true,
            Rule::Statement(sql) => match asked.action {
                AuthAction::Select | AuthAction::Recursive => true,
                AuthAction::Function { function_name } => function_name != "load_extension",
                AuthAction::Read { table_name, column_name } => {
                    self.reads(sql, asked, table_name, column_name)
                }
                AuthAction::Insert { table_name } => self.writes(sql, asked, table_name, Verb::Insert),
                AuthAction::Update { table_name, .. } => self.writes(sql, asked, table_name, Verb::Update),
                AuthAction::Delete { table_name } => self.writes(sql, asked, table_name, Verb::Delete),
                _ => false,
            },
        };
        if allowed { Authorization::Allow } else { Authorization::Deny }
    }

    fn reads(&self, sql: &Checked, asked: &AuthContext<'_>, table: &str, column: &str) -> bool {
        let table = table.to_ascii_lowercase();
        let class = self.classes.get(&table).copied();
        if column.is_empty() && asked.database_name.is_none() {
            return self.counts(sql, &table, class);
        }
        if asked.database_name == Some("temp") {
            return class == Some(TableClass::Tenant) && matches!(sql.class, Class::Tenant);
        }
        if asked.database_name != Some("main") {
            return false;
        }
        match sql.class {
            Class::Kernel => table.starts_with("kernel_"),
            Class::System => class.is_some(),
            Class::Global => class == Some(TableClass::Global),
            Class::Tenant => {
                let view = asked.accessor.is_some_and(|by| by.eq_ignore_ascii_case(&table));
                let guard = asked.accessor.is_some_and(|by| by.starts_with(GUARD));
                class == Some(TableClass::Tenant)
                    && (view || guard || self.reads_for_write(sql, &table, column))
            }
        }
    }

    /// A source of which no column is named, as in `COUNT(*)`: asked by its bare name, which may be one that WITH defines.
    fn counts(&self, sql: &Checked, table: &str, class: Option<TableClass>) -> bool {
        let own = match sql.class {
            Class::Kernel => table.starts_with("kernel_"),
            Class::System => class.is_some(),
            Class::Global => class == Some(TableClass::Global),
            Class::Tenant => class == Some(TableClass::Tenant),
        };
        own || !(self.real.contains(table) || table.starts_with("sqlite_"))
    }

    /// The target itself, and the key columns around it.
    fn reads_for_write(&self, sql: &Checked, table: &str, column: &str) -> bool {
        let Some(target) = &sql.target else { return false };
        let around = || {
            self.neighbours
                .get(target)
                .is_some_and(|n| n.keys.contains(&(table.to_owned(), column.to_ascii_lowercase())))
        };
        target == table || around()
    }

    fn writes(&self, sql: &Checked, asked: &AuthContext<'_>, table: &str, verb: Verb) -> bool {
        let table = table.to_ascii_lowercase();
        if asked.database_name != Some("main") {
            return false;
        }
        if sql.class == Class::Kernel {
            return table.starts_with("kernel_");
        }
        let Some(target) = &sql.target else { return false };
        let cascade =
            verb == Verb::Delete && self.neighbours.get(target).is_some_and(|n| n.cascades.contains(&table));
        // ON CONFLICT DO UPDATE is an update of the target by an insert.
        let own =
            *target == table && (verb == sql.verb || (sql.verb == Verb::Insert && verb == Verb::Update));
        own || cascade
    }
}

fn real_tables(raw: &Raw) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement =
        raw.prepare("SELECT lower(name) FROM sqlite_schema WHERE type IN ('table', 'view')")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    names.collect()
}

fn foreign_keys(raw: &Raw, table: &str) -> rusqlite::Result<Vec<Key>> {
    let mut statement = raw.prepare(
        "SELECT id, \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut rows = statement.query([table])?;
    let mut keys: BTreeMap<i64, Key> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let lower = |at: usize| {
            row.get::<_, Option<String>>(at).map(|text| text.unwrap_or_default().to_ascii_lowercase())
        };
        let (parent, from, to, on_delete) = (lower(1)?, lower(2)?, lower(3)?, lower(4)?);
        let key = keys.entry(row.get(0)?).or_insert_with(|| Key {
            child: table.to_owned(),
            parent,
            columns: Vec::new(),
            cascades: on_delete == "cascade",
        });
        key.columns.push((from, to));
    }
    let mut keys: Vec<Key> = keys.into_values().collect();
    for key in &mut keys {
        // Without named columns a reference means the parent's primary key.
        let primary = primary_key(raw, &key.parent)?;
        for (column, named) in key.columns.iter_mut().zip(primary) {
            if column.1.is_empty() {
                column.1 = named;
            }
        }
    }
    Ok(keys)
}

fn primary_key(raw: &Raw, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = raw.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
    let names = statement.query_map([table], |row| row.get::<_, String>(0))?;
    names.map(|name| name.map(|name| name.to_ascii_lowercase())).collect()
}

/// The tables a delete reaches, and every key column at their borders.
fn neighbours(table: &str, keys: &[Key]) -> Neighbours {
    let mut found = Neighbours::default();
    let mut reached = vec![table.to_owned()];
    let mut at = 0;
    while let Some(here) = reached.get(at).cloned() {
        at += 1;
        for key in keys.iter().filter(|key| key.parent == here || key.child == here) {
            for (from, to) in &key.columns {
                found.keys.insert((key.child.clone(), from.clone()));
                found.keys.insert((key.parent.clone(), to.clone()));
            }
            if key.parent == here && key.cascades && !reached.contains(&key.child) {
                reached.push(key.child.clone());
                found.cascades.insert(key.child.clone());
            }
        }
    }
    found
}
