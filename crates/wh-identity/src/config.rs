//! The `[identity]` section: how strong passwords are kept and how long sessions and links live. No secrets.
use serde::Deserialize;
use wh_base::config::{Holds, Key, Section, about};
use wh_base::{Error, Result, codes};
use wh_contract::TenantId;

use crate::model::TENANTS_PER_USER_MAX;

/// Seconds in a day.
const DAY_S: i64 = 86_400;

/// The section as the operator sees it.
pub const SECTION: Section = Section {
    name: "identity",
    doc: "Sign-in: passwords, sessions, links, API keys.",
    keys: &[
        Key::new(
            "password_length_min",
            Holds::Integer { min: 8, max: 64 },
            "12",
            "The least number of characters in a new password.",
        ),
        Key::new(
            "password_memory_kib",
            Holds::Integer { min: 7_168, max: 1_048_576 },
            "47104",
            "Argon2id memory per password check, in KiB. Together with the passes not below OWASP's minimum.",
        ),
        Key::new(
            "password_passes",
            Holds::Integer { min: 1, max: 20 },
            "1",
            "Argon2id passes over that memory.",
        ),
        Key::new(
            "session_idle_s",
            // Uses are written down once a minute, and another node's sweep sees them later still.
            Holds::Integer { min: 300, max: DAY_S },
            "1800",
            "A session that is not used for so long ends, in seconds.",
        ),
        Key::new(
            "session_absolute_s",
            Holds::Integer { min: 300, max: 30 * DAY_S },
            "43200",
            "A session ends after so long in any case, in seconds.",
        ),
        Key::new(
            "invitation_valid_s",
            Holds::Integer { min: 300, max: 30 * DAY_S },
            "604800",
            "An invitation link works for so long, in seconds.",
        ),
        Key::new(
            "setup_link_valid_s",
            Holds::Integer { min: 60, max: DAY_S },
            "3600",
            "The setup link works for so long, in seconds.",
        ),
        Key::optional(
            "operator_company",
            Holds::Id,
            "Id of the company whose owners operate the installation (see /admin); without it the first company.",
        ),
        Key::new(
            "api_key_days_max",
            Holds::Integer { min: 1, max: 3_650 },
            "365",
            "An API key lives at most so many days; 90 where nothing is said and this is not less.",
        ),
        Key::new(
            "companies_per_person_max",
            Holds::Integer { min: 1, max: TENANTS_PER_USER_MAX },
            "100",
            "Who belongs to so many companies makes no further one; owners of the operator's company may.",
        ),
    ],
};

/// The section, read. `Default` is the manual's.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// The least number of characters in a new password.
    pub password_length_min: usize,
    /// Argon2id memory, in KiB.
    pub password_memory_kib: u32,
    /// Argon2id passes.
    pub password_passes: u32,
    /// Idle end of a session, in seconds.
    pub session_idle_s: i64,
    /// Absolute end of a session, in seconds.
    pub session_absolute_s: i64,
    /// Life of an invitation, in seconds.
    pub invitation_valid_s: i64,
    /// Life of a setup link, in seconds.
    pub setup_link_valid_s: i64,
    /// The company whose owners operate the installation; without it the first one.
    pub operator_company: Option<TenantId>,
    /// Longest life of an API key, in days.
    pub api_key_days_max: u32,
    /// Who belongs to so many companies makes no further one.
    pub companies_per_person_max: i64,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            password_length_min: 12,
            password_memory_kib: 47_104,
            password_passes: 1,
            session_idle_s: 1_800,
            session_absolute_s: 43_200,
            invitation_valid_s: 7 * DAY_S,
            setup_link_valid_s: 3_600,
            operator_company: None,
            api_key_days_max: 365,
            companies_per_person_max: TENANTS_PER_USER_MAX,
        }
    }
}

/// OWASP's equivalent minima of Argon2id with one lane: passes and the least memory in KiB that go together.
const ARGON2_MINIMA: &[(u32, u32)] = &[(1, 47_104), (2, 19_456), (3, 12_288), (4, 9_216), (5, 7_168)];

impl IdentityConfig {
    /// Refuses values below the floors, which no operator may cross.
    pub fn checked(self) -> Result<Self> {
        match self.check().into_iter().next() {
            None => Ok(self),
            Some(error) => Err(error),
        }
    }

    /// The values below the floors, each with its keys.
    pub fn check(&self) -> Vec<Error> {
        let least = ARGON2_MINIMA
            .iter()
            .rev()
            .find(|(passes, _)| self.password_passes >= *passes)
            .map_or(u32::MAX, |(_, memory_kib)| *memory_kib);
        let mut found = Vec::new();
        if self.password_memory_kib < least {
            let (passes, has) = (self.password_passes, self.password_memory_kib);
            found.push(wrong(
                &format!("password_memory_kib must be at least {least} with {passes} passes, not {has}"),
                &["identity.password_memory_kib", "identity.password_passes"],
            ));
        }
        if self.password_length_min < 8 {
            found.push(wrong("password_length_min must be at least 8", &["identity.password_length_min"]));
        }
        if self.session_idle_s > self.session_absolute_s {
            found.push(wrong(
                "session_idle_s must not be above session_absolute_s",
                &["identity.session_idle_s", "identity.session_absolute_s"],
            ));
        }
        found
    }
}

fn wrong(message: &str, keys: &[&str]) -> Error {
    about(codes::CONFIG.error(format!("section [identity]: {message}")), keys)
}
