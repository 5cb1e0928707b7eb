//! Identity on a fresh database behind the real edge, twice (two nodes), and browsers with their own address and cookie.
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, header};
use serde_json::{Value, json};
use wh_base::Secret;
use wh_contract::TenantId;
use wh_db::{Context, IdentityDb};
use wh_identity::{Identity, IdentityConfig, IdentityParts};
use wh_server::edge::{Edge, EdgeParts, Peer, Transport};
use wh_server::serve::Sockets;
use wh_server::{App, AppParts, CookieScheme, Health, Hub, ServerConfig};
use wh_testkit::engines::TestDb;

pub const OWNER: &str = "ada@example.com";
pub const PASSWORD: &str = "seven violet lamps hum";

/// OWASP's other minimum: twice as fast in a test as the default.
pub fn config() -> IdentityConfig {
    IdentityConfig { password_memory_kib: 19_456, password_passes: 2, ..IdentityConfig::default() }
}

/// One process of the server.
pub struct Node {
    pub identity: Identity,
    pub edge: Edge,
    pub spec: Arc<Value>,
}

pub fn node(t: &TestDb, config: IdentityConfig) -> Node {
    node_on(&t.cx, &t.identity, config)
}

/// A node with a database of its own opening.
pub fn node_on(cx: &Context, db: &IdentityDb, config: IdentityConfig) -> Node {
    let parts = IdentityParts { context: cx.clone(), db: db.clone(), config };
    let identity = Identity::new(parts).expect("a configuration within the floors");
    let sockets = Sockets::new();
    let app = App::build(AppParts {
        modules: vec![wh_identity::module(&identity)],
        context: cx.clone(),
        authenticator: identity.authenticator(),
        hub: Hub::new(sockets.clone()),
        health: Health::starting(),
        cookies: CookieScheme::Plain,
        web: None,
    })
    .unwrap_or_else(|error| panic!("{error}"));
    let server = ServerConfig { metrics_local: true, ..ServerConfig::default() };
    let edge = Edge::new(EdgeParts {
        router: Some(app.router()),
        config: &server,
        listen: server.listen,
        ids: cx.ids.clone(),
        sockets,
        health: Health::starting(),
    });
    Node { identity, edge: edge.expect("the default configuration"), spec: Arc::new(app.spec().clone()) }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Status and code at once: what most tests look at.
    pub fn said(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    pub fn retry_after_s(&self) -> i64 {
        let value = self.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        value.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    pub fn set_cookie(&self) -> &str {
        self.headers.get(header::SET_COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// One browser at one address.
#[derive(Clone)]
pub struct Browser {
    pub edge: Edge,
    pub spec: Arc<Value>,
    pub address: IpAddr,
    pub cookie: Option<String>,
    /// The text of an API key, in place of a cookie.
    pub key: Option<String>,
    /// `Sec-Fetch-Site`; a program sends none.
    pub site: Option<&'static str>,
}

impl Browser {
    pub fn new(node: &Node) -> Self {
        Self::at(node, [127, 0, 0, 1])
    }

    pub fn at(node: &Node, address: impl Into<IpAddr>) -> Self {
        Self {
            edge: node.edge.clone(),
            spec: node.spec.clone(),
            address: address.into(),
            cookie: None,
            key: None,
            site: Some("same-origin"),
        }
    }

    /// A program with a key.
    pub fn program(node: &Node, key: &str) -> Self {
        Self { key: Some(key.to_owned()), site: None, ..Self::new(node) }
    }

    /// A program with a key at an address.
    pub fn program_at(node: &Node, key: &str, address: impl Into<IpAddr>) -> Self {
        Self { address: address.into(), ..Self::program(node, key) }
    }

    /// The same cookie at another node.
    pub fn moved(&self, node: &Node) -> Self {
        Self { edge: node.edge.clone(), ..self.clone() }
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&mut self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&mut self, path: &str, body: Value) -> Reply {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&mut self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn send(&mut self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("/v1/identity/{path}"))
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::USER_AGENT, "Firefox/140 (a test)");
        if let Some(site) = self.site {
            request = request.header("sec-fetch-site", site);
        }
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, format!("wh_sid={cookie}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).expect("a request");
        let peer = Peer {
            address: SocketAddr::new(self.address, 40_000),
            local: ([127, 0, 0, 1], 8080).into(),
            transport: Transport::Cleartext,
        };
        let response = self.edge.call(Some(peer), request).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a whole answer");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let reply = Reply { status, headers, body };
        declared(&self.spec, &method, path, &reply);
        if let Some(token) =
            reply.set_cookie().strip_prefix("wh_sid=").and_then(|rest| rest.split(';').next())
        {
            self.cookie = (!token.is_empty()).then(|| token.to_owned());
        }
        reply
    }

    /// Sign in with the password everybody has.
    pub async fn sign_in(&mut self, email: &str) -> Reply {
        self.sign_in_with(email, PASSWORD).await
    }

    pub async fn sign_in_with(&mut self, email: &str, password: &str) -> Reply {
        self.post("sessions", json!({"email": email, "password": password})).await
    }
}

/// Hashes of this much memory that were computed so far, by the other labels, as a scraper on the server's machine reads them.
pub async fn hashes(node: &Node, memory_kib: u32) -> BTreeMap<String, i64> {
    let request = Request::builder().uri("/metrics").header(header::HOST, "127.0.0.1:8080");
    let peer = Peer {
        address: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        local: ([127, 0, 0, 1], 8080).into(),
        transport: Transport::Cleartext,
    };
    let response = node.edge.call(Some(peer), request.body(Body::empty()).expect("a request")).await;
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a whole answer");
    let text = String::from_utf8_lossy(&bytes);
    let series = text.lines().filter_map(|line| line.strip_prefix("identity_password_hashes_total{"));
    series
        .filter_map(|line| line.split_once("} "))
        .filter(|(labels, _)| labels.contains(&format!("memory_kib=\"{memory_kib}\"")))
        .map(|(labels, count)| (labels.to_owned(), count.parse().expect("a number")))
        .collect()
}

/// No operation answers with a status or a code that it does not declare.
fn declared(spec: &Value, method: &Method, path: &str, reply: &Reply) {
    let path = format!("/v1/identity/{}", path.split('?').next().unwrap_or(path));
    let fits = |template: &str| {
        let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        wanted.len() == given.len() && wanted.iter().zip(&given).all(|(w, g)| w == g || w.starts_with('{'))
    };
    let paths = spec["paths"].as_object().expect("paths");
    let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    let Some(operation) = found.first().and_then(|(_, item)| item.get(method.as_str().to_ascii_lowercase()))
    else {
        return;
    };
    let (status, code) = reply.said();
    assert!(
        operation["responses"][status.to_string()].is_object(),
        "{method} {path}: {status} {code} is not declared"
    );
    let codes = operation["x-errors"].as_array().expect("the codes of the operation");
    assert!(
        code.is_empty() || codes.iter().any(|known| known == code),
        "{method} {path}: {code} is not declared"
    );
}

/// Two nodes on one database, with the first company set up and its owner signed in.
pub struct House {
    pub t: TestDb,
    pub node: Node,
    pub other: Node,
    pub owner: Browser,
}

impl House {
    pub async fn new(t: TestDb) -> Self {
        let nodes = [node(&t, config()), node(&t, config())];
        let [node, other] = nodes;
        let owner = set_up(&node, &token(&node).await).await.0;
        Self { t, node, other, owner }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.node)
    }

    /// Invite somebody to the owner's company and let them accept; their browser.
    pub async fn member(&mut self, email: &str, role: &str) -> Browser {
        self.named_member("New Member", email, role).await
    }

    /// The same, called so.
    pub async fn named_member(&mut self, name: &str, email: &str, role: &str) -> Browser {
        let invited = self.owner.post("invitations", json!({"email": email, "role": role})).await;
        assert_eq!(invited.status, 201, "{:?}", invited.body);
        let mut browser = self.browser();
        let body = json!({"token": invited.body["token"], "name": name, "password": PASSWORD});
        let accepted = browser.post("invitations/accept", body).await;
        assert_eq!(accepted.status, 201, "{:?}", accepted.body);
        browser
    }

    pub async fn tenant(&mut self) -> TenantId {
        let me = self.owner.get("me").await;
        me.body["tenant"]["id"].as_str().expect("an id").parse().expect("a tenant")
    }
}

pub async fn token(node: &Node) -> Secret<String> {
    node.identity.setup_token_issue().await.expect("a setup link")
}

/// Set the first company up.
pub async fn set_up(node: &Node, token: &Secret<String>) -> (Browser, Reply) {
    let mut browser = Browser::new(node);
    let reply = browser.post("setup", first_company(token.expose())).await;
    (browser, reply)
}

pub fn first_company(token: &str) -> Value {
    json!({"token": token, "company": "Analytical Engines", "name": "Ada L.", "email": OWNER, "password": PASSWORD})
}

/// The id of whoever is signed in.
pub async fn user_id(browser: &mut Browser) -> String {
    browser.get("me").await.body["user"]["id"].as_str().expect("signed in").to_owned()
}

/// Make a key by this browser; its text.
pub async fn key_of(browser: &mut Browser, scopes: &[&str]) -> String {
    issued(browser, "api-keys", json!({"name": "a program", "scopes": scopes})).await.1
}

/// Make a key as asked: its id and text.
pub async fn issued(browser: &mut Browser, path: &str, body: Value) -> (String, String) {
    let reply = browser.post(path, body).await;
    assert_eq!(reply.status, 201, "{:?}", reply.body);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&reply.body["api_key"]["id"]), text(&reply.body["secret"]))
}
