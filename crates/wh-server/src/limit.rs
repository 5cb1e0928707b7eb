//! How much of the server one class of operations may take, how often one sender may ask, and how much memory the bodies of
//! requests may take. Counts and times; knows no operation by name.
pub(crate) mod bodies;
pub mod cells;
pub(crate) mod overload;
pub mod pace;
pub(crate) mod rates;

pub(crate) use overload::{Class, Overload, Turn};
pub(crate) use pace::Pace;
pub(crate) use rates::{Rates, Tally};
