//! Where the URLs of a configuration lead, held against where `wheelhouse db init` works. Changes nothing.
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};
use wh_base::{Result, Secret};

use super::connect::{self, Target};
use super::init::{self, PostgresInit};
use crate::codes;

/// Where a URL names no port.
const PORT: u16 = 5_432;
/// Which server it is, whatever it is called: a replica has the same id and began at another moment.
const SERVER: &str = "SELECT system_identifier::text || ' ' || extract(epoch FROM pg_postmaster_start_time())::text \
     FROM pg_control_system()";

/// What becomes of URLs of an earlier run that lead to another server or database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Elsewhere {
    /// Nothing is done: they may be a running installation's.
    #[default]
    Refuse,
    /// The new ones take their place; what they led to stays as it is.
    Replace,
}

/// The URLs of an earlier run that lead to this server, in the order of the logins.
pub(super) async fn known(
    admin: &Client,
    here: &Target,
    wanted: &PostgresInit,
) -> Result<Vec<Option<Secret<String>>>> {
    let Some(existing) = &wanted.existing else { return Ok(vec![None; init::LOGINS.len()]) };
    let mut known = Vec::with_capacity(init::LOGINS.len());
    for url in init::each(existing) {
        // One that cannot be read leads nowhere.
        let Ok(there) = connect::target(url) else {
            known.push(None);
            continue;
        };
        let same_server = is_same_server(admin, here, &there).await;
        let same_database = there.config.get_dbname() == Some(wanted.database.as_str());
        if wanted.elsewhere == Elsewhere::Refuse && !(same_server && same_database) {
            return Err(codes::ELSEWHERE.error(format!(
                "the configuration leads to {}, and this is for {}",
                place(&there.config, there.config.get_dbname()),
                place(&here.config, Some(&wanted.database))
            )));
        }
        known.push(same_server.then(|| url.clone()));
    }
    Ok(known)
}

/// By its address, or else by what it says of itself: the same server may have several names.
async fn is_same_server(admin: &Client, here: &Target, there: &Target) -> bool {
    if addresses(&here.config) == addresses(&there.config) {
        return true;
    }
    let Some(this) = server(admin).await else { return false };
    let Ok(other) = init::open(there).await else { return false };
    server(&other).await == Some(this)
}

async fn server(client: &Client) -> Option<String> {
    client.query_one(SERVER, &[]).await.ok().map(|row| row.get(0))
}

fn addresses(config: &Config) -> Vec<String> {
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(PORT);
    let hosts = config.get_hosts().iter().enumerate();
    hosts
        .map(|(at, host)| match host {
            Host::Tcp(name) => format!("{}:{}", name.to_ascii_lowercase(), port(at)),
            Host::Unix(folder) => format!("{}:{}", folder.display(), port(at)),
        })
        .collect()
}

/// Server and database, without a login.
fn place(config: &Config, database: Option<&str>) -> String {
    format!("{}/{}", addresses(config).join(","), database.unwrap_or_default())
}
