// After the build: precompresses what the server hands out as it is, and holds the first load against its budget.
// index.html stays as it is: the server writes a nonce into it for each answer.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const DIST = new URL('../dist/', import.meta.url).pathname;
const FIRST_LOAD_BYTES_MAX = 250_000;
const COMPRESSED = /\.(js|css|svg|json|txt|webmanifest)$/;
const SMALLEST_BYTES = 512;

function brotli(bytes) {
  return brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
}

/** Everything the page needs before it can show its first screen: the entry, what it imports at once, their styles. */
function firstLoad(manifest) {
  const files = new Set();
  const seen = new Set();
  const walk = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const chunk = manifest[key];
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const next of chunk.imports ?? []) walk(next);
  };
  for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) walk(key);
  return files;
}

const manifest = JSON.parse(readFileSync(join(DIST, 'manifest.json'), 'utf8'));
rmSync(join(DIST, 'manifest.json'));

const sizes = new Map();
for (const entry of readdirSync(DIST, { recursive: true })) {
  const path = join(DIST, entry);
  if (!statSync(path).isFile() || !COMPRESSED.test(entry)) continue;
  const bytes = readFileSync(path);
  const small = brotli(bytes);
  sizes.set(entry, small.length);
  if (bytes.length < SMALLEST_BYTES) continue;
  writeFileSync(`${path}.br`, small);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

let total = 0;
for (const file of firstLoad(manifest)) total += sizes.get(file) ?? 0;
console.log(
  `first load: ${(total / 1000).toFixed(1)} kB of ${FIRST_LOAD_BYTES_MAX / 1000} kB (brotli, without fonts)`,
);
if (total > FIRST_LOAD_BYTES_MAX) {
  console.error('the first load is over its budget: load something by route');
  process.exit(1);
}
