//! Tests of the tenancy kernel through its public types, on both engines.
mod leaks;
mod postgres;
