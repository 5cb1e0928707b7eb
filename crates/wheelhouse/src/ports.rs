//! What contexts ask of others, answered by calling the others' services. Ports read, they never write.
use std::path::PathBuf;

use async_trait::async_trait;
use wh_backup::Status;
use wh_base::{Result, codes};
use wh_contract::TenantId;
use wh_dataset::Datasets;
use wh_db::{Context, SystemDb};
use wh_identity::Identity;
use wh_identity::model::{INVITATIONS_PER_TENANT_MAX, MEMBERS_PER_TENANT_MAX};
use wh_panels::model::PANELS_PER_TENANT_MAX;
use wh_system::model::{BackupFailure, BackupState, Company, Proven, Used};
use wh_system::ports::{Backups, Companies, Usage};

/// Companies whose use is asked for at once, at most: a page and one more.
const COMPANIES_MAX: u32 = wh_server::page::PAGE_ROWS_MAX + 1;

/// Companies and the people in them.
pub struct People(pub Identity);

/// Panels.
pub struct Panels(pub SystemDb, pub Context);

/// Bytes on the object store.
pub struct Storage(pub Datasets, pub SystemDb, pub Context);

#[async_trait]
impl Companies for People {
    async fn companies(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<Company>> {
        let after = after.unwrap_or(TenantId(uuid::Uuid::nil()));
        let found = wh_identity::company_list(&self.0, after, limit).await?;
        let company = found.into_iter().map(|seen| Company {
            id: seen.tenant,
            name: seen.name,
            created_at: seen.created_at,
        });
        Ok(company.collect())
    }

    async fn company(&self, id: TenantId) -> Result<Option<Company>> {
        let found = wh_identity::company_get(&self.0, id).await?;
        Ok(found.map(|seen| Company { id: seen.tenant, name: seen.name, created_at: seen.created_at }))
    }
}

fn count(tenant: TenantId, what: &'static str, used: i64, limit: i64) -> Used {
    Used { tenant, what, unit: "count", used, limit: Some(limit) }
}

#[async_trait]
impl Usage for People {
    async fn used(&self, first: TenantId, last: TenantId) -> Result<Vec<Used>> {
        let counts = wh_identity::company_counts(&self.0, first, last).await?;
        let used = counts.into_iter().map(|found| match found.kind.as_str() {
            "members" => count(found.tenant, "members", found.count, MEMBERS_PER_TENANT_MAX),
            _ => count(found.tenant, "invitations", found.count, INVITATIONS_PER_TENANT_MAX),
        });
        Ok(used.collect())
    }

    async fn used_by(&self, tenant: TenantId) -> Result<Vec<Used>> {
        self.used(tenant, tenant).await
    }

    fn nothing(&self, tenant: TenantId) -> Vec<Used> {
        vec![
            count(tenant, "members", 0, MEMBERS_PER_TENANT_MAX),
            count(tenant, "invitations", 0, INVITATIONS_PER_TENANT_MAX),
        ]
    }
}

#[async_trait]
impl Usage for Panels {
    async fn used(&self, first: TenantId, last: TenantId) -> Result<Vec<Used>> {
        let counts = wh_panels::service::panel_counts(&self.0, first, last, COMPANIES_MAX).await?;
        Ok(counts.into_iter().map(|(tenant, n)| count(tenant, "panels", n, PANELS_PER_TENANT_MAX)).collect())
    }

    async fn used_by(&self, tenant: TenantId) -> Result<Vec<Used>> {
        let panels = wh_panels::service::panel_count(&self.1, tenant).await?;
        Ok(vec![count(tenant, "panels", panels, PANELS_PER_TENANT_MAX)])
    }

    fn nothing(&self, tenant: TenantId) -> Vec<Used> {
        vec![count(tenant, "panels", 0, PANELS_PER_TENANT_MAX)]
    }
}

impl Storage {
    fn bytes(tenant: TenantId, bytes: u64) -> Used {
        let used = i64::try_from(bytes).unwrap_or(i64::MAX);
        Used { tenant, what: "storage", unit: "bytes", used, limit: None }
    }
}

#[async_trait]
impl Usage for Storage {
    async fn used(&self, first: TenantId, last: TenantId) -> Result<Vec<Used>> {
        let stored = self.0.stored(&self.1, first, last, COMPANIES_MAX).await?;
        Ok(stored.into_iter().map(|(tenant, bytes)| Self::bytes(tenant, bytes)).collect())
    }

    async fn used_by(&self, tenant: TenantId) -> Result<Vec<Used>> {
        let stored = self.0.stored_by(&mut self.2.db.read(tenant).await?).await?;
        Ok(vec![Self::bytes(tenant, stored)])
    }

    fn nothing(&self, tenant: TenantId) -> Vec<Used> {
        vec![Self::bytes(tenant, 0)]
    }
}

/// The backups of this data folder.
pub struct OwnBackups {
    /// Where the server keeps them by itself.
    pub target: Option<String>,
    /// The data folder, in which their status lies.
    pub data: PathBuf,
}

#[async_trait]
impl Backups for OwnBackups {
    async fn state(&self) -> Result<BackupState> {
        let data = self.data.clone();
        let status = tokio::task::spawn_blocking(move || Status::read(&data))
            .await
            .map_err(|e| codes::INTERNAL.caused("the status of the backups was not read to its end", e))??;
        let failure = |found: wh_backup::Failure| {
            let wh_backup::Failure { at, code, message } = found;
            BackupFailure { at, code, message }
        };
        Ok(BackupState {
            target: self.target.clone(),
            kept_at: status.last_success.map(|success| success.at),
            proven: status.last_verified.map(|found| {
                let wh_backup::Verified { at, point, point_at, rows, objects, bytes, took_ms } = found;
                Proven { at, point, point_at, rows, objects, bytes, took_ms }
            }),
            failed: status.last_failure.map(failure),
            unproven: status.last_unproven.map(failure),
        })
    }
}
