// A request as a command: of curl, whose session comes from the environment, or of Wheelhouse's own command line.
import { writeExact } from './json';

const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** `wheelhouse row list --panel … --limit 10`; what is not given is left out. */
export function command(
  words: string,
  options: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== '');
  const plain = (text: string) => (/^[\w.,:/-]+$/.test(text) ? text : shell(text));
  return [`wheelhouse ${words}`, ...given.map(([name, value]) => `--${name} ${plain(String(value))}`)].join(
    ' ',
  );
}

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
    parts.push("--header 'content-type: application/json'", `--data ${shell(writeExact(json))}`);
  if (file)
    parts.push(`--header ${shell(`content-type: ${file.type}`)}`, `--data-binary ${shell(`@${file.name}`)}`);
  parts.push(shell(window.location.origin + path));
  return parts.join(' ');
}
