//! The view engine: hot columns, filters, sorts and the JSON of a window. Knows no database and no object store.
//!
//! A dataset in memory is a list of chunks of 65,536 rows; each column of a chunk is an Arrow buffer of unsigned
//! codes, as narrow as the chunk allows, with 0 for an empty cell and otherwise in the order of the values (text:
//! a code into one dictionary per dataset). So each comparison is one range test on small integers, an empty cell
//! fails it by itself, and the loops over them are vectorised by the compiler.
mod cache;
mod column;
mod compile;
mod dictionary;
mod filter;
mod hot;
mod hot_builder;
mod kernel;
mod permutation;
mod query;
mod room;
mod scan;
mod slab;
mod sort_keys;
mod store;
mod top;
mod value;
mod view;
mod window;

pub use cache::SharedCache;
pub use filter::{Condition, Filter, Op};
pub use hot::Hot;
pub use hot_builder::HotBuilder;
pub use query::{SortKey, ViewQuery};
pub(crate) use room::{Gathered, Room};
pub(crate) use store::HotStore;
pub(crate) use view::{Engine, EngineLimits, Version, empty_window};
pub use window::Window;
