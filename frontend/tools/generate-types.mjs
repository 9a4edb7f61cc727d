// Writes src/api/schema.gen.ts from the committed OpenAPI document; `--check` only compares.
import { readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const source = new URL('../../docs/openapi.json', import.meta.url);
const target = new URL('../src/api/schema.gen.ts', import.meta.url);

const header =
  '// Generated from docs/openapi.json by `npm run generate`. Not written by hand.\n\n';
const types = astToString(await openapiTS(JSON.parse(await readFile(source, 'utf8'))));
const wanted = header + types;

if (process.argv.includes('--check')) {
  const found = await readFile(target, 'utf8').catch(() => '');
  if (found !== wanted) {
    console.error('src/api/schema.gen.ts is stale: run `npm --prefix frontend run generate`');
    process.exit(1);
  }
} else {
  await writeFile(target, wanted);
}
