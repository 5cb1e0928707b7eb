// Runs the independent computation of the figures.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { needed } from './house';

export interface Figures {
  rows: number;
  summer: number;
  summer_latest: string[][];
  tail: number;
  late_empty: number;
  row_150000: string[];
}

export function figures(): Figures {
  const script = fileURLToPath(new URL('./figures.py', import.meta.url));
  const output = execFileSync(needed('WHEELHOUSE_TEST_PYTHON'), [script, needed('WHEELHOUSE_TEST_FLIGHTS')]);
  return JSON.parse(output.toString()) as Figures;
}
