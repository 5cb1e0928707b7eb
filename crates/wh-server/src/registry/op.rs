//! What is declared with an operation beside its path and schemas: who may call it, how risky it is, what it refuses.
use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use wh_base::ErrorCode;
use wh_contract::Permission;

use super::statuses;
use crate::edge::Route;
use crate::limit::{Class, Pace};

/// How much harm a mistaken call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk {
    /// Changes nothing.
    Read,
    /// Changes something that can be changed back.
    Change,
    /// Cannot be taken back: a face asks before it calls.
    Danger,
}

impl Risk {
    /// The word in the spec.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Danger => "danger",
        }
    }
}

/// How the body reaches the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intake {
    /// Whole, so that the use case can be replayed.
    Buffered,
    /// As it comes; the handler counts.
    Streamed,
}

/// Whether the operation honours `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyed {
    Yes,
    No,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever holds the permission.
    Holds(Permission),
}

/// By what somebody may call who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A session or an API key.
    Any,
    /// A session only: it is about the session, or about the person behind it.
    Session,
}

impl By {
    /// The word in the spec.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Session => "session",
        }
    }
}

/// Whether a request counts for the caller's company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Like everything.
    Company,
    /// Not: who is kept out by the company's limit needs it to get in again.
    Apart,
}

/// One operation's declaration.
#[derive(Clone, Debug)]
pub struct Op {
    pub(crate) access: Access,
    pub(crate) by: By,
    pub(crate) risk: Risk,
    pub(crate) errors: Vec<&'static ErrorCode>,
    /// None: what `server.body_bytes_max` says.
    pub(crate) body_bytes_max: Option<u64>,
    /// None: what `server.request_timeout_ms` says.
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) intake: Intake,
    pub(crate) keyed: Keyed,
    pub(crate) counted: Counted,
}

impl Op {
    fn new(access: Access, risk: Risk) -> Self {
        // Without a session there is no tenant under which a key could be kept.
        let keyed = if access != Access::Open && risk != Risk::Read { Keyed::Yes } else { Keyed::No };
        Self {
            access,
            by: By::Any,
            risk,
            errors: Vec::new(),
            body_bytes_max: None,
            timeout_ms: None,
            intake: Intake::Buffered,
            keyed,
            counted: Counted::Company,
        }
    }

    /// Changes nothing; needs the permission.
    pub fn read(permission: Permission) -> Self {
        Self::new(Access::Holds(permission), Risk::Read)
    }

    /// Changes something; needs the permission.
    pub fn change(permission: Permission) -> Self {
        Self::new(Access::Holds(permission), Risk::Change)
    }

    /// Cannot be taken back; needs the permission.
    pub fn danger(permission: Permission) -> Self {
        Self::new(Access::Holds(permission), Risk::Danger)
    }

    /// Changes nothing; everybody may.
    pub fn open_read() -> Self {
        Self::new(Access::Open, Risk::Read)
    }

    /// Changes something; everybody may: setup, sign-in, invitations.
    pub fn open_change() -> Self {
        Self::new(Access::Open, Risk::Change)
    }

    /// Changes nothing; whoever is signed in may: the front door's own.
    pub(crate) fn signed_in() -> Self {
        Self::new(Access::SignedIn, Risk::Read)
    }

    /// The permission it needs, if any.
    pub(crate) fn permission(&self) -> Option<Permission> {
        match self.access {
            Access::Holds(permission) => Some(permission),
            Access::Open | Access::SignedIn => None,
        }
    }

    /// The codes that the use case itself may answer with. Those of the front door are added.
    #[must_use]
    pub fn errors(mut self, errors: &[&'static ErrorCode]) -> Self {
        self.errors.extend_from_slice(errors);
        self
    }

    /// Bytes of the body at most, other than `server.body_bytes_max`.
    #[must_use]
    pub fn body_max(mut self, bytes: impl TryInto<u64>) -> Self {
        self.body_bytes_max = Some(bytes.try_into().unwrap_or(u64::MAX));
        self
    }

    /// Milliseconds from the request's beginning, its body included, until its answer begins, other than
    /// `server.request_timeout_ms`. A stream has no such limit: its body must make progress instead.
    #[must_use]
    pub fn within_ms(mut self, ms: u64) -> Self {
        self.timeout_ms = Some(ms);
        self
    }

    /// The handler takes the body as a stream: no buffering, no replay, no `Idempotency-Key`, and no limit but the one that
    /// the handler or a [`Op::body_max`] after this sets.
    #[must_use]
    pub fn streams(mut self) -> Self {
        self.body_bytes_max = Some(u64::MAX);
        self.intake = Intake::Streamed;
        self.keyed = Keyed::No;
        self
    }

    /// Not for API keys: it makes sense only for a browser's session and the person behind it.
    #[must_use]
    pub fn session_only(mut self) -> Self {
        self.by = By::Session;
        self
    }

    /// The answer must not be kept: it holds a secret that is shown once.
    #[must_use]
    pub fn no_idempotency(mut self) -> Self {
        self.keyed = Keyed::No;
        self
    }

    /// Not counted for the caller's company: it is a way out when somebody else has used up the company's requests, such as
    /// taking a key from whoever sends them. It counts for its address, key and person as everything does, and where the company
    /// has a limit of its own, for its session or key.
    #[must_use]
    pub fn beside_company_limit(mut self) -> Self {
        self.counted = Counted::Apart;
        self
    }
}

/// What the guard needs to know of an operation, taken from its declaration once.
pub(crate) struct Plan {
    pub(crate) module: &'static str,
    pub(crate) id: String,
    /// The id for labels and extensions; leaked once per operation and process.
    pub(crate) id_static: &'static str,
    pub(crate) path: String,
    /// For metrics and the log.
    pub(crate) route: Route,
    pub(crate) method: &'static str,
    pub(crate) query: BTreeSet<String>,
    pub(crate) path_parameters: BTreeSet<String>,
    pub(crate) media: Vec<String>,
    /// All codes it may answer with.
    pub(crate) codes: BTreeMap<&'static str, &'static ErrorCode>,
    pub(crate) op: Op,
    /// How long it usually takes.
    pub(crate) pace: Pace,
}

impl Plan {
    /// Whether an `Idempotency-Key` is refused: whoever sends one counts on it that the change is made once.
    pub(crate) fn refuses_key(&self) -> bool {
        self.op.risk != Risk::Read && self.op.keyed == Keyed::No
    }

    pub(crate) fn new(
        module: &'static str,
        path: &str,
        method: &'static str,
        operation: &Operation,
        op: Op,
    ) -> Self {
        let id = operation.operation_id.clone().unwrap_or_default();
        let media = match &operation.request_body {
            Some(RefOr::T(body)) => body.content.keys().cloned().collect(),
            Some(RefOr::Ref(_)) | None => Vec::new(),
        };
        let mut plan = Self {
            module,
            id_static: String::leak(id.clone()),
            id,
            path: path.to_owned(),
            route: Route::new(operation.operation_id.as_deref().unwrap_or_default(), path),
            method,
            query: parameters(operation, &ParameterIn::Query),
            path_parameters: parameters(operation, &ParameterIn::Path),
            media,
            codes: BTreeMap::new(),
            op,
            pace: Pace::default(),
        };
        plan.codes = statuses::codes_of(&plan);
        plan
    }

    /// With what it competes for the machine. Streams have limits of their own; the front door's own operations must answer
    /// when nothing else does.
    pub(crate) fn class(&self) -> Option<Class> {
        if self.module == "server" || self.op.intake == Intake::Streamed {
            return None;
        }
        Some(match (self.op.access, self.op.risk) {
            (Access::Open, _) => Class::Open,
            (_, Risk::Read) => Class::Read,
            (_, Risk::Change | Risk::Danger) => Class::Change,
        })
    }

    pub(crate) fn has_body(&self) -> bool {
        !self.media.is_empty()
    }

    pub(crate) fn takes_json(&self) -> bool {
        self.media.iter().any(|media| media == "application/json")
    }
}

fn parameters(operation: &Operation, place: &ParameterIn) -> BTreeSet<String> {
    let of = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == *place => Some(parameter.name.clone()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    };
    operation.parameters.iter().flatten().filter_map(of).collect()
}
