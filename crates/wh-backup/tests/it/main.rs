//! What no run through the command line reaches: retention over weeks, and a log that begins anew between two looks.
mod follow;
mod retention;
