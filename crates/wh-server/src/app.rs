//! All modules as one application: its router, its spec, and the operations of the front door itself. Listens nowhere.
use std::sync::{Arc, OnceLock};

use axum::response::Response;
use axum::{Extension, Router};
use bytes::Bytes;
use http::header;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;
use wh_base::Result;
use wh_contract::{Permission, SYSTEM_READ};
use wh_db::Context;

use crate::edge;
use crate::health::{ComponentHealth, Health, NodeName, Readiness};
use crate::live::{__path_live_connect, Hub, live_connect};
use crate::provided::Provided;
use crate::registry::{self, Door, Op, Registry, Spec};
use crate::{Answer, Authenticator, CookieScheme, Json, Module, SessionCookie, codes};

/// What an application is made of.
pub struct AppParts {
    /// The contexts, in the order of the manual.
    pub modules: Vec<Module>,
    /// Database, clock, randomness.
    pub context: Context,
    /// Knows sessions.
    pub authenticator: Arc<dyn Authenticator>,
    /// The live hub, which the outbox feeds too.
    pub hub: Hub,
    /// How the server is.
    pub health: Health,
    /// How the console is reached.
    pub cookies: CookieScheme,
    /// What answers outside `/v1`: the web console.
    pub web: Option<Router>,
}

/// The application behind the edge.
#[derive(Clone)]
pub struct App {
    router: Router,
    spec: Arc<Spec>,
}

/// The spec's text, from when somebody asked for it: a start does not wait for it, and few servers are ever asked.
#[derive(Clone)]
struct SpecText(Arc<Spec>, Arc<OnceLock<Bytes>>);

impl SpecText {
    fn bytes(&self) -> Result<Bytes> {
        if let Some(bytes) = self.1.get() {
            return Ok(bytes.clone());
        }
        let text = spec_text(&self.0)?;
        Ok(self.1.get_or_init(|| Bytes::from(text)).clone())
    }
}

impl App {
    /// Put the modules together. Refuses when declarations contradict one another, and says all that is wrong.
    pub fn build(parts: AppParts) -> Result<Self> {
        let assembled = registry::assemble(&parts.modules)?;
        let spec = Arc::new(assembled.spec);
        let cookie = SessionCookie::new(parts.cookies);
        let door = Arc::new(Door {
            authenticator: parts.authenticator,
            cookie,
            context: parts.context.clone(),
            sockets: parts.hub.sockets().clone(),
            areas: readable(&parts.modules),
        });
        let mut provided = Provided::default()
            .with(SpecText(spec.clone(), Arc::default()))
            .with(parts.hub)
            .with(parts.health)
            .with(cookie)
            .with(door);
        parts.modules.iter().for_each(|module| provided.and(module.provided()));
        let router = assembled.router.layer(provided).with_state(parts.context);
        let router = edge::with_fallbacks(router, parts.web);
        Ok(Self { router, spec })
    }

    /// Every operation behind its guard, the console behind everything else. The edge stands before it.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The OpenAPI document, with sorted keys: the same on every run.
    pub fn spec(&self) -> &Value {
        &self.spec
    }
}

/// The spec of these modules without a database: for `gen`.
pub fn describe(modules: &[Module]) -> Result<Value> {
    registry::assemble(modules).map(|assembled| assembled.spec.clone())
}

/// The text of a spec as it is committed and served.
pub fn spec_text(spec: &Value) -> Result<String> {
    let mut text = serde_json::to_string_pretty(spec)
        .map_err(|e| codes::SPEC.caused("the document does not serialise", e))?;
    text.push('\n');
    Ok(text)
}

/// The read permissions: an area has live topics when it has one.
fn readable(modules: &[Module]) -> Vec<Permission> {
    let all = modules.iter().flat_map(Module::permission_list);
    // What happens to the installation is no company's event.
    all.filter(|permission| permission.name.ends_with(":read") && !permission.is_of_installation())
        .map(|permission| **permission)
        .collect()
}

/// The front door's own operations.
pub(crate) fn operations(registry: &mut Registry) {
    registry.op(routes!(openapi_get), Op::open_read());
    registry.op(routes!(health_detailed), Op::read(SYSTEM_READ));
    registry.op(routes!(metrics_get), Op::read(SYSTEM_READ));
    registry.op(
        routes!(live_connect),
        Op::signed_in()
            .errors(&[&codes::LIVE_HANDSHAKE, &codes::LIVE_SOCKETS, &edge::codes::CROSS_ORIGIN])
            .streams(),
    );
}

/// The description of all operations
///
/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", responses((status = 200, body = Object, content_type = "application/json")))]
async fn openapi_get(spec: Extension<SpecText>) -> Answer<([(header::HeaderName, &'static str); 1], Bytes)> {
    Ok(([(header::CONTENT_TYPE, "application/json")], spec.bytes()?))
}

/// How the server and each component is
#[derive(Serialize, ToSchema)]
struct HealthDetailed {
    /// What `/health/ready` decides on
    status: Readiness,
    /// The node that answers: its state it is, and its sight of the components
    node: NodeName,
    /// The version that runs
    version: &'static str,
    /// What the server stands on, and what it works with: of these none keeps a request from being served
    components: Vec<ComponentHealth>,
}

/// How the node that answers is, component by component
///
/// Answers 200 whatever the state: `status` says it. `/health/ready` is for machines that only look at the status code.
#[utoipa::path(get, path = "/health/detailed", responses((status = 200, body = HealthDetailed)))]
async fn health_detailed(health: Extension<Health>) -> Json<HealthDetailed> {
    let (status, components) = (health.readiness().await, health.components().await);
    let node = health.node().clone();
    Json(HealthDetailed { status, node, version: wh_base::process::VERSION, components })
}

/// The figures of this process in the text format of Prometheus
///
/// `metrics_listen` in `[server]` gives it a port of its own without sign-in; `metrics_local` lets callers of the server's own
/// machine ask here without.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics_get() -> Response {
    edge::numbers()
}
