//! What a context hands to the binary: its operations, tables, permissions, errors and reactions. A list, no behaviour.
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wh_base::{ErrorCode, Result};
use wh_contract::{Event, Permission};
use wh_db::{Context, Delivered, Migrations, Reaction};

use crate::Registry;
use crate::provided::Provided;

/// One bounded context, as the binary sees it.
#[derive(Clone)]
pub struct Module {
    name: &'static str,
    operations: Vec<fn(&mut Registry)>,
    migrations: Vec<Migrations>,
    permissions: Vec<&'static Permission>,
    errors: Vec<&'static ErrorCode>,
    reactions: Vec<Reaction>,
    provided: Provided,
}

impl Module {
    /// A context of this name: crate, URL segment, table prefix and permission area at once.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            operations: Vec::new(),
            migrations: Vec::new(),
            permissions: Vec::new(),
            errors: Vec::new(),
            reactions: Vec::new(),
            provided: Provided::default(),
        }
    }

    /// The function that declares its operations.
    #[must_use]
    pub fn operations(mut self, operations: fn(&mut Registry)) -> Self {
        self.operations.push(operations);
        self
    }

    /// Its tables.
    #[must_use]
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations.push(migrations);
        self
    }

    /// The permissions its operations need.
    #[must_use]
    pub fn permissions(mut self, permissions: &[&'static Permission]) -> Self {
        self.permissions.extend_from_slice(permissions);
        self
    }

    /// Its error codes.
    #[must_use]
    pub fn errors(mut self, errors: &[&'static ErrorCode]) -> Self {
        self.errors.extend_from_slice(errors);
        self
    }

    /// React to another context's event: at least once, in order per tenant, after the commit; must be idempotent.
    #[must_use]
    pub fn on<E: Event>(mut self, reaction: impl Reacts<E>) -> Self {
        let run = move |cx: Context, delivered: Delivered| reaction.react(cx, delivered);
        self.reactions.push(Reaction { context: self.name, kind: E::TYPE, run: Arc::new(run) });
        self
    }

    /// A value that handlers take by `Extension<T>`. Of a type of this module's own: all modules' values are in one place.
    #[must_use]
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.provided.add(value);
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its tables.
    pub fn migration_list(&self) -> &[Migrations] {
        &self.migrations
    }

    /// Its reactions.
    pub fn reaction_list(&self) -> &[Reaction] {
        &self.reactions
    }

    /// Its permissions.
    pub fn permission_list(&self) -> &[&'static Permission] {
        &self.permissions
    }

    /// Its error codes.
    pub fn error_list(&self) -> &[&'static ErrorCode] {
        &self.errors
    }

    pub(crate) fn operation_list(&self) -> Vec<fn(&mut Registry)> {
        self.operations.clone()
    }

    pub(crate) fn provided(&self) -> &Provided {
        &self.provided
    }
}

/// A function that reacts to an event: `async fn(Context, E, Delivered) -> Result<()>`.
pub trait Reacts<E>: Send + Sync + 'static {
    /// Read the event and react.
    fn react(&self, cx: Context, delivered: Delivered) -> BoxFuture<'static, Result<()>>;
}

impl<E, F, Out> Reacts<E> for F
where
    E: Event,
    F: Fn(Context, E, Delivered) -> Out + Send + Sync + 'static,
    Out: Future<Output = Result<()>> + Send + 'static,
{
    fn react(&self, cx: Context, delivered: Delivered) -> BoxFuture<'static, Result<()>> {
        match serde_json::from_value::<E>(delivered.data.clone()) {
            Ok(event) => self(cx, event, delivered).boxed(),
            Err(e) => {
                let error =
                    wh_base::codes::INTERNAL.caused(format!("the event {} cannot be read", E::TYPE), e);
                std::future::ready(Err(error)).boxed()
            }
        }
    }
}
