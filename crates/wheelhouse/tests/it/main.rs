//! The whole program as a user starts it: the real binary, both engines, over HTTP and signals.
mod cli;
mod crash;
mod doctor;
mod fuzz;
mod healthcheck;
mod house;
mod http;
mod imports;
mod logs;
mod malformed;
mod manual;
mod matrix;
mod operator;
mod property;
mod start;
mod wire;
