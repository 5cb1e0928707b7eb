//! The words of the dialect: which keywords may stand before a parenthesis, which functions exist on both engines, which names
//! nobody may say. Lists only.

/// Keywords that may stand before a parenthesis without being a function.
pub(super) const BEFORE_PARENTHESIS: &[&str] = &[
    "all", "and", "any", "as", "between", "by", "case", "conflict", "distinct", "do", "else", "escape", "except", "exists",
    "filter", "from", "group", "having", "in", "intersect", "is", "join", "like", "limit", "materialized", "not", "offset", "on",
    "or", "order", "over", "returning", "select", "set", "then", "union", "using", "values", "when", "where", "with",
];

/// Functions with the same meaning on both engines.
pub(super) const FUNCTIONS: &[&str] = &[
    "abs", "avg", "cast", "ceil", "coalesce", "count", "dense_rank", "first_value", "floor", "lag", "last_value", "lead",
    "length", "lower", "ltrim", "max", "min", "mod", "nullif", "octet_length", "power", "rank", "replace", "round", "row_number",
    "rtrim", "sign", "sqrt", "substr", "sum", "trim", "upper",
];

/// Before a point these name a schema, in any quoting.
pub(super) const SCHEMAS: &[&str] = &["main", "temp", "public", "wheelhouse", "information_schema", "pg_catalog", "pg_temp"];

/// Words that no statement may contain, quoted or not.
pub(super) const FORBIDDEN: &[&str] = &[
    "_rowid_", "attach", "cmax", "cmin", "ctid", "current_catalog", "current_date", "current_role", "current_schema",
    "current_setting", "current_tenant", "current_time", "current_timestamp", "current_user", "detach", "indexed", "into",
    "lateral", "load_extension", "localtime", "localtimestamp", "merge", "oid", "only", "pragma", "rowid", "session_user",
    "set_config", "tableoid", "tablesample", "tenant_guard", "vacuum", "xmax", "xmin",
];

/// Beginnings of names that belong to an engine or to the kernel.
pub(super) const FORBIDDEN_STARTS: &[&str] =
    &["dblink", "fts3_", "fts5", "kernel_", "lo_", "pg_", "pragma_", "sqlite_", "txid_", "wh_", "xml"];
