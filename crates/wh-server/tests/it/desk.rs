//! A small context of the tests: notes on a desk. It uses every kind of operation that the registry knows.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::routes;
use wh_base::{ErrorCode, Kind, Result};
use wh_contract::{Event, PanelId, Permission, Role};
use wh_db::{AuditEntry, Context, MigrationFile, MigrationText, Migrations, Reads, Row, TenantTx, Who, args};
use wh_server::{Answer, Caller, Json, Module, Op, Page, PageOf, Path, Peer, Query, Registry};
use wh_testkit::Parts;
use wh_testkit::engines::TestDb;

pub const DESK_READ: Permission =
    Permission { name: "desk:read", summary: "Read notes", lowest_role: Role::Viewer };
pub const DESK_WRITE: Permission =
    Permission { name: "desk:write", summary: "Write notes", lowest_role: Role::Editor };

pub const MISSING: ErrorCode =
    ErrorCode::new("desk.missing", Kind::NotFound, "there is no such note", "list the notes");
pub const EMPTY: ErrorCode =
    ErrorCode::new("desk.empty", Kind::Invalid, "a note says something", "write a word");
pub const SECRET: ErrorCode = ErrorCode::new("desk.secret", Kind::Gone, "not declared anywhere", "nothing");

pub const MIGRATIONS: &[Migrations] = &[Migrations {
    context: "desk",
    files: &[MigrationFile {
        name: "0001_desk",
        text: MigrationText::Portable(
            "CREATE TABLE desk_note (
                tenant_id uuid NOT NULL,
                id uuid NOT NULL,
                words text NOT NULL,
                PRIMARY KEY (tenant_id, id)
            );",
        ),
    }],
}];

/// Of the note with these words nobody hears whether it was kept.
pub const LOST: &str = "lost on the way";
/// Behind the note with these words its handler stops.
pub const STOPPED: &str = "and then it stopped";

/// What `note_stuck` is given to answer, which it never does.
pub const STUCK_MS: u64 = 200;

/// What the tests turn at while the server runs.
#[derive(Clone)]
pub struct Knobs {
    /// So many calls of `note_clash` still meet another transaction.
    pub clashes: Arc<AtomicU32>,
    /// Calls of `note_clash` so far.
    pub calls: Arc<AtomicU32>,
    /// `note_slow` waits for one of these.
    pub gate: Arc<Semaphore>,
    /// Calls of `note_slow` that wait.
    pub waiting: Arc<Semaphore>,
}

impl Default for Knobs {
    fn default() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { clashes: Arc::default(), calls: Arc::default(), gate: closed(), waiting: closed() }
    }
}

pub fn module(knobs: &Knobs) -> Module {
    Module::new("desk")
        .operations(operations)
        .migrations(MIGRATIONS[0])
        .permissions(&[&DESK_READ, &DESK_WRITE])
        .errors(&[&MISSING, &EMPTY])
        .extension(knobs.clone())
}

/// A server with only a desk in it.
pub fn parts(_: &TestDb) -> Parts {
    Parts::of(vec![module(&Knobs::default())])
}

fn operations(registry: &mut Registry) {
    registry.op(routes!(note_list), Op::read(DESK_READ));
    registry.op(routes!(note_create), Op::change(DESK_WRITE).errors(&[&EMPTY]));
    registry.op(routes!(note_get), Op::read(DESK_READ).errors(&[&MISSING]));
    registry.op(routes!(note_delete), Op::danger(DESK_WRITE).errors(&[&MISSING]));
    registry.op(routes!(note_echo), Op::open_change().body_max(4_096));
    registry.op(routes!(note_upload), Op::change(DESK_WRITE).streams().body_max(1_000_000));
    registry.op(routes!(note_clash), Op::change(DESK_WRITE).session_only());
    registry.op(routes!(note_slow), Op::change(DESK_WRITE).errors(&[&EMPTY]));
    registry.op(routes!(note_busy), Op::read(DESK_READ));
    registry.op(routes!(note_careless), Op::open_read());
    registry.op(routes!(note_stuck), Op::read(DESK_READ).within_ms(STUCK_MS));
    registry.op(routes!(note_panic), Op::change(DESK_WRITE));
}

/// A note was written.
#[derive(Serialize, Deserialize)]
pub struct NoteWritten {
    pub note: PanelId,
    pub words: String,
}

impl Event for NoteWritten {
    const TYPE: &'static str = "desk.written";

    fn subject(&self) -> String {
        self.note.to_string()
    }
}

/// Write a note as the use case does, without HTTP.
pub async fn write(tx: &mut TenantTx, id: PanelId, words: &str) -> Result<()> {
    let sql = "INSERT INTO desk_note (tenant_id, id, words) VALUES ($1, $2, $3)";
    tx.run(sql, args![tx.tenant(), id, words]).await?;
    tx.emit(NoteWritten { note: id, words: words.to_owned() }).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NoteCreate {
    /// What it says.
    #[schema(min_length = 1, max_length = 2_000)]
    words: String,
}

#[derive(Serialize, ToSchema)]
struct Note {
    id: PanelId,
    words: String,
}

fn note(row: &Row) -> Result<Note> {
    Ok(Note { id: row.uuid("id")?, words: row.text("words")?.to_owned() })
}

/// List the notes
#[utoipa::path(get, path = "/v1/desk/notes", params(Page), responses((status = 200, body = PageOf<Note>)))]
async fn note_list(
    State(cx): State<Context>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<Note>>> {
    let (after, limit) = (page.after::<PanelId>("note_list")?, page.limit()?);
    let mut rows = cx.db.read(caller.tenant).await?;
    let sql = "SELECT id, words FROM desk_note WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    let after = after.unwrap_or(PanelId(uuid::Uuid::nil()));
    let rows = rows.rows(sql, args![caller.tenant, after, i64::from(limit) + 1]).await?;
    let notes = rows.iter().map(note).collect::<Result<_>>()?;
    Ok(Json(PageOf::new("note_list", notes, limit, |note: &Note| note.id)?))
}

/// Write a note
#[utoipa::path(post, path = "/v1/desk/notes", request_body = NoteCreate, responses((status = 201, body = Note)))]
async fn note_create(
    State(cx): State<Context>,
    caller: Caller,
    Json(body): Json<NoteCreate>,
) -> Answer<(StatusCode, Json<Note>)> {
    if body.words.trim().is_empty() {
        return Err(EMPTY.error("only blanks").at("/words", "only blanks").into());
    }
    let id = cx.next_id();
    let mut tx = cx.db.begin(caller.tenant).await?;
    write(&mut tx, id, &body.words).await?;
    let entry =
        AuditEntry { action: "note_create", subject: format!("desk.note/{id}"), before: None, after: None };
    tx.audit(&Who::from(&caller.0), entry).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Note { id, words: body.words })))
}

/// Read a note
#[utoipa::path(get, path = "/v1/desk/notes/{id}", params(("id" = PanelId, Path)), responses((status = 200, body = Note)))]
async fn note_get(State(cx): State<Context>, caller: Caller, Path(id): Path<PanelId>) -> Answer<Json<Note>> {
    let mut rows = cx.db.read(caller.tenant).await?;
    let sql = "SELECT id, words FROM desk_note WHERE tenant_id = $1 AND id = $2";
    let row = rows.row_opt(sql, args![caller.tenant, id]).await?;
    Ok(Json(note(&row.ok_or_else(|| MISSING.error("there is no such note"))?)?))
}

/// Throw a note away
#[utoipa::path(delete, path = "/v1/desk/notes/{id}", params(("id" = PanelId, Path)), responses((status = 204)))]
async fn note_delete(
    State(cx): State<Context>,
    caller: Caller,
    Path(id): Path<PanelId>,
) -> Answer<StatusCode> {
    let mut tx = cx.db.begin(caller.tenant).await?;
    let sql = "DELETE FROM desk_note WHERE tenant_id = $1 AND id = $2";
    if tx.run_count(sql, args![caller.tenant, id]).await? == 0 {
        return Err(MISSING.error("there is no such note").into());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Echo {
    words: Option<String>,
    numbers: Option<Vec<u8>>,
    inner: Option<EchoInner>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EchoInner {
    /// Needed.
    name: String,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EchoQuery {
    /// How often
    #[param(minimum = 0, maximum = 255)]
    times: Option<u8>,
}

/// Say it again
#[utoipa::path(post, path = "/v1/desk/echo", params(EchoQuery), request_body = Echo, responses((status = 200, body = Echo)))]
async fn note_echo(Query(query): Query<EchoQuery>, _peer: Peer, Json(mut echo): Json<Echo>) -> Json<Echo> {
    if let (Some(times), Some(words)) = (query.times, &mut echo.words) {
        *words = words.repeat(usize::from(times));
    }
    Json(echo)
}

#[derive(Serialize, ToSchema)]
struct Uploaded {
    bytes: usize,
}

/// Put a file on the desk
#[utoipa::path(post, path = "/v1/desk/uploads",
    request_body(content = String, content_type = "application/octet-stream"), responses((status = 200, body = Uploaded)))]
async fn note_upload(_caller: Caller, body: Body) -> Answer<Json<Uploaded>> {
    let mut stream = body.into_data_stream();
    let mut bytes = 0;
    while let Some(chunk) = stream.next().await {
        bytes += chunk.map_err(|e| wh_server::edge::body_error(&e))?.len();
    }
    Ok(Json(Uploaded { bytes }))
}

/// Meet another transaction
#[utoipa::path(post, path = "/v1/desk/clash", request_body = NoteCreate, responses((status = 200, body = Note)))]
async fn note_clash(
    State(cx): State<Context>,
    Extension(knobs): Extension<Knobs>,
    caller: Caller,
    Json(body): Json<NoteCreate>,
) -> Answer<Json<Note>> {
    let id = cx.next_id();
    let mut tx = cx.db.begin(caller.tenant).await?;
    write(&mut tx, id, &body.words).await?;
    knobs.calls.fetch_add(1, Ordering::SeqCst);
    let left = knobs.clashes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() {
        return Err(wh_db::codes::RETRY.error("another transaction was faster").into());
    }
    tx.commit().await?;
    assert!(body.words != STOPPED, "a mistake of ours behind the commit");
    if body.words == LOST {
        return Err(wh_db::codes::COMMIT_UNKNOWN.error("the answer did not come").into());
    }
    Ok(Json(Note { id, words: body.words }))
}

/// Take one's time
#[utoipa::path(post, path = "/v1/desk/slow", request_body = NoteCreate, responses((status = 200, body = Note)))]
async fn note_slow(
    State(cx): State<Context>,
    Extension(knobs): Extension<Knobs>,
    caller: Caller,
    Json(body): Json<NoteCreate>,
) -> Answer<Json<Note>> {
    knobs.waiting.add_permits(1);
    knobs.gate.acquire().await.expect("the gate stays").forget();
    if body.words.trim().is_empty() {
        return Err(EMPTY.error("only blanks").at("/words", "only blanks").into());
    }
    let id = cx.next_id();
    let mut tx = cx.db.begin(caller.tenant).await?;
    write(&mut tx, id, &body.words).await?;
    tx.commit().await?;
    Ok(Json(Note { id, words: body.words }))
}

/// Keep a thread of the runtime busy
#[utoipa::path(get, path = "/v1/desk/busy", responses((status = 200, body = Uploaded)))]
async fn note_busy() -> Answer<Json<Uploaded>> {
    let until = Instant::now() + Duration::from_millis(3);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    Ok(Json(Uploaded { bytes: 0 }))
}

/// Never come to an end
#[utoipa::path(get, path = "/v1/desk/stuck", responses((status = 200, body = Uploaded)))]
async fn note_stuck() -> Answer<Json<Uploaded>> {
    std::future::pending().await
}

/// Stop in the middle of a change
#[utoipa::path(post, path = "/v1/desk/panic", request_body = NoteCreate, responses((status = 200, body = Note)))]
async fn note_panic(
    State(cx): State<Context>,
    Extension(knobs): Extension<Knobs>,
    caller: Caller,
    Json(body): Json<NoteCreate>,
) -> Answer<Json<Note>> {
    let id = cx.next_id();
    let mut tx = cx.db.begin(caller.tenant).await?;
    write(&mut tx, id, &body.words).await?;
    let calls = knobs.calls.fetch_add(1, Ordering::SeqCst);
    assert!(calls > 0, "a mistake of ours with a secret in it: {}", body.words);
    tx.commit().await?;
    Ok(Json(Note { id, words: body.words }))
}

/// Answer with what was never declared
#[utoipa::path(get, path = "/v1/desk/careless", responses((status = 200, body = Note)))]
async fn note_careless() -> Answer<Json<Note>> {
    Err(SECRET.error("a message that nobody expects").into())
}
