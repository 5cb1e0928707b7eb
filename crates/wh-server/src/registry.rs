//! The list of all operations: each is declared once, beside its handler; from here come the router, its guards and the spec.
mod check;
mod guard;
mod op;
pub(crate) mod replay;
mod spec;
mod statuses;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::routing::MethodRouter;
use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{RefOr, Schema};
use wh_base::{ErrorCode, Result};
use wh_contract::Permission;
use wh_db::Context;

pub(crate) use guard::Door;
pub use guard::OperationId;
pub(crate) use op::Plan;
pub use op::{Op, Risk};

use crate::{Module, codes};

/// What `utoipa_axum::routes!` yields.
pub type Routes = (Vec<(String, RefOr<Schema>)>, utoipa::openapi::path::Paths, MethodRouter<Context>);

/// Collects operations. What is wrong with a declaration is kept and refused when all are in, so that one start shows all.
pub struct Registry {
    module: &'static str,
    permissions: Vec<Permission>,
    codes: BTreeMap<&'static str, &'static ErrorCode>,
    schemas: BTreeMap<String, Value>,
    plans: Vec<Arc<Plan>>,
    operations: BTreeMap<(String, &'static str), Value>,
    router: Router<Context>,
    wrong: Vec<String>,
}

/// The OpenAPI document, made when somebody looks at it.
pub(crate) type Spec = LazyLock<Value, Box<dyn FnOnce() -> Value + Send>>;

/// All modules, put together.
pub(crate) struct Assembled {
    pub(crate) router: Router<Context>,
    pub(crate) spec: Spec,
}

impl Registry {
    fn new() -> Self {
        let mut registry = Self {
            module: "server",
            permissions: Vec::new(),
            codes: BTreeMap::new(),
            schemas: BTreeMap::new(),
            plans: Vec::new(),
            operations: BTreeMap::new(),
            router: Router::new(),
            wrong: Vec::new(),
        };
        registry.codes_of(wh_base::codes::ALL);
        registry.codes_of(wh_db::codes::ALL);
        registry.codes_of(codes::ALL);
        registry.codes_of(crate::edge::codes::ALL);
        registry
    }

    /// Declare one operation: its handler by `routes!`, and what the registry must know and enforce.
    pub fn op(&mut self, routes: Routes, op: Op) {
        let (schemas, paths, methods) = routes;
        for (name, schema) in schemas {
            self.schema(&name, &schema);
        }
        let Some((path, method, operation)) = self.single(paths.paths) else { return };
        let plan = Arc::new(Plan::new(self.module, &path, method, &operation, op));
        self.check_declaration(&plan);
        let operation = match serde_json::to_value(&operation) {
            Ok(operation) => spec::finished(&plan, operation),
            Err(e) => return self.wrong(format!("{}: {e}", plan.id)),
        };
        if self.operations.insert((path.clone(), method), operation).is_some() {
            return self.wrong(format!("{method} {path} is declared twice"));
        }
        self.plans.push(plan.clone());
        let guarded = methods.route_layer(axum::middleware::from_fn_with_state(plan, guard::guard));
        let before = std::mem::take(&mut self.router);
        self.router = before.route(&path, guarded);
    }

    /// A schema that no operation refers to by type, for example the shape of an upload's options.
    pub fn schema_of<T: utoipa::ToSchema>(&mut self) {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        for (name, schema) in schemas {
            self.schema(&name, &schema);
        }
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    fn codes_of(&mut self, codes: &[&'static ErrorCode]) {
        for code in codes {
            match self.codes.insert(code.code, code) {
                Some(before) if before != *code => {
                    self.wrong(format!("error code {} stands twice", code.code));
                }
                _ => {}
            }
        }
    }

    /// utoipa keeps the last of two schemas with one name, without a word: refuse the second unless it is the same.
    fn schema(&mut self, name: &str, schema: &RefOr<Schema>) {
        let Ok(schema) = serde_json::to_value(schema) else {
            return self.wrong(format!("schema {name} does not serialise"));
        };
        match self.schemas.get(name) {
            Some(before) if *before != schema => {
                let module = self.module;
                self.wrong(format!("schema {name} of {module} differs from another schema of that name"));
            }
            Some(_) => {}
            None => {
                self.schemas.insert(name.to_owned(), schema);
            }
        }
    }

    /// The one operation in what `routes!` yielded.
    fn single(
        &mut self,
        paths: impl IntoIterator<Item = (String, PathItem)>,
    ) -> Option<(String, &'static str, Operation)> {
        let mut all: Vec<_> = paths
            .into_iter()
            .flat_map(|(path, item)| {
                let methods = [
                    ("get", item.get),
                    ("put", item.put),
                    ("post", item.post),
                    ("delete", item.delete),
                    ("patch", item.patch),
                ];
                methods
                    .into_iter()
                    .filter_map(move |(method, operation)| Some((path.clone(), method, operation?)))
            })
            .collect();
        if let (1, Some(one)) = (all.len(), all.pop()) {
            return Some(one);
        }
        let module = self.module;
        self.wrong(format!(
            "{module}: registry.op takes exactly one operation (get, put, post, delete, patch)"
        ));
        None
    }

    fn module(&mut self, module: &Module) {
        self.module = module.name();
        self.permissions.extend(module.permission_list().iter().map(|permission| **permission));
        self.codes_of(module.error_list());
        for operations in module.operation_list() {
            operations(self);
        }
    }
}

/// Put all modules' operations together, or say everything that is wrong with them.
pub(crate) fn assemble(modules: &[Module]) -> Result<Assembled> {
    let mut registry = Registry::new();
    registry.schema_of::<crate::problem::ProblemSchema>();
    crate::app::operations(&mut registry);
    for module in modules {
        registry.module(module);
    }
    registry.check_all();
    if !registry.wrong.is_empty() {
        return Err(codes::SPEC.error(registry.wrong.join("; ")));
    }
    let router = std::mem::take(&mut registry.router);
    Ok(Assembled { router, spec: LazyLock::new(Box::new(move || registry.document())) })
}
