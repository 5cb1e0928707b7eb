// A running Wheelhouse of its own for a test: the real binary on an empty data folder and a free port.
import { type ChildProcess, spawn } from 'node:child_process';
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
    private readonly folder: string,
    /** The printed address: with the setup token before setup. */
    readonly printed: string,
  ) {}

  get url(): string {
    return new URL(this.printed).origin;
  }

  static async start(): Promise<House> {
    const folder = mkdtempSync(join(tmpdir(), 'wheelhouse-e2e-'));
    const child = spawn(needed('WHEELHOUSE_TEST_BINARY'), ['serve', '--data-dir', folder, '--listen', '127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    const said: string[] = [];
    const printed = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready in time:\n${said.join('\n')}`)), READY_WITHIN_MS);
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
    return new House(child, folder, printed);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      const timer = setTimeout(() => this.process.kill('SIGKILL'), STOPS_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
