import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this program's own files lie, whether it runs from the sources, from the build, or packaged. */
export interface Places {
  /** Holds `stacks/`. */
  readonly resources: string;
  /** The built renderer. */
  readonly assets: string;
  readonly version: string;
}

/** Looks upwards from this file for the folder with `package.json`. @throws Error when the installation is incomplete */
export function findPlaces(from: string = dirname(fileURLToPath(import.meta.url))): Places {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && existsSync(join(folder, 'resources', 'stacks'))) {
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
      return { resources: join(folder, 'resources'), assets: join(folder, 'out', 'renderer'), version };
    }
    if (dirname(folder) === folder) throw new Error('This installation is incomplete: its resources are missing.');
  }
}
