import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const SETTLE_MS = 5_000;
const POLL_MS = 50;

interface Found {
  readonly pid: number;
  readonly command: string;
}

function look(folder: string): Found[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
      const here = readlinkSync(`/proc/${name}/cwd`);
      const its = command.includes(folder) || here.startsWith(folder) || environment.includes(folder);
      return its && command !== '' ? [{ pid: Number(name), command }] : [];
    } catch {
      // It ended between the listing and the look, or is somebody else's.
      return [];
    }
  });
}

/** Processes that still work in a folder after a moment to end. Linux only; elsewhere none are found. */
export async function processesAt(folder: string): Promise<Found[]> {
  const deadline = performance.now() + SETTLE_MS;
  let found = look(folder);
  while (found.length > 0 && performance.now() < deadline) {
    await new Promise((next) => setTimeout(next, POLL_MS));
    found = look(folder);
  }
  return found;
}
