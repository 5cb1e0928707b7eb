// A request as a curl command. The session stays out of it: its cookie comes from the environment.
const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl(path: string): string {
  const cookie = window.location.protocol === 'https:' ? '__Host-wh_sid' : 'wh_sid';
  return `curl --fail-with-body --cookie "${cookie}=$WHEELHOUSE_SESSION" ${shell(window.location.origin + path)}`;
}
