//! Panels through their front door, on both databases: one binary, a module per thing a person does.
mod activity;
mod appends;
mod failures;
mod house;
mod imports;
mod leases;
mod limits;
mod panels;
mod storage;
mod told;
mod trail;
mod upgrade;
mod walls;
