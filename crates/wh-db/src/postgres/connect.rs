//! From a URL to connections: TLS, timeouts, the pool of one login. Runs no statement of a context.
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use wh_base::{Error, Result, Secret};

use super::session::SET_TENANT;
use super::tls::{Check, client_config};
use super::{durable, errors};
use crate::codes;
use crate::config::DbLimits;

/// All tables lie here; the logins have no right to any other place.
pub(super) const SCHEMA: &str = "wheelhouse";
/// A connection attempt that takes longer has failed.
const CONNECT_MS_MAX: u64 = 5_000;
/// Silence after which a connection is probed, so that a vanished server is noticed in a minute, not in two
/// hours.
const KEEPALIVE_IDLE_S: u64 = 30;
/// Unacknowledged data older than this means the server is gone.
const UNACKNOWLEDGED_MS_MAX: u64 = 15_000;

/// Where a login connects to, and how.
pub(super) struct Target {
    /// For the driver.
    pub config: Config,
    /// For connections and for cancel requests.
    pub tls: MakeRustlsConnect,
}

/// Read a URL. `sslmode` and `sslrootcert` mean what libpq means by them; without `sslmode` a server on this
/// machine is spoken to in the clear and any other must prove its name.
pub(super) fn target(url: &Secret<String>) -> Result<Target> {
    let Told { mode, root_certificates, mut config } = told(url)?;
    let (ssl_mode, check) = ssl(mode.as_deref(), &config, root_certificates.as_deref())?;
    let tls = MakeRustlsConnect::new(client_config(check, root_certificates.as_deref())?);
    config
        .ssl_mode(ssl_mode)
        .application_name("wheelhouse")
        .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
        .keepalives_idle(Duration::from_secs(KEEPALIVE_IDLE_S))
        .tcp_user_timeout(Duration::from_millis(UNACKNOWLEDGED_MS_MAX));
    Ok(Target { config, tls })
}

/// What a URL says, in pieces.
struct Told {
    mode: Option<String>,
    root_certificates: Option<PathBuf>,
    config: Config,
}

fn told(url: &Secret<String>) -> Result<Told> {
    let text = url.expose();
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(codes::SETUP.error("the URL of a PostgreSQL server starts with postgres://"));
    }
    let (address, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut mode, mut root_certificates, mut rest) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => root_certificates = Some(PathBuf::from(decoded(value))),
            _ => rest.push(pair),
        }
    }
    // The driver's own message may quote a piece of the URL, which may be the password.
    let unreadable = |_| codes::SETUP.error("the URL of the PostgreSQL server cannot be read");
    let config: Config = format!("{address}?{}", rest.join("&")).parse().map_err(unreadable)?;
    Ok(Told { mode, root_certificates, config })
}

/// The database that a URL names.
pub fn database_of(url: &Secret<String>) -> Option<String> {
    told(url).ok()?.config.get_dbname().map(str::to_owned)
}

/// What PostgreSQL's own programs must find in their environment to trust a server no sooner than we do for the same URL: left alone
/// they take whatever answers where the URL names no `sslmode`, and no authority that this machine trusts.
pub fn tls_of_programs(url: &Secret<String>) -> Result<Vec<(&'static str, &'static str)>> {
    let Told { mode, root_certificates, config } = told(url)?;
    let mut found = Vec::new();
    let by_name = match mode.as_deref() {
        None if near(&config) => false,
        None => {
            found.push(("PGSSLMODE", "verify-full"));
            true
        }
        Some(mode) => mode == "verify-full",
    };
    if by_name && root_certificates.is_none() {
        found.push(("PGSSLROOTCERT", "system"));
    }
    Ok(found)
}

/// Whether a URL can be used for one of the logins, without a connection. Never tells what stands in it: that may be the password.
pub fn check_url(url: &Secret<String>) -> Result<()> {
    login(url).map(drop)
}

/// The user of a URL: grants are made to it.
pub(super) fn login(url: &Secret<String>) -> Result<String> {
    let target = target(url)?;
    target.config.get_user().map(str::to_owned).ok_or_else(|| codes::SETUP.error("the URL names no user"))
}

fn ssl(mode: Option<&str>, config: &Config, roots: Option<&Path>) -> Result<(SslMode, Check)> {
    Ok(match mode {
        None if near(config) => (SslMode::Disable, Check::Nothing),
        None | Some("verify-full") => (SslMode::Require, Check::AuthorityAndHost),
        Some("disable") => (SslMode::Disable, Check::Nothing),
        Some("prefer" | "allow") => (SslMode::Prefer, Check::Nothing),
        Some("require") if roots.is_some() => (SslMode::Require, Check::Authority),
        Some("require") => (SslMode::Require, Check::Nothing),
        Some("verify-ca") => (SslMode::Require, Check::Authority),
        Some(other) => {
            return Err(codes::SETUP.error(format!(
                "sslmode {other} is unknown; it is one of disable, prefer, require, verify-ca, verify-full"
            )));
        }
    })
}

/// Whether every host is this machine.
fn near(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    })
}

fn decoded(value: &str) -> String {
    url::form_urlencoded::parse(format!("v={value}").as_bytes())
        .map(|(_, v)| v.into_owned())
        .next()
        .unwrap_or_default()
}

/// The pool of one login. Opens nothing until it is used.
pub(super) fn pool(target: &Target, limits: &DbLimits, connections_max: usize) -> Result<Pool> {
    let mut config = target.config.clone();
    config.options(format!(
        "-c search_path={SCHEMA} -c timezone=UTC -c statement_timeout={} -c idle_in_transaction_session_timeout={}",
        limits.statement_ms_max, limits.idle_in_transaction_ms_max
    ));
    // `Fast` is safe because nothing goes back to the pool without a ROLLBACK or COMMIT on its way: see
    // `session`.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, target.tls.clone(), recycling);
    let builder = Pool::builder(manager)
        .max_size(connections_max)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(Duration::from_millis(limits.wait_ms_max)))
        .create_timeout(Some(Duration::from_millis(CONNECT_MS_MAX * 2)))
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                durable::switch_on(client).await.map_err(HookError::Backend)?;
                client.prepare_cached(SET_TENANT).await.map(|_| ()).map_err(HookError::Backend)
            })
        }));
    builder.build().map_err(|e| codes::SETUP.caused("the connection pool cannot be built", e))
}

/// Why there is no connection.
pub(super) fn unavailable(error: PoolError) -> Error {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => {
            codes::BUSY.error("every connection to the database is in use")
        }
        PoolError::Backend(cause) | PoolError::PostCreateHook(HookError::Backend(cause)) => {
            errors::connecting(cause)
        }
        other => codes::AWAY.caused("the database does not answer", other),
    }
}
