//! How much of the server one class of operations may take, and how often one sender may ask. Counts and times; knows no
//! operation by name.
pub mod cells;
pub(crate) mod overload;
pub mod pace;
pub(crate) mod rates;

pub(crate) use overload::{Class, Overload};
pub(crate) use pace::Pace;
pub(crate) use rates::{Rates, Tally};
