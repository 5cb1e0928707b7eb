//! The manual at `/docs`: pages as they are in `docs/`, one page per operation made from the spec, and a search over all of
//! them. Plain documents without a script; needs no sign-in, because it holds nothing of a company.
mod fields;
mod layout;
mod operations;
mod pages;
mod search;
mod settings;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use tokio::sync::Semaphore;
use wh_base::{Random, codes};
use wh_server::Answer;
use wh_server::edge::{Nonce, document_headers};

use pages::Page;
use search::Index;

/// Words of a search are looked at up to this many characters.
const QUERY_CHARS_MAX: usize = 200;
const STYLE: &str = include_str!("manual/style.css");

/// Searches at the same time. Anybody may ask without signing in: they get a small part of the machine, and none of the threads
/// that everybody else's requests run on.
const SEARCHES_MAX: usize = 2;

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(pages::all);
static INDEX: LazyLock<Index<'static>> = LazyLock::new(|| Index::new(&PAGES));
static SEARCHES: Semaphore = Semaphore::const_new(SEARCHES_MAX);

/// `/docs` and everything below it.
pub fn routes(random: Arc<dyn Random>) -> Router {
    Router::new()
        .route("/docs", get(start))
        .route("/docs/", get(start))
        .route("/docs/search", get(found))
        .route("/docs/style.css", get(style))
        .route("/docs/{*page}", get(page))
        .with_state(random)
}

async fn start(State(random): State<Arc<dyn Random>>) -> Answer<Response> {
    shown(&*random, pages::START)
}

async fn page(State(random): State<Arc<dyn Random>>, Path(page): Path<String>) -> Answer<Response> {
    shown(&*random, page.trim_end_matches('/'))
}

fn shown(random: &dyn Random, address: &str) -> Answer<Response> {
    match PAGES.iter().find(|page| page.address == address) {
        Some(page) => document(random, StatusCode::OK, &layout::page(&PAGES, page)),
        None => document(random, StatusCode::NOT_FOUND, &layout::missing(&PAGES, address)),
    }
}

#[derive(serde::Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

async fn found(State(random): State<Arc<dyn Random>>, Query(asked): Query<Asked>) -> Answer<Response> {
    let words: String = asked.q.chars().take(QUERY_CHARS_MAX).collect();
    let broken = || codes::INTERNAL.error("the search of the manual ended early");
    // Whoever leaves while waiting gives up their place.
    let turn = SEARCHES.acquire().await.map_err(|_| broken())?;
    let looked = tokio::task::spawn_blocking(move || {
        // Held by the search itself: it does not end when the reader leaves.
        let _turn = turn;
        layout::found(&PAGES, words.trim(), &INDEX.search(&words))
    });
    let html = looked.await.map_err(|_| broken())?;
    document(&*random, StatusCode::OK, &html)
}

async fn style() -> Response {
    let mut response = Response::new(Body::from(STYLE));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}

fn document(random: &dyn Random, status: StatusCode, html: &str) -> Answer<Response> {
    let nonce = Nonce::new(random)?;
    let mut response = Response::new(Body::from(html.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    document_headers(headers, &nonce);
    Ok(response)
}
