//! Identity through its front door, on both databases: one binary, a module per thing a person does.
mod bearer;
mod house;
mod invitations;
mod key_limits;
mod key_live;
mod keys;
mod live;
mod members;
mod passwords;
mod rules;
mod service_accounts;
mod sessions;
mod setup;
mod sign_in;
mod spec;
mod tenants;
mod trail;
