//! Identity: companies, people, roles, sessions, invitations, API keys. Says who somebody is; what they may do stands with each operation.
pub mod codes;
mod config;
mod http;
pub mod model;
mod service;
mod store;

use wh_contract::{IDENTITY_READ, IDENTITY_SELF, IDENTITY_TENANT, IDENTITY_WRITE};
use wh_db::{Migrations, migrations};
use wh_server::Module;

pub use config::{IdentityConfig, SECTION};
pub use service::{
    CompanyCount, CompanySeen, Identity, IdentityParts, company_counts, company_get, company_list,
};

/// The `identity_*` tables, all global.
pub const MIGRATIONS: Migrations = migrations!("identity":
    "0001_identity", "0002_api_keys", "0003_cli_login", "0004_api_key_vouched", "0005_api_key_made",
    "0006_ends", "0007_user_name_key");

/// The context, at work. The same [`Identity`] is the front door's authenticator and runs [`Identity::save_last_uses`].
pub fn module(identity: &Identity) -> Module {
    shape().extension(identity.clone())
}

/// The context as far as it can be described without a database: for the spec, the error table, the permission list.
pub fn shape() -> Module {
    Module::new("identity")
        .operations(http::operations)
        .migrations(MIGRATIONS)
        .permissions(&[&IDENTITY_SELF, &IDENTITY_READ, &IDENTITY_WRITE, &IDENTITY_TENANT])
        .errors(codes::ALL)
}
