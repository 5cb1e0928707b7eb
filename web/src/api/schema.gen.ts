// Drafted by hand until the spec exists.
type J<T> = { content: { 'application/json': T } };
type Op<A, B = undefined, P = undefined, Q = undefined> = {
  parameters: { query?: Q; path: P };
  requestBody: B extends undefined ? undefined : { content: { 'application/json': B } };
  responses: { 200: A extends undefined ? { content?: never } : J<A> };
};
type Role = 'viewer' | 'editor' | 'operator' | 'admin' | 'owner';
interface Me {
  user: { id: string; name: string; email: string };
  tenant: { id: string; name: string };
  role: Role;
  permissions: string[];
  tenants: { id: string; name: string; role: Role }[];
  session_id: string;
}
type Page<T> = { items: T[]; next_cursor?: string | null };
type PageQuery = { cursor?: string; limit?: number };
interface Session { id: string; current: boolean; address?: string | null; user_agent?: string | null; created_at: string; used_at: string; expires_at: string }
interface Member { user_id: string; name: string; email: string; role: Role; joined_at: string }
interface Invitation { id: string; email: string; role: Role; created_at: string; expires_at: string; invited_by?: string | null }
type Kind = 'text' | 'integer' | 'number' | 'boolean' | 'date' | 'datetime';
interface Panel { id: string; title: string; created_at: string; updated_at: string; version: number; rows: number; columns: { name: string; kind: Kind }[] }
interface Import { id: string; panel_id: string; mode: 'replace' | 'append'; state: 'running' | 'done' | 'failed'; rows: number; bad_lines: number; bytes: number; version?: number | null; started_at: string; ended_at?: string | null; file_name?: string | null }
interface ReadOptions { format: 'csv' | 'tsv' | 'ndjson'; encoding?: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'; delimiter?: string; quote?: string | null; escape?: 'doubled' | 'backslash'; line_end?: 'lf' | 'cr'; header?: 'present' | 'absent'; nulls?: string[]; columns: { source: string; name: string; kind: Kind; skip?: boolean; nulls?: string[] }[] }
interface PreviewCell { text: string; state: 'ok' | 'empty' | 'bad'; reason?: string | null }
interface PreviewRow { line: number; cells: PreviewCell[]; reason?: string | null; text?: string | null }
interface Issue { kind: string; column?: string | null; detail: string }
interface Preview { options: ReadOptions; preview: { rows: PreviewRow[]; sample_rows: number; sample_bad_lines: number }; issues: Issue[] }
interface Window { version: number; count: number; total: number; offset: number; columns: string[]; rows: (string | number | boolean | null)[][] }
type Id = { id: string };
export interface paths {
  '/v1/identity/setup': { get: Op<{ needed: boolean }>; post: Op<Me, { token: string; company: string; name: string; email: string; password: string }> };
  '/v1/identity/sessions': { get: Op<{ items: Session[] }>; post: Op<Me, { email: string; password: string }> };
  '/v1/identity/session': { delete: Op<undefined> };
  '/v1/identity/sessions/{id}': { delete: Op<undefined, undefined, Id> };
  '/v1/identity/sessions/revoke-others': { post: Op<undefined> };
  '/v1/identity/me': { get: Op<Me> };
  '/v1/identity/password': { put: Op<undefined, { current: string; new: string }> };
  '/v1/identity/session/tenant': { put: Op<Me, { tenant_id: string }> };
  '/v1/identity/tenants': { post: Op<{ id: string; name: string }, { name: string }> };
  '/v1/identity/members': { get: Op<Page<Member>, undefined, undefined, PageQuery> };
  '/v1/identity/members/{user_id}': { patch: Op<Member, { role: Role }, { user_id: string }>; delete: Op<undefined, undefined, { user_id: string }> };
  '/v1/identity/invitations': { get: Op<Page<Invitation>, undefined, undefined, PageQuery>; post: Op<{ invitation: Invitation; token: string }, { email: string; role: Role }> };
  '/v1/identity/invitations/{id}': { delete: Op<undefined, undefined, Id> };
  '/v1/identity/invitations/lookup': { post: Op<{ company: string; email: string; role: Role; account_exists: boolean }, { token: string }> };
  '/v1/identity/invitations/accept': { post: Op<Me, { token: string; name?: string; password: string }> };
  '/v1/panels': { get: Op<Page<Panel>, undefined, undefined, PageQuery & { q?: string }>; post: Op<Panel, { title: string }> };
  '/v1/panels/{id}': { get: Op<Panel, undefined, Id>; patch: Op<Panel, { title: string }, Id>; delete: Op<undefined, undefined, Id> };
  '/v1/panels/preview': { post: Op<Preview> };
  '/v1/panels/{id}/imports': { get: Op<Page<Import>, undefined, Id, PageQuery>; post: Op<Import, undefined, Id> };
  '/v1/panels/{id}/rows': { get: Op<Window, undefined, Id, { filter?: string; sort?: string; q?: string; columns?: string; offset?: number; limit?: number }> };
}
