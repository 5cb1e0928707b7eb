//! The companies of the installation and how many people they have: for its operator, through a port. Never a name of a person.
use wh_base::{CompanyLimits, Error, Result, Timestamp};
use wh_contract::TenantId;

use super::Identity;
use crate::model::MEMBERS_PER_TENANT_MAX;
use crate::{codes, store};

/// How many members a company may have: what the operator of the installation set for it, but not more than any may have.
#[derive(Clone, Copy)]
pub(super) struct MembersMax(i64);

impl MembersMax {
    /// Asked for before a transaction is open.
    pub(super) async fn of(identity: &Identity, tenant: TenantId) -> Result<Self> {
        let CompanyLimits { members, .. } = identity.0.cx.limits.of(tenant).await?;
        Ok(Self(members.map_or(MEMBERS_PER_TENANT_MAX, |own| own.min(MEMBERS_PER_TENANT_MAX))))
    }

    /// Whether one more may come to so many.
    pub(super) fn has_room(self, members: i64) -> Result<()> {
        if members < self.0 { Ok(()) } else { Err(self.reached(members)) }
    }

    fn reached(self, members: i64) -> Error {
        let most = self.0;
        let whose = if most < MEMBERS_PER_TENANT_MAX {
            "the operator of the installation can raise the limit"
        } else {
            "no company can have more"
        };
        codes::MEMBER_LIMIT.error(format!("{members} of at most {most} members; {whose}"))
    }
}

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

/// One company.
pub async fn company_get(identity: &Identity, tenant: TenantId) -> Result<Option<CompanySeen>> {
    let found = store::tenant_get(&mut identity.0.db.read().await?, tenant).await?;
    Ok(found.map(|(name, created_at)| CompanySeen { tenant, name, created_at }))
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
