//! Cursor paging: what a list operation takes and gives. A cursor is opaque; it says after which row to go on.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use wh_base::Result;

use crate::codes;

/// Rows per page when nothing is asked for.
pub const PAGE_ROWS_DEFAULT: u32 = 50;
/// Rows per page at most.
pub const PAGE_ROWS_MAX: u32 = 200;
/// Bytes of a cursor at most.
const CURSOR_BYTES_MAX: usize = 1024;
/// Bytes of the check sum in front of the key.
const CHECK_BYTES: usize = 6;

/// The query parameters of every list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Where to go on: `next_cursor` of the page before
    #[param(min_length = 1, max_length = 1024)]
    pub cursor: Option<String>,
    /// Rows per page
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl Page {
    /// How many rows; asked for within 1 to [`PAGE_ROWS_MAX`].
    pub fn limit(&self) -> Result<u32> {
        limit(self.limit)
    }

    /// The sort key of the last row of the page before, as [`PageOf::new`] was given it. `list` is the operation's id: a
    /// cursor of one list is refused by another.
    pub fn after<K: DeserializeOwned>(&self, list: &str) -> Result<Option<K>> {
        self.cursor.as_deref().map(|cursor| read_cursor(list, cursor)).transpose()
    }
}

/// The rows to give for what was asked: the default, or 1 to [`PAGE_ROWS_MAX`].
pub fn limit(asked: Option<u32>) -> Result<u32> {
    match asked {
        None => Ok(PAGE_ROWS_DEFAULT),
        Some(rows @ 1..=PAGE_ROWS_MAX) => Ok(rows),
        Some(rows) => {
            let detail = format!("{rows} rows, not 1 to {PAGE_ROWS_MAX}");
            Err(codes::QUERY.error(detail.clone()).at("limit", detail))
        }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PageOf<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

impl<T> PageOf<T> {
    /// A page of the rows that were read. Read one more than `limit`: if it is there, there is a next page, which goes on
    /// after `key` of the last row given.
    pub fn new<K: Serialize>(
        list: &str,
        mut items: Vec<T>,
        limit: u32,
        key: impl Fn(&T) -> K,
    ) -> Result<Self> {
        let limit = limit as usize;
        if items.len() <= limit {
            return Ok(Self { items, next_cursor: None });
        }
        items.truncate(limit);
        let next_cursor = items.last().map(|last| write_cursor(list, &key(last))).transpose()?;
        Ok(Self { items, next_cursor })
    }

    /// The same page with each row translated.
    pub fn map<U>(self, translate: impl FnMut(T) -> U) -> PageOf<U> {
        PageOf { items: self.items.into_iter().map(translate).collect(), next_cursor: self.next_cursor }
    }
}

/// The check sum finds mistyped and foreign cursors. It is no proof of anything: a cursor opens no row that its reader
/// may not see, because the tenant comes from the session.
fn check(list: &str, key: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new().chain_update(list).chain_update([0]).chain_update(key).finalize();
    let mut out = [0; CHECK_BYTES];
    out.copy_from_slice(&digest[..CHECK_BYTES]);
    out
}

fn write_cursor<K: Serialize>(list: &str, key: &K) -> Result<String> {
    let key = serde_json::to_vec(key)
        .map_err(|e| wh_base::codes::INTERNAL.caused("a page's key does not serialise", e))?;
    Ok(URL_SAFE_NO_PAD.encode([&check(list, &key)[..], &key].concat()))
}

fn read_cursor<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K> {
    let refused =
        || codes::CURSOR.error("not a cursor of this list").at("cursor", "not a cursor of this list");
    if cursor.len() > CURSOR_BYTES_MAX {
        return Err(refused());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let (sum, key) = bytes.split_at_checked(CHECK_BYTES).ok_or_else(refused)?;
    if sum != check(list, key) {
        return Err(refused());
    }
    serde_json::from_slice(key).map_err(|_| refused())
}
