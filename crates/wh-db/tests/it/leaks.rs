//! The leak table: every way known to reach another tenant's rows, each a test, on both engines where both
//! can be asked. Tests through the public types; what only PostgreSQL can do wrong goes around them with a
//! bare connection.
mod attempts;
mod catalogue;
mod postgres;
mod text;
mod working;

use wh_base::{Error, Result};
use wh_contract::TenantId;
use wh_db::{MigrationFile, MigrationText, Migrations, Reads, Row, TenantTx, args};
use wh_testkit::engines::TestDb;

/// A parent, a child and a global table: enough to leak in every known way.
const TABLES: &str = "
CREATE TABLE leaks_item (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    slug text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, slug)
);
CREATE TABLE leaks_part (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    item_id uuid NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES leaks_item (tenant_id, id) ON DELETE CASCADE
);
-- class: global
CREATE TABLE leaks_person (
    id uuid NOT NULL PRIMARY KEY,
    name text NOT NULL
);
";

pub(crate) const LEAKS: &[Migrations] = &[Migrations {
    context: "leaks",
    files: &[MigrationFile { name: "0001_leaks", text: MigrationText::Portable(TABLES) }],
}];

pub(crate) const INSERT: &str = "INSERT INTO leaks_item (tenant_id, id, slug, n) VALUES ($1, $2, $3, $4)";
pub(crate) const ALL: &str = "SELECT tenant_id, id, slug, n FROM leaks_item ORDER BY slug";

/// A tenant with one item.
pub(crate) struct Owned {
    pub(crate) tenant: TenantId,
    pub(crate) item: uuid::Uuid,
}

/// Two tenants, A and B, each with the item `box` (n = 1) and one part of it.
pub(crate) async fn two(t: &TestDb) -> (Owned, Owned) {
    (owned(t, "box").await, owned(t, "box").await)
}

pub(crate) async fn owned(t: &TestDb, slug: &str) -> Owned {
    let owned = Owned { tenant: t.cx.next_id(), item: t.cx.next_id() };
    let mut tx = t.cx.db.begin(owned.tenant).await.unwrap();
    tx.run(INSERT, args![owned.tenant, owned.item, slug, 1]).await.unwrap();
    let part = "INSERT INTO leaks_part (tenant_id, id, item_id, name) VALUES ($1, $2, $3, 'lid')";
    tx.run(part, args![owned.tenant, t.cx.next_id::<uuid::Uuid>(), owned.item]).await.unwrap();
    tx.commit().await.unwrap();
    owned
}

/// What a tenant sees of its items: id and n.
pub(crate) async fn sees(t: &TestDb, tenant: TenantId) -> Vec<(uuid::Uuid, i64)> {
    let mut read = t.cx.db.read(tenant).await.unwrap();
    let rows = read.rows(ALL, args![]).await.unwrap();
    rows.iter().map(|row| (row.uuid("id").unwrap(), row.int("n").unwrap())).collect()
}

/// Run one change as a tenant and commit it.
pub(crate) async fn change(t: &TestDb, tenant: TenantId, sql: &str, args: &[wh_db::Value]) -> Result<u64> {
    let mut tx = t.cx.db.begin(tenant).await?;
    let touched = tx.run_count(sql, args).await?;
    tx.commit().await?;
    Ok(touched)
}

/// Ask one question as a tenant.
pub(crate) async fn ask(t: &TestDb, tenant: TenantId, sql: &str, args: &[wh_db::Value]) -> Result<Vec<Row>> {
    t.cx.db.read(tenant).await?.rows(sql, args).await
}

/// The code of an error, for tables of expectations.
pub(crate) fn code<T>(answer: Result<T>) -> &'static str {
    answer.map_or_else(|error: Error| error.code().code, |_| "ok")
}

pub(crate) async fn begin(t: &TestDb, tenant: TenantId) -> TenantTx {
    t.cx.db.begin(tenant).await.unwrap()
}
