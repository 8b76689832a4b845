import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A small file system of its own that can be filled to the last byte. */
export interface SmallDisk {
  readonly dir: string;
  /** Takes all of the free space. Done twice it takes what became free meanwhile. */
  fill(): void;
  /** Gives the taken space back. */
  free(): void;
  unmount(): void;
}

/** Why no file system can be mounted here; undefined when one can. */
export function smallDiskUnavailable(): string | undefined {
  if (process.platform !== 'linux') return 'small full disks need Linux (tmpfs)';
  if (process.getuid?.() !== 0) return 'small full disks need root (mount)';
  return undefined;
}

const BALLAST = '.ballast';

/** Mounts a tmpfs of `mebibytes` on `dir`. */
export function mountSmallDisk(dir: string, mebibytes: number): SmallDisk {
  mkdirSync(dir, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=755`, 'tmpfs', dir], { stdio: 'pipe' });
  let grown = 0;
  return {
    dir,
    fill() {
      grown += 1;
      const file = join(dir, `${BALLAST}-${grown}`);
      for (let tries = 0; tries < 10; tries += 1) {
        const { bavail, bsize } = statfsSync(dir);
        // Whoever else writes there may be faster: then there is less to take.
        if (bavail === 0 || spawnSync('fallocate', ['-l', String(bavail * bsize), file], { stdio: 'pipe' }).status === 0) break;
      }
      // What became free in between, page by page.
      const fd = openSync(`${file}-rest`, 'w');
      try {
        for (const page = Buffer.alloc(4096); ; ) writeSync(fd, page);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(fd);
      }
    },
    free() {
      for (; grown > 0; grown -= 1) for (const rest of ['', '-rest']) rmSync(join(dir, `${BALLAST}-${grown}${rest}`), { force: true });
    },
    unmount: () => unmount(dir),
  };
}

function unmount(dir: string): void {
  try {
    execFileSync('umount', [dir], { stdio: 'pipe' });
  } catch {
    // Somebody's file is still open there; it goes when that process does.
    execFileSync('umount', ['-l', dir], { stdio: 'pipe' });
  }
}

/** Unmounts whatever is still mounted below a folder: the last resort of a run that was broken off. */
export function unmountBelow(root: string): void {
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((dir) => dir.startsWith(`${root}/`));
  for (const dir of mounted.reverse()) unmount(dir);
}
