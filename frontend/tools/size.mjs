// Measures what the first load costs, as a browser gets it (gzip), and refuses more than the budget.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 200_000;
const dist = new URL('../dist/', import.meta.url);

const page = await readFile(new URL('index.html', dist), 'utf8');
const first = ['index.html', 'config.json'];
for (const [, path] of page.matchAll(/(?:src|href)="\/([^"]+)"/g)) {
  if (!first.includes(path)) {
    first.push(path);
  }
}
const styles = first.filter((path) => path.endsWith('.css'));
for (const style of styles) {
  const text = await readFile(new URL(style, dist), 'utf8');
  for (const [, path] of text.matchAll(/url\(\/([^)]+)\)/g)) {
    if (!first.includes(path)) {
      first.push(path);
    }
  }
}

let total = 0;
for (const path of first) {
  const bytes = await readFile(new URL(path, dist));
  // Fonts are compressed already.
  const size = path.endsWith('.woff2') ? bytes.length : gzipSync(bytes, { level: 9 }).length;
  total += size;
  console.log(`${String(size).padStart(8)}  ${path}`);
}
console.log(`${String(total).padStart(8)}  first load, gzip (budget ${BUDGET_BYTES})`);
if (total > BUDGET_BYTES) {
  console.error('The first load is over its budget.');
  process.exit(1);
}
