import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Lets the browser fetch the font beside the style sheet that names it, not after it. */
const preloadFont: Plugin = {
  name: 'preload-font',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle }) =>
      Object.keys(bundle ?? {})
        .filter((file) => file.endsWith('.woff2'))
        .map((file) => ({
          tag: 'link',
          attrs: {
            rel: 'preload',
            as: 'font',
            type: 'font/woff2',
            crossorigin: '',
            href: `/${file}`,
          },
          injectTo: 'head',
        })),
  },
};

export default defineConfig({
  plugins: [react(), preloadFont],
  resolve: { alias: { '@': at('./src'), '@test': at('./test') } },
  server: { port: 3000, strictPort: true, host: '127.0.0.1' },
  build: {
    target: 'es2022',
    // Nothing inline: the content security policy takes files alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Libraries change less often than the page: they stay in the browser's cache.
        manualChunks: (id) => (id.includes('/node_modules/') ? 'libraries' : undefined),
      },
    },
  },
  test: {
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: { name: 'pure', environment: 'node', include: ['src/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'page',
          environment: 'jsdom',
          testTimeout: 20_000,
          setupFiles: ['./test/setup.ts'],
          include: ['src/**/*.test.tsx'],
        },
      },
    ],
  },
});
