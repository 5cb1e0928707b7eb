//! The words of the base through their public types.
mod config;
mod limits;
mod words;
