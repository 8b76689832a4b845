import { formatBytes } from '../../contract/bytes.ts';
import type { RemoteScript, SshSession } from '../drivers/ssh/types.ts';
import { cleanText } from '../drivers/text.ts';
import type { ProbeDefinition } from '../stacks/schema.ts';
import { lookOfError, lookOfProblem, unobserved } from './http-look.ts';
import type { Look } from './types.ts';
import { within } from './within.ts';

/** POSIX output, in KiB, words in English. */
const DISK_FREE = 'LC_ALL=C; export LC_ALL; exec df -P -k -- "$1"';

/** The script of a look at the free space below a path. */
export function diskScript(path: string): RemoteScript {
  return { script: DISK_FREE, args: [path] };
}

/** One file system as `df -P -k` tells it; the device and the mount point may hold spaces. Sizes in bytes. */
export function parseDf(text: string): { total: number; used: number; available: number; mount: string } | undefined {
  for (const line of text.split('\n').slice(1).reverse()) {
    const match = /\s(\d{1,15})\s+(\d{1,15})\s+(-?\d{1,15})\s+(?:\d+%|-)\s+(\/.*)$/.exec(line);
    if (match === null) continue;
    const [total, used, available] = match.slice(1, 4).map((part) => Number(part) * 1024) as [number, number, number];
    return { total, used, available: Math.max(0, available), mount: cleanText(match[4] ?? '', { maxLength: 200 }) };
  }
  return undefined;
}

/** Takes one look at the free space. Never throws. The percentage is of what this user may use, as `df` counts it. */
export async function lookAtDisk(options: {
  probe: ProbeDefinition;
  path: string;
  session: () => Promise<SshSession>;
  signal: AbortSignal;
}): Promise<Look> {
  const limits = options.probe.disk;
  if (limits === undefined) return unobserved('the stack gives no limits for this');
  if (options.path === '') return unobserved(`the input ${limits.path} of this environment is not set`);
  try {
    const session = await options.session();
    const { timeout } = options.probe;
    const asked = session.exec(diskScript(options.path), { timeoutMs: timeout, maxBytes: 64 * 1024, signal: options.signal });
    const result = await within(asked, timeout, 'df');
    if (result.outcome !== 'done') {
      // A silent `df` can be a hung network mount; that the connection lives is checked by the caller.
      return lookOfProblem(result.problem);
    }
    const disk = parseDf(result.stdout.toString('utf8'));
    if (disk === undefined || result.exitCode !== 0) {
      const said = cleanText(result.stderr.toString('utf8'), { maxLength: 300 }).trim();
      return { state: 'unhealthy', words: `the free space can't be read: ${said === '' ? 'df gave no figures' : said}`, facts: {} };
    }
    const usable = disk.used + disk.available;
    const percent = usable === 0 ? 0 : (disk.available / usable) * 100;
    const words = `${percent.toFixed(percent < 10 ? 1 : 0)} % free (${formatBytes(disk.available)} of ${formatBytes(usable)} on ${disk.mount})`;
    const state = percent < limits.unhealthy_below_percent ? 'unhealthy' : percent < limits.degraded_below_percent ? 'degraded' : 'healthy';
    return { state, words, facts: { Free: formatBytes(disk.available), 'Free %': percent.toFixed(1), 'Mounted on': disk.mount } };
  } catch (error) {
    return lookOfError(error);
  }
}
