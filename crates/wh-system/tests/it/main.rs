//! The operator's view through the HTTP door, on both engines. What other contexts tell is asked in the binary's tests.
mod operator;
mod upgrade;
