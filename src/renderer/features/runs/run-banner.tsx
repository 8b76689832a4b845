import { CircleHelp, LoaderCircle } from 'lucide-react';
import { useEffect } from 'react';
import type { Environment } from '../../../contract/environments.ts';
import { useLoadable } from '../../app/loadable.ts';
import { sectionLink, useRoute } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';

const POLL_MS = 5000;

/** Says on every screen of an environment that a run goes on, or that one has no known end. */
export function RunBanner({ environment }: { environment: Environment }) {
  const { runs } = useStores();
  const list = runs(environment.id);
  const { data } = useLoadable(list);
  const route = useRoute();
  const open =
    data?.find(({ state }) => state === 'unknown' || state === 'interrupted' || state === 'paused') ??
    data?.find(({ state }) => state === 'running' || state === 'reverting');
  const goes = open?.state === 'running' || open?.state === 'reverting';
  useEffect(() => {
    if (!goes) return;
    const timer = setInterval(() => void list.refresh(), POLL_MS);
    return () => clearInterval(timer);
  }, [goes, list]);
  if (open === undefined || (route.page === 'environment' && route.item === open.id)) return null;
  return (
    <div className={`strip ${goes ? 'strip-busy' : 'strip-unsure'}`} role="status">
      {goes ? <LoaderCircle size={14} aria-hidden="true" className="spin" /> : <CircleHelp size={14} aria-hidden="true" />}
      <span className="grow truncate">
        <strong>
          {goes
            ? `${open.title} is ${open.state}.`
            : open.state === 'interrupted'
              ? `${open.title} was interrupted.`
              : open.state === 'paused'
                ? `${open.title} is paused.`
                : `${open.title}: a step has no known end.`}
        </strong>{' '}
        {open.summary}
      </span>
      <a href={sectionLink(environment.id, 'runs', open.id)}>Open run</a>
    </div>
  );
}
