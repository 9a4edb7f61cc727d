// Serves dist/ as any server of the page has to (see README.md), for the browser tests:
//   node tools/serve.mjs PORT API_BASE_URL
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

const [port = '3000', api = ''] = process.argv.slice(2);
const dist = new URL('../dist/', import.meta.url);

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** The hash is that of an empty style element: styled-components fills it through the CSSOM. */
function policy(host) {
  const origin = api || `http://${host.replace(/:\d+$/, '')}:3001`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "font-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${origin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

const server = createServer((request, response) => {
  void answer(request, response);
});

async function answer(request, response) {
  const path = new URL(request.url, 'http://page').pathname.slice(1);
  const isFile = /^(assets\/[\w.-]+|[\w-]+\.(js|json|svg))$/.test(path);
  const name = isFile ? path : 'index.html';
  try {
    const body =
      name === 'config.json' && api
        ? Buffer.from(JSON.stringify({ apiBaseUrl: api }))
        : await readFile(new URL(name, dist));
    response.writeHead(200, {
      'content-type': TYPES[extname(name)],
      'cache-control': name.startsWith('assets/')
        ? 'public, max-age=31536000, immutable'
        : 'no-cache',
      'content-security-policy': policy(request.headers.host ?? 'localhost'),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    });
    response.end(body);
  } catch {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
  }
}

server.listen(Number(port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
