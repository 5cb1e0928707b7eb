// A request as a curl command. The session stays out of it: its cookie comes from the environment.
const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export interface CurlRequest {
  method?: string;
  path: string;
  /** JSON that is sent. */
  json?: unknown;
  /** A file that is sent as it is. */
  file?: { name: string; type: string };
}

export function curl({ method = 'GET', path, json, file }: CurlRequest): string {
  const cookie = window.location.protocol === 'https:' ? '__Host-wh_sid' : 'wh_sid';
  const parts = ['curl --fail-with-body'];
  if (method !== 'GET') parts.push(`--request ${method}`);
  parts.push(`--cookie "${cookie}=$WHEELHOUSE_SESSION"`);
  if (json !== undefined)
    parts.push("--header 'content-type: application/json'", `--data ${shell(JSON.stringify(json))}`);
  if (file)
    parts.push(`--header ${shell(`content-type: ${file.type}`)}`, `--data-binary ${shell(`@${file.name}`)}`);
  parts.push(shell(window.location.origin + path));
  return parts.join(' ');
}
