import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const quiet = { configFile: false, logLevel: 'error' } as const;

/** Builds the fixture's page into a folder, as the product's is built. */
export async function buildFixturePage(folder: string): Promise<void> {
  await build({
    ...quiet,
    root: at('./fixture-page'),
    base: './',
    build: { outDir: folder, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, minify: false },
  });
}

/** Builds the product's preload to `<folder>/index.cjs`, as the product's build does. */
export async function buildPreload(folder: string): Promise<void> {
  await build({
    ...quiet,
    build: {
      outDir: folder,
      minify: false,
      ssr: at('../../../src/preload/index.ts'),
      rolldownOptions: { external: ['electron'], output: { format: 'cjs', entryFileNames: 'index.cjs' } },
    },
  });
}
