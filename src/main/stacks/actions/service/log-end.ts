import type { SshSession } from '../../../drivers/ssh/types.ts';
import { plainLine } from '../../../engine/words.ts';
import { look } from '../job.ts';
import type { ServiceRef } from './ref.ts';

const LINES = 20;

const containerScript = `docker logs --tail ${LINES} -- "$1" 2>&1 | tail -c 16384
`;
const unitScript = `journalctl --no-pager --output=cat --lines=${LINES} --unit="$1" 2>/dev/null | tail -c 16384
`;

/** The last lines a container or a unit wrote, oldest first, as plain text. A control does not tell where its service's log is. */
export async function logEnd(session: SshSession, kind: ServiceRef['kind'], id: string): Promise<string[]> {
  if (kind === 'process' || id === '') return [];
  const script = kind === 'systemd' ? unitScript : containerScript;
  const end = await look(session, { script, args: [id] }, { timeoutMs: 20_000, maxBytes: 64 * 1024 });
  return end.stdout
    .split('\n')
    .map((line) => plainLine(line, 300))
    .filter((line) => line !== '')
    .slice(-LINES);
}
