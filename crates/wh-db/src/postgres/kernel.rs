//! The kernel's own tables on PostgreSQL, their walls and rights. Written once per database; knows no
//! context.
use super::verify::Logins;

/// The tenant of the transaction, or null: without one no row matches. In a sub-select, so that it is asked
/// once per statement; `nullif`, because after a transaction the setting is empty, not unset.
const CURRENT_TENANT: &str = "(SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)";

/// Forced row security, the tenant's policy and the system login's. No policy names the app login: one that
/// did could be applied wrongly when a plan is kept across roles (CVE-2023-2455).
pub(super) fn tenant_walls(table: &str, sys: &str) -> String {
    format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
         ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
         CREATE POLICY tenant ON {table} USING (tenant_id = {CURRENT_TENANT}) WITH CHECK (tenant_id = {CURRENT_TENANT});
         CREATE POLICY sys ON {table} TO {sys} USING (true) WITH CHECK (true);"
    )
}

/// The kernel's schema, oldest first; only ever added to.
pub(super) fn migrations(logins: &Logins) -> [(&'static str, String); 5] {
    [
        ("0001_kernel", first(logins)),
        ("0002_audit_key", audit_key(logins)),
        ("0003_idempotency_mark", idempotency_mark(logins)),
        ("0004_installation", installation(logins)),
        ("0005_node", node(logins)),
    ]
}

/// Their names.
pub(crate) fn names() -> Vec<&'static str> {
    let none = String::new;
    let nobody = Logins { owner: none(), app: none(), id: none(), sys: none() };
    migrations(&nobody).into_iter().map(|(name, _)| name).collect()
}

const TABLES: &str = r#"
CREATE TABLE kernel_migration (
    context text NOT NULL, name text NOT NULL, checksum text NOT NULL, at bigint NOT NULL, PRIMARY KEY (context, name));
CREATE TABLE kernel_outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    tenant_id uuid NOT NULL, id uuid NOT NULL, kind text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL,
    at bigint NOT NULL, data jsonb NOT NULL);
CREATE INDEX kernel_outbox_order ON kernel_outbox (xid, seq);
CREATE TABLE kernel_stream (
    ordinal bigint PRIMARY KEY, tenant_id uuid NOT NULL, position bigint NOT NULL, seq bigint NOT NULL);
CREATE UNIQUE INDEX kernel_stream_position ON kernel_stream (tenant_id, position);
CREATE TABLE kernel_position (tenant_id uuid PRIMARY KEY, position bigint NOT NULL);
CREATE TABLE kernel_cursor (
    name text COLLATE "C" PRIMARY KEY, xid bigint NOT NULL, seq bigint NOT NULL, ordinal bigint NOT NULL);
INSERT INTO kernel_cursor VALUES ('stream', 0, 0, 0), ('reactions', 0, 0, 0);
CREATE TABLE kernel_parked (
    ordinal bigint NOT NULL, reaction text COLLATE "C" NOT NULL, tenant_id uuid NOT NULL, position bigint NOT NULL,
    id uuid NOT NULL, kind text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL, at bigint NOT NULL,
    data jsonb NOT NULL, state text COLLATE "C" NOT NULL, attempts bigint NOT NULL, next_at bigint NOT NULL,
    reason text COLLATE "C", PRIMARY KEY (ordinal, reaction));
CREATE INDEX kernel_parked_order ON kernel_parked (tenant_id, reaction, ordinal) WHERE state = 'waiting';
CREATE INDEX kernel_parked_due ON kernel_parked (state, next_at);
CREATE TABLE kernel_audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, at bigint NOT NULL,
    action text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL, before jsonb, after jsonb, user_id uuid,
    session_id uuid, address text COLLATE "C", request_id uuid NOT NULL);
CREATE INDEX kernel_audit_tenant ON kernel_audit (tenant_id, seq);
CREATE TABLE kernel_system_use (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, reason text COLLATE "C" NOT NULL);
CREATE TABLE kernel_idempotency (
    tenant_id uuid NOT NULL, key text COLLATE "C" NOT NULL, fingerprint bytea NOT NULL, run uuid NOT NULL,
    created_at bigint NOT NULL, status bigint, headers text COLLATE "C", body bytea, PRIMARY KEY (tenant_id, key));
CREATE INDEX kernel_idempotency_age ON kernel_idempotency (created_at);
"#;

/// Rows of one tenant each; the others are the kernel's alone.
const TENANT_TABLES: [&str; 6] = [
    "kernel_outbox",
    "kernel_stream",
    "kernel_position",
    "kernel_parked",
    "kernel_audit",
    "kernel_idempotency",
];

/// Tables, walls, and to each login no more than it needs: nobody who serves may change or remove a line of
/// the audit trail, or give an event another place.
fn first(logins: &Logins) -> String {
    let Logins { app, id, sys, .. } = logins;
    let mut text = TABLES.to_owned();
    for table in TENANT_TABLES {
        text.push_str(&tenant_walls(table, sys));
    }
    let outbox = "tenant_id, id, kind, subject, at, data";
    let audit = "tenant_id, at, action, subject, before, after, user_id, session_id, address, request_id";
    text.push_str(&format!(
        "GRANT INSERT ({outbox}) ON kernel_outbox TO {app}, {id}, {sys};
         GRANT INSERT ({audit}) ON kernel_audit TO {app}, {id}, {sys};
         GRANT SELECT ON kernel_outbox, kernel_stream, kernel_position, kernel_audit TO {app};
         GRANT SELECT, INSERT, UPDATE, DELETE ON kernel_idempotency TO {app};
         GRANT SELECT, DELETE ON kernel_outbox, kernel_idempotency TO {sys};
         GRANT SELECT, INSERT, UPDATE, DELETE ON kernel_stream, kernel_position, kernel_cursor, kernel_parked TO {sys};
         GRANT SELECT ON kernel_audit TO {sys};
         GRANT SELECT, INSERT ON kernel_system_use TO {sys}"
    ));
    text
}

/// Who acted by an API key is in the trail with the key.
fn audit_key(logins: &Logins) -> String {
    let Logins { app, id, sys, .. } = logins;
    format!(
        "ALTER TABLE kernel_audit ADD COLUMN key_id uuid;
         GRANT INSERT (key_id) ON kernel_audit TO {app}, {id}, {sys}"
    )
}

/// A change marks the key that it was made under, whichever login it goes through. The id login sees of these rows no more than
/// what names them, and neither of the two writes an answer.
fn idempotency_mark(logins: &Logins) -> String {
    let Logins { id, sys, .. } = logins;
    format!(
        "GRANT SELECT (tenant_id, key, run) ON kernel_idempotency TO {id};
         GRANT UPDATE (status) ON kernel_idempotency TO {id}, {sys}"
    )
}

/// Whose this database is: made once, and kept by every dump and restore. The store of its objects is marked with the same. The table may be
/// there already, where somebody put an archive of an older build over a newer one by hand: it brings its own ledger and removes no other table.
fn installation(logins: &Logins) -> String {
    let sys = &logins.sys;
    format!(
        "CREATE TABLE IF NOT EXISTS kernel_installation (one bigint PRIMARY KEY CHECK (one = 1), id uuid NOT NULL);
         INSERT INTO kernel_installation (one, id) VALUES (1, gen_random_uuid()) ON CONFLICT (one) DO NOTHING;
         GRANT SELECT ON kernel_installation TO {sys}"
    )
}

/// The processes that serve the installation now, each a row that it writes every few seconds. Unlogged: a beat costs no write-ahead
/// log and no wait for the disk, it goes to no replica and into no copy of the server's files, and after a crash of the server the
/// table is empty until the next beats. Without a further index, so that a beat changes its row in place. On SQLite there is no such
/// table: one process alone can serve a file.
fn node(logins: &Logins) -> String {
    let Logins { sys, .. } = logins;
    format!(
        "CREATE UNLOGGED TABLE IF NOT EXISTS kernel_node (
             id uuid PRIMARY KEY, place uuid NOT NULL, seen_at bigint NOT NULL, about jsonb NOT NULL);
         GRANT SELECT, INSERT, UPDATE, DELETE ON kernel_node TO {sys}"
    )
}
