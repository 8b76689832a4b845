import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';

/** A path that leads out of the confined folder. */
export class OutsideRoot extends Error {}

/**
 * Turns what a client sends into real paths inside `root`, symbolic links followed. Paths are the machine's own (no chroot is
 * pretended), so that a path means the same over SFTP and in the shell. Relative ones start at `home`.
 */
export function createPathGuard(root: string, home: string) {
  const inside = (path: string, top: string) => path === top || path.startsWith(top + sep);

  async function real(path: string): Promise<string> {
    try {
      return await realpath(path);
    } catch (error) {
      // A file that is yet to be made: its folder decides. A dangling link also lands here, and is stopped by O_NOFOLLOW.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return join(await realpath(dirname(path)), basename(path));
    }
  }

  async function checked(path: string): Promise<string> {
    if (!inside(path, await realpath(root))) throw new OutsideRoot('Outside the practice folder.');
    return path;
  }

  const absolute = (path: string) => (isAbsolute(path) ? resolve(path) : resolve(home, path));

  return {
    /** For what follows a link at the end (open, stat, opendir). @throws OutsideRoot */
    follow: async (path: string) => checked(await real(absolute(path))),
    /** For what works on the name itself (lstat, remove, rename). @throws OutsideRoot */
    entry: async (path: string) => {
      const full = absolute(path);
      // The root itself has no entry inside the root.
      if (full === root) return checked(await realpath(root));
      return checked(join(await realpath(dirname(full)), basename(full)));
    },
  };
}
