//! The companies of the installation and how many people they have: for its operator, through a port. Never a name of a person.
use wh_base::{Result, Timestamp};
use wh_contract::TenantId;

use super::Identity;
use crate::store;

/// How many of a kind a company has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyCount {
    /// Whose.
    pub tenant: TenantId,
    /// `members` or `invitations`.
    pub kind: String,
    /// How many.
    pub count: i64,
}

/// A company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanySeen {
    /// Its id.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// So many companies after this id, in the order of their ids.
pub async fn company_list(identity: &Identity, after: TenantId, limit: u32) -> Result<Vec<CompanySeen>> {
    let found = store::tenant_list(&mut identity.0.db.read().await?, after, limit).await?;
    Ok(found.into_iter().map(|(tenant, name, created_at)| CompanySeen { tenant, name, created_at }).collect())
}

/// How many members and open invitations the companies from `first` to `last` have.
pub async fn company_counts(
    identity: &Identity,
    first: TenantId,
    last: TenantId,
) -> Result<Vec<CompanyCount>> {
    let counts = store::tenant_counts(&mut identity.0.db.read().await?, first, last).await?;
    Ok(counts.into_iter().map(|(tenant, kind, count)| CompanyCount { tenant, kind, count }).collect())
}
