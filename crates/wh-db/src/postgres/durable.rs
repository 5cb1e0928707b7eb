//! What is acknowledged is on the server's disk, whatever its settings say of logins and databases. Changes no setting of the server.
use std::sync::Once;

use tokio_postgres::{Client, Error, SimpleQueryMessage};
use wh_base::Result;

use super::errors;

/// A server or login may be told to answer before a commit is written (`synchronous_commit = off`), by its configuration, by ALTER DATABASE or by ALTER
/// ROLE. Every other value waits for this server's disk at least, and one that waits for a replica too is the operator's choice.
const SWITCH_ON: &str = "SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit') = 'off'";
/// What the server does with what it was told to write: the names of the settings by which a crash of the machine loses it.
const UNSAFE: &str = "SELECT coalesce(string_agg(name || ' = ' || setting, ', ' ORDER BY name), '') FROM pg_settings \
     WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";

/// A new connection waits for the disk at each commit, until it ends.
pub(super) async fn switch_on(client: &Client) -> Result<(), Error> {
    static TOLD: Once = Once::new();
    let answers = client.simple_query(SWITCH_ON).await?;
    if answers.iter().any(|answer| matches!(answer, SimpleQueryMessage::Row(_))) {
        TOLD.call_once(|| {
            tracing::warn!(
                "synchronous_commit is off for a login of Wheelhouse; its connections switch it on"
            );
        });
    }
    Ok(())
}

/// The settings of the server by which a crash of its machine loses what was acknowledged; empty where there are none.
pub(super) async fn unsafe_settings(client: &Client) -> Result<String> {
    client.query_one(UNSAFE, &[]).await.and_then(|row| row.try_get(0)).map_err(errors::translate)
}

/// Tell the operator. No reason not to start: no session can change these, and a server for trials may be meant so.
pub(super) async fn warn(owner: &Client) -> Result<()> {
    let settings = unsafe_settings(owner).await?;
    if !settings.is_empty() {
        tracing::warn!(
            settings,
            "the PostgreSQL server may lose acknowledged changes when its machine crashes"
        );
    }
    Ok(())
}
