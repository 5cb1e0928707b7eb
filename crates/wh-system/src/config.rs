//! The `[system]` section: what a company may use for which the operator set nothing. Holds values; decides nothing.
use serde::Deserialize;
use wh_base::CompanyLimits;
use wh_base::config::{Holds, Key, Section};

use crate::model::STORAGE_BYTES_MAX;

/// No company has more panels or members, whatever is set.
const THINGS_MAX: i64 = 10_000;

/// The section as the operator sees it.
pub const SECTION: Section = Section {
    name: "system",
    doc: "What a company may use at most, also a new one, where the operator set nothing for it (`wheelhouse company-limits set`).",
    keys: &[
        Key::optional(
            "company_storage_bytes_max",
            Holds::Integer { min: 1, max: STORAGE_BYTES_MAX.cast_signed() },
            "Bytes of a company on the object store; without it there is no limit.",
        ),
        Key::optional(
            "company_panels_max",
            Holds::Integer { min: 1, max: THINGS_MAX },
            "Panels of a company; without it 10,000.",
        ),
        Key::optional(
            "company_members_max",
            Holds::Integer { min: 1, max: THINGS_MAX },
            "People and service accounts of a company; without it 10,000.",
        ),
    ],
};

/// The section, read. `Default` is the manual's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SystemConfig {
    /// Bytes on the object store.
    #[serde(rename = "company_storage_bytes_max")]
    pub storage_bytes: Option<u64>,
    /// Panels.
    #[serde(rename = "company_panels_max")]
    pub panels: Option<i64>,
    /// People and service accounts.
    #[serde(rename = "company_members_max")]
    pub members: Option<i64>,
}

impl SystemConfig {
    /// The limits of a company that has none of its own. Requests have theirs at the front door: `rate_tenant_per_min`.
    pub fn default_limits(&self) -> CompanyLimits {
        let Self { storage_bytes, panels, members } = *self;
        CompanyLimits { requests_per_min: None, storage_bytes, panels, members }
    }
}
