import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Every program the host side is made of; each becomes `out/main/<name>.js`. */
const mainEntries: Record<string, string> = {
  index: at('src/main/index.ts'),
  serve: at('src/main/serve.ts'),
  cli: at('src/main/cli.ts'),
  'demo-child': at('src/main/demo/child.ts'),
  'demo-service': at('src/main/demo/friendlyface/service.ts'),
};

export default defineConfig({
  // Run-time dependencies stay in node_modules (electron-vite externalises package.json's `dependencies`):
  // two are native, ssh2 resolves optional natives by itself, and one copy serves all five entries.
  main: {
    build: {
      outDir: 'out/main',
      target: 'node22.12',
      rolldownOptions: {
        input: mainEntries,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  // A sandboxed preload can't be an ES module and can't require packages: one CommonJS file, everything inside but electron.
  preload: {
    build: {
      outDir: 'out/preload',
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: at('src/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'src/renderer',
    base: './',
    plugins: [react()],
    build: {
      outDir: 'out/renderer',
      emptyOutDir: true,
      // The page's CSP allows no inline script and no data: script, so nothing may be inlined into index.html.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      minify: true,
      rolldownOptions: { input: { index: at('src/renderer/index.html') } },
    },
  },
});
