//! The text check: which statements a transaction may run at all, and how each engine wants to read them. Runs nothing.
mod check;
mod tokens;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use wh_base::Result;

use crate::engine::Scope;
use crate::migrate::Catalogue;
use crate::{Value, codes};

pub(crate) use check::Verb;
pub(crate) use tokens::{Kind, Token, script_tokens};

/// Texts are constants of the program; more than this means that some are built from data.
const TEXTS_MAX: usize = 4_096;

/// Whose statement it is, and so which tables it may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// A context's, inside one tenant.
    Tenant,
    /// Of wh-identity, over the global tables.
    Global,
    /// A system job's, over every tenant.
    System,
    /// The kernel's own constants: not checked.
    Kernel,
}

impl Class {
    pub(crate) const fn of(scope: Scope) -> Self {
        match scope {
            Scope::Tenant(_) => Self::Tenant,
            Scope::Global => Self::Global,
            Scope::System => Self::System,
            Scope::Kernel => Self::Kernel,
        }
    }

    /// Keeps statements of different classes apart in a connection's cache, where they were authorised differently.
    const fn mark(self) -> &'static str {
        match self {
            Self::Tenant | Self::System => "",
            Self::Global => "/*g*/",
            Self::Kernel => "/*k*/",
        }
    }
}

/// What kind of transaction asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A text that passed.
#[derive(Debug)]
pub(crate) struct Checked {
    /// As it was written: `PostgreSQL` runs this.
    pub portable: String,
    /// With the target qualified and row locks left out: `SQLite` runs this.
    pub sqlite: String,
    /// Whose it is.
    pub class: Class,
    /// What it does.
    pub verb: Verb,
    /// The table it changes.
    pub target: Option<String>,
    /// Whether it locks the rows it reads.
    pub locks: bool,
    /// How many values it takes: `$1` to `$n`.
    pub params: usize,
    /// The names of its columns, once it ran.
    pub columns: OnceLock<Arc<[String]>>,
}

/// Checks each text once.
pub(crate) struct Texts {
    catalogue: Arc<Catalogue>,
    known: [RwLock<HashMap<Box<str>, Arc<Checked>>>; 4],
}

impl Texts {
    pub(crate) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue, known: Default::default() }
    }

    /// The checked form of a text that is to run with these values.
    pub(crate) fn checked(
        &self,
        class: Class,
        access: Access,
        sql: &str,
        args: &[Value],
    ) -> Result<Arc<Checked>> {
        let checked = self.known(class, sql)?;
        if access == Access::Read && (checked.verb != Verb::Select || checked.locks) {
            return Err(refused("a reading transaction can only SELECT", sql));
        }
        fits(&checked, args)?;
        Ok(checked)
    }

    /// The same for many sets of values.
    pub(crate) fn checked_many(
        &self,
        class: Class,
        sql: &str,
        values: &[Vec<Value>],
    ) -> Result<Arc<Checked>> {
        let checked = self.known(class, sql)?;
        for args in values {
            fits(&checked, args)?;
        }
        Ok(checked)
    }

    fn known(&self, class: Class, sql: &str) -> Result<Arc<Checked>> {
        let known = &self.known[class as usize];
        if let Some(checked) = known.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return Ok(Arc::clone(checked));
        }
        let checked = match class {
            Class::Kernel => check::kernel(sql)?,
            _ => check::check(sql, class, &self.catalogue).map_err(|why| refused(&why, sql))?,
        };
        let checked = Arc::new(checked);
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TEXTS_MAX {
            tracing::warn!("more than {TEXTS_MAX} different SQL texts: some are built from data");
            known.clear();
        }
        known.insert(sql.into(), Arc::clone(&checked));
        Ok(checked)
    }
}

/// As many values as the text takes, and none that only one engine could store.
fn fits(checked: &Checked, args: &[Value]) -> Result<()> {
    if args.len() != checked.params {
        let why = format!("{} values for {} parameters", args.len(), checked.params);
        return Err(refused(&why, &checked.portable));
    }
    let nul = args
        .iter()
        .any(|value| matches!(value, Value::Text(text) | Value::Json(text) if text.contains('\0')));
    if nul {
        return Err(codes::TEXT_NUL.error("a text holds a NUL character"));
    }
    // One engine would store nothing, the other a value that equals itself.
    let no_number = args.iter().any(|value| matches!(value, Value::Double(number) if number.is_nan()));
    if no_number { Err(codes::VALUE.error("a double that is not a number")) } else { Ok(()) }
}

/// Texts are constants of the program, so they may be shown to its author.
fn refused(why: &str, sql: &str) -> wh_base::Error {
    let start: String = sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    codes::STATEMENT_REFUSED.error(format!("{why}: {start}"))
}
