//! What the operator's view asks of other contexts. Ports read, they never write.
use async_trait::async_trait;
use wh_base::Result;
use wh_contract::TenantId;

use crate::model::{BackupState, Company, Used};

/// Knows the companies.
#[async_trait]
pub trait Companies: Send + Sync {
    /// So many companies in the order of their ids, after this one.
    async fn companies(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<Company>>;

    /// One of them, if there is such a company.
    async fn company(&self, id: TenantId) -> Result<Option<Company>>;
}

/// Knows what companies have of its things. Each context that holds some answers.
#[async_trait]
pub trait Usage: Send + Sync {
    /// What the companies from `first` to `last` have, both included. A company that has nothing may be left out; what it
    /// may have is then told by [`Usage::nothing`].
    async fn used(&self, first: TenantId, last: TenantId) -> Result<Vec<Used>>;

    /// What one company has, for its own people: read with its rights alone.
    async fn used_by(&self, tenant: TenantId) -> Result<Vec<Used>>;

    /// What a company has that has nothing: every kind of thing with its limit.
    fn nothing(&self, tenant: TenantId) -> Vec<Used>;
}

/// Knows the backups of the installation.
#[async_trait]
pub trait Backups: Send + Sync {
    /// How they stand.
    async fn state(&self) -> Result<BackupState>;
}
