import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Where the demo's own programs lie. They have two names each, because they are run by a bare Node, not imported:
 * - from the sources (tests, scripts): `child.ts` and `friendlyface/service.ts` in this folder, run by type stripping;
 * - from the built bundle: `demo-child.js` and `demo-service.js`, separate entries of the main build, beside the file this
 *   module was bundled into, or one folder above it when the bundler put this module into a chunk.
 */
const programs = {
  child: ['./demo-child.js', '../demo-child.js', './child.ts'],
  service: ['./demo-service.js', '../demo-service.js', './friendlyface/service.ts'],
} as const;

/** The absolute path of one of the demo's programs. @throws Error when the build left it out */
export function locateProgram(program: keyof typeof programs): string {
  for (const candidate of programs[program]) {
    const path = fileURLToPath(new URL(candidate, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw new Error(`The demo's ${program} program is missing from this build.`);
}
