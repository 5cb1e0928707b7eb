//! What no run through the command line reaches: retention over weeks, a log that begins anew between two looks, each way to
//! write a place wrongly.
mod follow;
mod place;
mod prune;
mod restore;
mod retention;
mod status;
mod world;
