//! This process among those that serve the installation: it says again and again that it is there, and at its end that it goes.
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wh_db::Context;
use wh_system::System;
use wh_system::model::NODE_BEAT_S;
use wh_system::service::{node_beat, node_enter, node_leave};

/// The first word. That it fails is no reason not to serve: the beats say the same.
pub async fn enter(context: &Context, system: &System) {
    if let Err(error) = Box::pin(node_enter(system, context.clock.now())).await {
        tracing::warn!(?error, "the other nodes were not told that this one serves; it is tried again");
    }
}

/// A word every few seconds until the door is closed, then the last one. Where nobody else can serve, none at all.
pub async fn beat(context: Context, system: System, stop: CancellationToken) {
    if !system.is_shared() {
        return;
    }
    let mut missed = 0_u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(Duration::from_secs(NODE_BEAT_S)) => {}
        }
        // Not left in the middle: a beat that still comes through behind the last word would bring the node back.
        match Box::pin(node_beat(&system, context.clock.now())).await {
            Ok(()) if missed > 0 => {
                tracing::info!(missed, "the other nodes hear of this one again");
                missed = 0;
            }
            Ok(()) => {}
            Err(error) => {
                // Once, however long the database is away: what comes then would say the same.
                if missed == 0 {
                    tracing::warn!(?error, "the other nodes do not hear of this one; it is tried again");
                }
                missed = missed.saturating_add(1);
            }
        }
    }
    if let Err(error) = Box::pin(node_leave(&system)).await {
        tracing::warn!(?error, "the other nodes were not told that this one ends; they will miss it");
    }
}
