//! What handlers take by `Extension<T>`, put into each request at once: a layer for each value would wrap every route once more,
//! which a request pays for with a clone and an allocation per layer.
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request};
use tower::{Layer, Service};

type Provide = Arc<dyn Fn(&mut Extensions) + Send + Sync>;

/// Values for every request; the last of a type stands.
#[derive(Clone, Default)]
pub(crate) struct Provided(Vec<Provide>);

impl Provided {
    pub(crate) fn add<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.0.push(Arc::new(move |extensions| {
            extensions.insert(value.clone());
        }));
    }

    #[must_use]
    pub(crate) fn with<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.add(value);
        self
    }

    pub(crate) fn and(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }
}

impl<S> Layer<S> for Provided {
    type Service = Providing<S>;

    fn layer(&self, inner: S) -> Providing<S> {
        Providing { inner, values: self.0.clone().into() }
    }
}

/// A service whose requests carry the values.
#[derive(Clone)]
pub(crate) struct Providing<S> {
    inner: S,
    values: Arc<[Provide]>,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Providing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let extensions = request.extensions_mut();
        self.values.iter().for_each(|provide| provide(extensions));
        self.inner.call(request)
    }
}
