//! Requests to a bucket tell it which trace they are part of. What they ask, and how they are signed, is others' work.
use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use wh_base::Traced;

/// Makes clients that tell it.
#[derive(Debug)]
pub(super) struct Telling;

impl HttpConnector for Telling {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Told(ReqwestConnector::default().connect(options)?)))
    }
}

#[derive(Debug)]
struct Told(HttpClient);

#[async_trait]
impl HttpService for Told {
    /// A request that was signed already: what is added is no part of the signature, and need not be.
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if let Some(traced) = Traced::current() {
            let headers = request.headers_mut();
            if let Ok(parent) = traced.parent_header().parse() {
                headers.insert("traceparent", parent);
            }
            if let Some(Ok(state)) = traced.state_header().map(str::parse) {
                headers.insert("tracestate", state);
            }
        }
        self.0.execute(request).await
    }
}
