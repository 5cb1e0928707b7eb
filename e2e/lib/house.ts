// A running Wheelhouse of its own for a test: the real binary on an empty data folder and a free port.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const READY = /Wheelhouse is ready: (https?:\/\/\S+)/;
const READY_WITHIN_MS = 60_000;
const STOPS_WITHIN_MS = 15_000;

export function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests by \`make test\``);
  return value;
}

export class House {
  private constructor(
    private readonly process: ChildProcess,
    private readonly aside: string,
    /** The printed address: with the setup token before setup. */
    readonly printed: string,
  ) {}

  get url(): string {
    return new URL(this.printed).origin;
  }

  /** Beside the data folder, removed with it. */
  beside(name: string): string {
    return join(this.aside, name);
  }

  /** Run a command of this machine to its end, on this data folder where it takes one. */
  command(...words: string[]): string {
    const folder = ['--data-dir', join(this.aside, 'data')];
    const args = words[1] === 'key' ? words : [...words, ...folder];
    return execFileSync(needed('WHEELHOUSE_TEST_BINARY'), args, { encoding: 'utf8' });
  }

  /** Behind a certificate of its own making; who runs on the same machine may read its figures. */
  static startTls(): Promise<House> {
    return House.start((aside) => {
      const [certificate, key] = [join(aside, 'certificate.pem'), join(aside, 'key.pem')];
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
      execFileSync('openssl', ['req', '-x509', ...made, ...subject, '-keyout', key, '-out', certificate], {
        stdio: 'ignore',
      });
      return {
        WHEELHOUSE_SERVER_TLS_CERTIFICATE: certificate,
        WHEELHOUSE_SERVER_TLS_KEY: key,
        WHEELHOUSE_SERVER_METRICS_LOCAL: 'true',
      };
    });
  }

  static async start(settings: (aside: string) => Record<string, string> = () => ({})): Promise<House> {
    const aside = mkdtempSync(join(tmpdir(), 'wheelhouse-e2e-'));
    const folder = join(aside, 'data');
    const child = spawn(
      needed('WHEELHOUSE_TEST_BINARY'),
      ['serve', '--data-dir', folder, '--listen', '127.0.0.1:0'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', ...settings(aside) },
      },
    );
    const said: string[] = [];
    const printed = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not ready in time:\n${said.join('\n')}`)),
        READY_WITHIN_MS,
      );
      const listen = (line: string) => {
        said.push(line);
        const address = READY.exec(line)?.[1];
        if (!address) return;
        clearTimeout(timer);
        resolve(address);
      };
      if (child.stdout) createInterface(child.stdout).on('line', listen);
      if (child.stderr) createInterface(child.stderr).on('line', listen);
      child.once('exit', (code) => reject(new Error(`ended with ${code}:\n${said.join('\n')}`)));
    });
    return new House(child, aside, printed);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      const timer = setTimeout(() => this.process.kill('SIGKILL'), STOPS_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.aside, { recursive: true, force: true });
  }
}
