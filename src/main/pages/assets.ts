import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { NONCE_PLACEHOLDER } from '../../contract/wire.ts';

/** A file of the interface, ready to be sent. */
export interface Asset {
  readonly body: Buffer;
  readonly type: string;
  /** Its name holds a hash of its content, so it may be kept for ever. */
  readonly hashed: boolean;
}

/**
 * The built interface, by URL path. What is not in here is not served: containment does not rest on resolving paths, and
 * a path is looked up exactly as it was sent, undecoded.
 */
export type Assets = ReadonlyMap<string, Asset>;

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};

const HASHED = /^\/assets\/.+-[\w-]{8,}\.\w+$/;

/** Reads a built interface. Symbolic links, hidden files and types the interface does not use are left out. */
export async function loadAssets(folder: string): Promise<Assets> {
  const assets = new Map<string, Asset>();
  const read = async (directory: string, path: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const at = `${path}${encodeURIComponent(entry.name)}`;
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) await read(join(directory, entry.name), `${at}/`);
      const type = types[extname(entry.name)];
      if (!entry.isFile() || type === undefined) continue;
      assets.set(at, { body: await readFile(join(directory, entry.name)), type, hashed: HASHED.test(at) });
    }
  };
  await read(folder, '/');
  const index = assets.get('/index.html');
  if (index === undefined) throw new Error(`The interface is not built: there is no index.html in ${folder}.`);
  assets.set('/', index);
  return assets;
}

/** The page, with the nonce of this response in place. */
export function withNonce(page: Buffer, nonce: string): string {
  return page.toString('utf8').replaceAll(NONCE_PLACEHOLDER, nonce);
}
