//! Identity through its front door, on both databases: one binary, a module per thing a person does.
mod house;
mod invitations;
mod live;
mod members;
mod passwords;
mod rules;
mod sessions;
mod setup;
mod sign_in;
mod spec;
mod tenants;
mod trail;
