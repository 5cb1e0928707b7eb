//! One deadline for everything that ends with the server, from the signal on. Knows time, not what ends.
use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wh_server::ServerConfig;

/// Of the drain timeout the part in which what stands behind the door ends, in percent,
const BEHIND_PERCENT: u64 = 15;
/// and at most, in milliseconds: events under way and last uses are saved in a fraction of it.
const BEHIND_MS_MAX: u64 = 1_500;
/// How long the runtime may wait for what blocks, after everything else.
pub const BLOCKED_MAX: Duration = Duration::from_millis(500);

/// The deadline. It begins to run with the signal.
pub struct Deadline {
    late: CancellationToken,
}

impl Deadline {
    /// Of a server that ends with `stop`. Inside a tokio runtime.
    pub fn after(stop: CancellationToken, config: &ServerConfig) -> Self {
        let late = CancellationToken::new();
        let all = Duration::from_millis(config.drain_delay_ms + config.drain_timeout_ms);
        let behind = Duration::from_millis(behind_ms(config));
        // A short one too leaves the tasks their time.
        let rest = all.saturating_sub((behind / 3).min(BLOCKED_MAX));
        let over = late.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            tokio::time::sleep(rest).await;
            over.cancel();
        });
        Self { late }
    }

    /// What `work` gives, or nothing when the deadline comes before it.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.late.run_until_cancelled(work).await
    }
}

/// The door's settings: it ends so long before the deadline that the rest has time too.
pub fn of_the_door(config: &ServerConfig) -> ServerConfig {
    let drain_timeout_ms = config.drain_timeout_ms - behind_ms(config);
    ServerConfig { drain_timeout_ms, ..config.clone() }
}

fn behind_ms(config: &ServerConfig) -> u64 {
    (config.drain_timeout_ms * BEHIND_PERCENT / 100).min(BEHIND_MS_MAX)
}
