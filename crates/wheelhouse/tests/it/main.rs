//! The whole program as a user starts it: the real binary, both engines, over HTTP and signals.
mod cli;
mod crash;
mod fuzz;
mod house;
mod http;
mod malformed;
mod matrix;
mod property;
mod start;
mod wire;
