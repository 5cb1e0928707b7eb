//! Who acts in a test: one member of every role, nobody, and the owner of another tenant. Their cookies are their names.
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use uuid::Uuid;
use wh_base::{Actor, Credential, KeyGrant, Origin, Result, Secret, Timestamp};
use wh_contract::{ApiKeyId, Role, SessionId, TenantId, UserId};
use wh_server::{Authenticator, CookieScheme, SessionCookie, codes};

/// The tenant of the members.
pub const HOME: TenantId = TenantId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
/// The stranger's tenant.
pub const AWAY: TenantId = TenantId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002));

/// Somebody who calls, or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestActor {
    /// Also the token of their cookie.
    pub name: &'static str,
    /// Where they belong.
    pub tenant: TenantId,
    /// What they are there; nobody is nothing.
    pub role: Option<Role>,
}

/// Not signed in.
pub const NOBODY: TestActor = TestActor { name: "nobody", tenant: HOME, role: None };
/// The owner of another tenant.
pub const STRANGER: TestActor = TestActor { name: "stranger", tenant: AWAY, role: Some(Role::Owner) };
/// A viewer of the home tenant.
pub const VIEWER: TestActor = TestActor { name: "viewer", tenant: HOME, role: Some(Role::Viewer) };
/// An editor of the home tenant.
pub const EDITOR: TestActor = TestActor { name: "editor", tenant: HOME, role: Some(Role::Editor) };
/// An operator of the home tenant.
pub const OPERATOR: TestActor = TestActor { name: "operator", tenant: HOME, role: Some(Role::Operator) };
/// An admin of the home tenant.
pub const ADMIN: TestActor = TestActor { name: "admin", tenant: HOME, role: Some(Role::Admin) };
/// The owner of the home tenant.
pub const OWNER: TestActor = TestActor { name: "owner", tenant: HOME, role: Some(Role::Owner) };

/// All of them, in the order of the authorization matrix.
pub const ACTORS: [TestActor; 7] = [NOBODY, STRANGER, VIEWER, EDITOR, OPERATOR, ADMIN, OWNER];

impl TestActor {
    fn number(&self) -> u128 {
        ACTORS.iter().position(|actor| actor == self).map_or(0, |at| at as u128)
    }

    /// Their user id.
    pub fn user(&self) -> UserId {
        UserId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0001_0000 + self.number()))
    }

    /// Their session's id.
    pub fn session(&self) -> SessionId {
        SessionId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0002_0000 + self.number()))
    }

    /// The actor that a use case is given.
    pub fn actor(&self) -> Actor {
        let origin = Origin { address: None, request: Uuid::nil() };
        let role = self.role.expect("nobody is no actor");
        let credential = Credential::Session(self.session());
        Actor { tenant: self.tenant, user: self.user(), role, credential, origin }
    }

    /// Their only key's id.
    pub fn key(&self) -> ApiKeyId {
        ApiKeyId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0003_0000 + self.number()))
    }

    /// `Authorization` with a key of theirs that has these scopes.
    pub fn bearer(&self, scopes: &[&str]) -> String {
        format!("Bearer {}/{}", self.name, scopes.join(","))
    }
}

/// Whoever can show a session cookie, or does not.
pub trait Signs {
    /// The `Cookie` header.
    fn cookie(&self) -> Option<String>;
}

impl Signs for TestActor {
    fn cookie(&self) -> Option<String> {
        self.role?;
        Some(format!("{}={}", SessionCookie::new(CookieScheme::Plain).name(), self.name))
    }
}

/// A cookie that the server handed out: from `Answer::cookie`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie(pub String);

impl Signs for Cookie {
    fn cookie(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

impl<T: Signs + ?Sized> Signs for &T {
    fn cookie(&self) -> Option<String> {
        (**self).cookie()
    }
}

impl<T: Signs> Signs for Option<T> {
    fn cookie(&self) -> Option<String> {
        self.as_ref().and_then(Signs::cookie)
    }
}

/// Lets the test actors in. For tests of contexts other than identity, which brings its own door.
#[derive(Debug, Default)]
pub struct TestActors {
    ended: Mutex<HashSet<SessionId>>,
}

impl TestActors {
    /// Their session is over from now on.
    pub fn end(&self, actor: TestActor) {
        self.ended.lock().expect("no test panicked here").insert(actor.session());
    }

    fn is_over(&self, session: SessionId) -> bool {
        self.ended.lock().expect("no test panicked here").contains(&session)
    }
}

#[async_trait]
impl Authenticator for TestActors {
    async fn actor(&self, token: &Secret<String>, origin: &Origin) -> Result<Option<Actor>> {
        let known = ACTORS.iter().find(|actor| actor.role.is_some() && actor.name == token.expose());
        let known = known.filter(|actor| !self.is_over(actor.session()));
        Ok(known.map(|known| Actor { origin: origin.clone(), ..known.actor() }))
    }

    /// `<name>/<scope>,<scope>`: see [`TestActor::bearer`].
    async fn bearer(&self, token: &Secret<String>, origin: &Origin) -> Result<Actor> {
        let refused = || codes::BEARER.error("no such key");
        let (name, scopes) = token.expose().split_once('/').ok_or_else(refused)?;
        let known = ACTORS.iter().find(|actor| actor.role.is_some() && actor.name == name);
        let known = known.ok_or_else(refused)?;
        let scopes = scopes.split(',').map(str::to_owned).collect();
        let expires_at = Timestamp::from_micros(i64::MAX);
        let grant = KeyGrant { key: known.key(), scopes, networks: Vec::new(), expires_at };
        let credential = Credential::Key(Arc::new(grant));
        Ok(Actor { credential, origin: origin.clone(), ..known.actor() })
    }

    async fn stands(&self, actor: &Actor) -> Result<bool> {
        Ok(!actor.session().is_some_and(|session| self.is_over(session)))
    }

    /// The home tenant operates the installation.
    async fn operates(&self, actor: &Actor) -> Result<bool> {
        Ok(actor.tenant == HOME)
    }
}
