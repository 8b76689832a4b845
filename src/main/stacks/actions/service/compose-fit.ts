import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { look } from '../job.ts';

const script = `if docker compose version >/dev/null 2>&1; then echo form=plugin; else echo form=program; fi
printf 'api=%s\\n' "$(docker version --format '{{.Server.APIVersion}}' 2>/dev/null)"
`;

/** Engines from here on leave out of an image's description what docker-compose 1 needs of it (docker/compose #11742). */
const SINCE = [1, 44] as const;

/** Can this compose re-create containers on this engine? `program` is docker-compose 1, which takes the former one away before it fails. */
export function composeFits(form: string, api: string): PreflightItem {
  const item = { id: 'compose-version', title: 'Compose and engine' };
  const match = /^(\d{1,3})\.(\d{1,3})$/.exec(api);
  if (match === null || (form !== 'plugin' && form !== 'program'))
    return { ...item, verdict: 'unknown', detail: 'The engine does not tell its version.' };
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const newer = major > SINCE[0] || (major === SINCE[0] && minor >= SINCE[1]);
  return form === 'program' && newer
    ? {
        ...item,
        verdict: 'block',
        detail: `docker-compose 1 can't re-create containers on this engine (API ${api}): it takes the former one away and fails then. Install the compose plugin.`,
      }
    : { ...item, verdict: 'pass', detail: `${form === 'plugin' ? 'docker compose' : 'docker-compose'}, engine API ${api}.` };
}

/** {@link composeFits} of a host. */
export async function composeFit(context: ActionContext): Promise<PreflightItem> {
  const { facts } = await look(await context.session(), { script }, { timeoutMs: 20_000 });
  return composeFits(facts['form'] ?? '', facts['api'] ?? '');
}
