//! How much of the server one class of operations may take. Counts and times; knows operations by their class only.
pub(crate) mod overload;
mod pace;

pub(crate) use overload::{Class, Overload, Turn};
pub(crate) use pace::Pace;
