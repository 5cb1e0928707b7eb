//! Answers a query on a dataset in memory: picks the cheapest way to the rows, and the thread to walk it on.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use uuid::Uuid;
use wh_base::{Result, Served};

use super::cache::SharedCache;
use super::compile::{Bound, Rule, Typed};
use super::hot::{Hot, HotData};
use super::permutation::{Order, permutation};
use super::query::{Plan, ViewQuery};
use super::scan::{InOrder, OnlyCount, scan};
use super::slab::slab;
use super::sort_keys::Keys;
use super::top::Top;
use super::window::{self, Head, WINDOW_BYTES_INLINE, WINDOW_BYTES_MAX, Window};
use crate::codes;

/// Windows that end before this row of a sort are found by one pass; later ones by a permutation that is kept.
const TOP_ROWS_MAX: u64 = 2_048;
/// Rows of a dataset whose views are sorted whole, which takes 112 MiB at most while it is done; of a larger one only
/// the rows about the window are brought into order.
const PERMUTATION_ROWS_MAX: u64 = 4_194_304;
/// Rows that are then brought into order together, and kept together.
const SLAB_ROWS: u64 = 65_536;
/// Cells one pass may touch on the thread of the request: about two milliseconds.
const INLINE_CELLS_MAX: usize = 8_000_000;
/// Cells that one byte of a dictionary counts for.
const TEXT_BYTES_PER_CELL: usize = 4;
/// Cells that ranking one text counts for.
const RANK_CELLS: usize = 100;
/// Views that may wait for a thread.
const VIEWS_WAITING_MAX: usize = 1_000;

/// How much views may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EngineLimits {
    pub(crate) order_bytes_max: u64,
    pub(crate) window_bytes_max: u64,
    pub(crate) threads: usize,
}

/// Views of all datasets.
pub(crate) struct Engine {
    /// Whole orders by what they are of; slabs of orders by their number before it.
    orders: SharedCache<(Uuid, String), Arc<Order>>,
    order_bytes_max: u64,
    windows: SharedCache<(Uuid, String), Window>,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A version in memory.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) id: Uuid,
    pub(crate) number: u64,
    pub(crate) hot: Hot,
}

/// The rows of a window and how many pass in all.
struct Found {
    rows: Vec<u32>,
    count: u64,
}

impl Engine {
    pub(crate) fn new(limits: EngineLimits) -> Self {
        Self {
            orders: SharedCache::new(limits.order_bytes_max),
            order_bytes_max: limits.order_bytes_max,
            windows: SharedCache::new(limits.window_bytes_max),
            threads: Arc::new(Semaphore::new(limits.threads)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A window that was asked for before.
    pub(crate) fn known(&self, version: Uuid, query: &str) -> Option<Window> {
        self.windows.get(&(version, query.to_owned()))
    }

    /// Drops what is kept for versions that nobody reads.
    pub(crate) fn prune(&self, read: impl Fn(Uuid) -> bool) {
        self.orders.retain(|(version, _)| read(*version));
        self.windows.retain(|(version, _)| read(*version));
        metrics::gauge!("dataset_orders").set(self.orders.len() as f64);
    }

    /// Answers a query. `key` is its text, by which the answer is kept.
    pub(crate) async fn window(&self, version: Version, query: &ViewQuery, key: String) -> Result<Window> {
        let plan = Plan::new(query, version.hot.schema())?;
        let head = Head {
            version: version.number,
            count: version.hot.rows(),
            total: version.hot.rows(),
            offset: plan.offset,
        };
        let columns = plan.columns.clone();
        let found = self.find(&version, plan).await?;
        let head = Head { count: found.count, ..head };
        let hot = version.hot.data();
        let window = match window::write(hot, head, &columns, &found.rows, WINDOW_BYTES_INLINE) {
            Some(window) => window,
            None => self.large(&version, head, columns, found).await?,
        };
        let bytes = (window.json.len() + key.len() + 256) as u64;
        self.windows.put((version.id, key), window.clone(), bytes);
        Ok(window)
    }

    /// A window with so much text that writing it would hold up others.
    async fn large(
        &self,
        version: &Version,
        head: Head,
        columns: Vec<usize>,
        found: Found,
    ) -> Result<Window> {
        let hot = version.hot.clone();
        let write = move || window::write(hot.data(), head, &columns, &found.rows, WINDOW_BYTES_MAX);
        self.on_thread(write).await?.ok_or_else(|| {
            let detail = format!("these rows are more than {} MiB of text", WINDOW_BYTES_MAX >> 20);
            codes::WINDOW.error(detail.clone()).at("limit", detail)
        })
    }

    async fn find(&self, version: &Version, mut plan: Plan) -> Result<Found> {
        let total = version.hot.rows();
        if plan.offset >= total {
            plan.limit = 0;
        }
        if plan.rule.is_none() && (plan.sort.is_empty() || plan.limit == 0) {
            return Ok(Found { rows: straight(total, plan.offset, plan.limit), count: total });
        }
        let key = (version.id, plan.order_key.clone());
        if let Some(known) = self.orders.get(&key) {
            let rows = known.window(plan.offset, plan.limit).to_vec();
            return Ok(Found { rows, count: known.count });
        }
        let last = plan.offset.saturating_add(plan.limit as u64);
        // Without a sort, any window is found by one pass that sorts nothing.
        if last > TOP_ROWS_MAX && plan.limit > 0 && !plan.sort.is_empty() {
            if total > PERMUTATION_ROWS_MAX || Order::bytes(total) > self.order_bytes_max {
                return self.slabs(version, plan).await;
            }
            let (offset, limit) = (plan.offset, plan.limit);
            let hot = version.hot.clone();
            let make = || self.on_thread(move || Arc::new(every(hot.data(), plan)));
            let order = self.orders.get_or_make(key, kept_bytes, make).await?;
            return Ok(Found { rows: order.window(offset, limit).to_vec(), count: order.count });
        }
        let hot = version.hot.clone();
        if cost(hot.data(), &plan) <= INLINE_CELLS_MAX {
            return Ok(first(hot.data(), plan));
        }
        self.on_thread(move || first(hot.data(), plan)).await
    }

    /// A window far down the sort of a large dataset.
    async fn slabs(&self, version: &Version, plan: Plan) -> Result<Found> {
        let plan = Arc::new(plan);
        let end = plan.offset.saturating_add(plan.limit as u64);
        let mut found = Found { rows: Vec::with_capacity(plan.limit), count: 0 };
        for number in plan.offset / SLAB_ROWS..end.div_ceil(SLAB_ROWS) {
            let slab = self.slab(version, &plan, number).await?;
            let (offset, left) = (plan.offset + found.rows.len() as u64, plan.limit - found.rows.len());
            found.rows.extend_from_slice(slab.window(offset, left));
            found.count = slab.count;
            if slab.count <= slab.from + SLAB_ROWS {
                break;
            }
        }
        Ok(found)
    }

    async fn slab(&self, version: &Version, plan: &Arc<Plan>, number: u64) -> Result<Arc<Order>> {
        let key = (version.id, format!("{number}:{}", plan.order_key));
        let (hot, plan) = (version.hot.clone(), Arc::clone(plan));
        let make = || {
            self.on_thread(move || {
                let rule = plan.rule.clone().map(|rule| rule.bind(hot.data()));
                let from = number * SLAB_ROWS;
                Arc::new(slab(hot.data(), rule.as_ref(), &plan.sort, from, SLAB_ROWS as usize))
            })
        };
        self.orders.get_or_make(key, kept_bytes, make).await
    }

    /// Runs what takes longer than a request may hold its thread, on as many threads as are meant for it.
    async fn on_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let waiting = Waiting::enter(&self.waiting)?;
        let permit = Arc::clone(&self.threads).acquire_owned().await;
        drop(waiting);
        let permit =
            permit.map_err(|error| codes::LOAD_STOPPED.caused("the view engine is closed", error))?;
        let work = tokio::task::spawn_blocking(Served::carried(move || {
            let _permit = permit;
            work()
        }));
        work.await.map_err(|error| codes::LOAD_STOPPED.caused("a view stopped", error))
    }
}

/// A window of a dataset that has no rows and no columns yet, whatever is asked for within the limits.
pub(crate) fn empty_window(query: &ViewQuery) -> Result<Window> {
    super::query::check(query)?;
    Ok(window::empty(Head { version: 0, count: 0, total: 0, offset: query.offset }))
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(counter: &'a AtomicUsize) -> Result<Self> {
        let waiting = Self(counter);
        if counter.fetch_add(1, Ordering::Relaxed) >= VIEWS_WAITING_MAX {
            return Err(codes::VIEWS_BUSY.error("too many views wait for a thread").retry_after(1));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The rows of a window of all rows in their own order.
fn straight(total: u64, offset: u64, limit: usize) -> Vec<u32> {
    let from = offset.min(total);
    let to = from.saturating_add(limit as u64).min(total);
    (from as u32..to as u32).collect()
}

/// What an order takes, with what its list has room for beyond its rows.
fn kept_bytes(order: &Arc<Order>) -> u64 {
    Order::bytes(order.rows.capacity() as u64)
}

/// The first rows of a view and the count, in one pass.
fn first(hot: &HotData, plan: Plan) -> Found {
    let rule = plan.rule.map(|rule| rule.bind(hot));
    if plan.limit == 0 {
        return Found { rows: Vec::new(), count: scan(hot, rule.as_ref(), &mut OnlyCount) };
    }
    if plan.sort.is_empty() {
        let mut window = InOrder::new(plan.offset, plan.limit);
        let count = scan(hot, rule.as_ref(), &mut window);
        return Found { rows: window.rows, count };
    }
    let keys = Keys::new(hot, &plan.sort);
    let mut top = Top::new(hot, &keys, plan.offset as usize + plan.limit);
    let count = scan(hot, rule.as_ref(), &mut top);
    let mut rows = top.finish();
    rows.drain(..rows.len().min(plan.offset as usize));
    Found { rows, count }
}

/// All rows of a view in its order.
fn every(hot: &HotData, plan: Plan) -> Order {
    let rule: Option<Rule<Bound>> = plan.rule.map(|rule| rule.bind(hot));
    let rows = permutation(hot, rule.as_ref(), &plan.sort);
    Order { from: 0, count: rows.len() as u64, rows }
}

/// What one pass touches, in cells.
fn cost(hot: &HotData, plan: &Plan) -> usize {
    let texts = plan.rule.as_ref().map_or(0, |rule| text_bytes(hot, rule));
    let conditions = plan.rule.as_ref().map_or(0, Rule::conditions);
    let unranked = plan.sort.iter().filter_map(|(place, _)| hot.dictionary(*place));
    let unranked: usize = unranked
        .filter(|dictionary| !dictionary.ordered() && !dictionary.ranked())
        .map(super::dictionary::Dictionary::len)
        .sum();
    hot.rows * (conditions + plan.sort.len()) + texts / TEXT_BYTES_PER_CELL + unranked * RANK_CELLS
}

/// The bytes of text that a rule looks through before it looks at rows.
fn text_bytes(hot: &HotData, rule: &Rule<Typed>) -> usize {
    match rule {
        Rule::All(parts) | Rule::Any(parts) => parts.iter().map(|part| text_bytes(hot, part)).sum(),
        Rule::Not(part) => text_bytes(hot, part),
        Rule::Test { test: Typed::Contains(_) | Typed::Starts(_) | Typed::Ends(_), column, .. } => {
            hot.dictionary(*column).map_or(0, super::dictionary::Dictionary::text_bytes)
        }
        Rule::Test { .. } => 0,
    }
}
