//! What an operator looks at. Pure: no database, no HTTP, no clock.
use uuid::Uuid;
use wh_base::Timestamp;
use wh_contract::TenantId;

/// One process that serves the installation.
#[derive(Clone, Debug)]
pub struct Node {
    /// New at each start.
    pub id: Uuid,
    /// The machine's name.
    pub host: String,
    /// Where it listens.
    pub address: String,
    /// The engine of its database: `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Since when it runs.
    pub started_at: Timestamp,
}

/// A company of the installation.
#[derive(Clone, Debug)]
pub struct Company {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a company has of one kind of thing, and how many it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Whose.
    pub tenant: TenantId,
    /// `members`, `panels`, `storage`: a word of its context.
    pub what: &'static str,
    /// `count` or `bytes`.
    pub unit: &'static str,
    /// How many it has.
    pub used: i64,
    /// How many it may have, where there is a limit.
    pub limit: Option<i64>,
}

/// A company with all that it uses.
#[derive(Clone, Debug)]
pub struct CompanyUsage {
    /// The company.
    pub company: Company,
    /// By context, in the order of the contexts.
    pub used: Vec<Used>,
}

/// How the backups of the installation stand.
#[derive(Clone, Debug, Default)]
pub struct BackupState {
    /// Where the server keeps them by itself; nothing where it keeps none.
    pub target: Option<String>,
    /// Up to which moment everything is kept.
    pub kept_at: Option<Timestamp>,
    /// The last proven restore.
    pub proven: Option<Proven>,
    /// The last failed backup, unless one succeeded since.
    pub failed: Option<BackupFailure>,
    /// The last failed proof, unless one succeeded since.
    pub unproven: Option<BackupFailure>,
}

/// A point of the backups that was restored and found whole.
#[derive(Clone, Debug)]
pub struct Proven {
    /// When.
    pub at: Timestamp,
    /// The point's id.
    pub point: String,
    /// The moment that the point keeps.
    pub point_at: Timestamp,
    /// Rows of all tables in it.
    pub rows: u64,
    /// Objects in it.
    pub objects: u64,
    /// Bytes of database and objects.
    pub bytes: u64,
    /// How long restoring and checking took, in milliseconds.
    pub took_ms: u64,
}

/// Why a backup or a proof failed.
#[derive(Clone, Debug)]
pub struct BackupFailure {
    /// When.
    pub at: Timestamp,
    /// The error's code.
    pub code: String,
    /// Its message.
    pub message: String,
}
