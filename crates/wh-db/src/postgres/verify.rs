//! The database as it is, held against what tenancy needs: refused at start rather than leaking at run time.
//! Reads catalogs only.
use tokio_postgres::Client;
use wh_base::Result;

use super::connect::SCHEMA;
use super::errors;
use crate::codes;

/// The names of the four logins, as the URLs give them.
#[derive(Clone, Debug)]
pub(crate) struct Logins {
    pub(super) owner: String,
    pub(super) app: String,
    pub(super) id: String,
    pub(super) sys: String,
}

impl Logins {
    fn all(&self) -> Vec<&str> {
        vec![&self.owner, &self.app, &self.id, &self.sys]
    }

    fn serving(&self) -> Vec<&str> {
        vec![&self.app, &self.id, &self.sys]
    }
}

/// One thing that must not be: the sentence for the operator and the query that finds it by name.
struct Flaw {
    sentence: &'static str,
    sql: &'static str,
    who: Who,
}

/// Which logins a query is about: its `$1`. `$2` is the schema.
enum Who {
    All,
    Serving,
    App,
}

const FLAWS: &[Flaw] = &[
    Flaw {
        sentence: "this login is a superuser or bypasses row security",
        sql: "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) AND (rolsuper OR rolbypassrls) AND $2 <> ''",
        who: Who::All,
    },
    Flaw {
        sentence: "this login may become another of the four",
        sql: "SELECT a.rolname::text FROM pg_roles a, pg_roles b WHERE a.rolname = ANY($1) AND b.rolname = ANY($1) \
              AND a.oid <> b.oid AND pg_has_role(a.oid, b.oid, 'MEMBER') AND $2 <> ''",
        who: Who::All,
    },
    Flaw {
        sentence: "this login may make temporary tables, which would stand before the real ones",
        sql: "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) \
              AND has_database_privilege(oid, current_database(), 'TEMP') AND $2 <> ''",
        who: Who::Serving,
    },
    Flaw {
        sentence: "this relation belongs to a login that serves requests",
        sql: "SELECT c.relname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner \
              WHERE r.rolname = ANY($1) AND $2 <> ''",
        who: Who::Serving,
    },
    Flaw {
        sentence: "this table is open to tenants without forced row security",
        sql: "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r \
              WHERE n.nspname = $2 AND r.rolname = ANY($1) AND c.relkind IN ('r', 'p', 'f') \
              AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE') \
              AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
        who: Who::App,
    },
    Flaw {
        sentence: "this table has a policy that is not the tenant's",
        sql: "SELECT c.relname::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid \
              JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r \
              WHERE n.nspname = $2 AND r.rolname = ANY($1) AND p.polpermissive \
              AND EXISTS (SELECT 1 FROM unnest(p.polroles) AS u(role) WHERE u.role = 0 OR pg_has_role(r.oid, u.role, 'MEMBER')) \
              AND (p.polname <> 'tenant' OR p.polcmd <> '*' \
                   OR coalesce(pg_get_expr(p.polqual, p.polrelid), '') NOT LIKE '(tenant_id = ( SELECT %app.tenant_id%' \
                   OR coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') NOT LIKE '(tenant_id = ( SELECT %app.tenant_id%')",
        who: Who::App,
    },
    Flaw {
        sentence: "this view does not run with its caller's rights (WITH (security_invoker = true))",
        sql: "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r \
              WHERE n.nspname = $2 AND r.rolname = ANY($1) AND c.relkind = 'v' \
              AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE') \
              AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false)",
        who: Who::Serving,
    },
    Flaw {
        sentence: "this materialized view is open to tenants, and such views carry no row security",
        sql: "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r \
              WHERE n.nspname = $2 AND r.rolname = ANY($1) AND c.relkind = 'm' AND has_table_privilege(r.oid, c.oid, 'SELECT')",
        who: Who::Serving,
    },
    Flaw {
        sentence: "this function runs with its owner's rights (SECURITY DEFINER)",
        sql: "SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, pg_roles r \
              WHERE n.nspname = $2 AND r.rolname = ANY($1) AND p.prosecdef AND has_function_privilege(r.oid, p.oid, 'EXECUTE')",
        who: Who::Serving,
    },
    Flaw {
        sentence: "this table may be truncated, referenced or given triggers by a login that serves requests",
        sql: "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r \
              WHERE n.nspname = $2 AND r.rolname = ANY($1) AND c.relkind IN ('r', 'p') \
              AND has_table_privilege(r.oid, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')",
        who: Who::Serving,
    },
    Flaw {
        sentence: "this foreign key does not carry the tenant, and foreign keys are checked without row security",
        sql: "SELECT k.conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
              JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = $2 AND $1::text[] IS NOT NULL AND k.contype = 'f' \
              AND c.relforcerowsecurity AND f.relforcerowsecurity AND NOT EXISTS ( \
                SELECT 1 FROM unnest(k.conkey, k.confkey) AS pair(mine, theirs) \
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = pair.mine AND a.attname = 'tenant_id' \
                JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = pair.theirs AND b.attname = 'tenant_id')",
        who: Who::App,
    },
    Flaw {
        sentence: "this unique index spans tenants and would tell one what another has",
        sql: "SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
              JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = $2 AND $1::text[] IS NOT NULL AND x.indisunique AND c.relforcerowsecurity \
              AND c.relname NOT LIKE 'kernel\\_%' AND NOT EXISTS ( \
                SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnum = ANY(x.indkey))",
        who: Who::App,
    },
];

/// Refuse a database in which a tenant could see another's rows.
pub(super) async fn verify(owner: &Client, logins: &Logins) -> Result<()> {
    match flaws(owner, logins).await?.into_iter().next() {
        Some(first) => Err(codes::SETUP.error(first)),
        None => Ok(()),
    }
}

/// Everything by which a tenant could see another's rows: the name, and what is wrong with it.
pub(super) async fn flaws(owner: &Client, logins: &Logins) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for flaw in FLAWS {
        let who = match flaw.who {
            Who::All => logins.all(),
            Who::Serving => logins.serving(),
            Who::App => vec![logins.app.as_str()],
        };
        let found = owner.query(flaw.sql, &[&who, &SCHEMA]).await.map_err(errors::translate)?;
        all.extend(found.iter().map(|row| format!("{}: {}", row.get::<_, String>(0), flaw.sentence)));
    }
    Ok(all)
}
