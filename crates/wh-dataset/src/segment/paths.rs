//! Where the objects of a dataset lie: always under the prefix of its tenant.
use uuid::Uuid;
use wh_contract::{DatasetId, TenantId};

/// Everything of all tenants.
pub const ROOT: &str = "tenants";

/// Everything of one dataset.
pub fn dataset_prefix(tenant: TenantId, dataset: DatasetId) -> String {
    format!("{ROOT}/{tenant}/datasets/{dataset}")
}

/// A segment of rows.
pub(crate) fn segment(tenant: TenantId, dataset: DatasetId, id: Uuid) -> String {
    format!("{}/{id}.parquet", dataset_prefix(tenant, dataset))
}

/// The bad lines of one import.
pub(crate) fn bad_lines(tenant: TenantId, dataset: DatasetId, id: Uuid) -> String {
    format!("{}/{id}.bad.ndjson", dataset_prefix(tenant, dataset))
}
