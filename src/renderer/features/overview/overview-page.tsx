import { HeartPulse, RefreshCw } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import './overview.css';
import type { Environment } from '../../../contract/environments.ts';
import type { HealthSnapshot, ProbeView } from '../../../contract/health.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { useStores } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { healthLooks } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago } from '../../ui/time.tsx';
import { useConnection } from '../connection/use-connection.ts';
import { AlertList, FiringAlerts } from './alert-list.tsx';
import { ProbeDialog } from './probe-dialog.tsx';
import { ProbeTile } from './probe-tile.tsx';
import { RecentRuns } from './recent-runs.tsx';

const tileOrder = { unhealthy: 0, degraded: 1, unobserved: 2, unknown: 3, healthy: 4 } as const;

/** Numbers of probes by state, in words: `1 unhealthy, 4 healthy`. */
export function countWords(probes: readonly ProbeView[]): string {
  const states = Object.keys(tileOrder) as (keyof typeof tileOrder)[];
  return states
    .map((state) => ({ state, count: probes.filter((probe) => probe.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${healthLooks[state].word.toLowerCase()}`)
    .join(', ');
}

function Verdict({
  snapshot,
  checking,
  connected,
  onCheck,
}: {
  snapshot: HealthSnapshot;
  checking: boolean;
  connected: boolean;
  onCheck: () => void;
}) {
  const look = healthLooks[snapshot.overall];
  const Icon = look.icon;
  return (
    <section className={`verdict verdict-${snapshot.overall}`} aria-label="Overall health">
      <Icon size={26} aria-hidden="true" className={`tone-${look.tone}`} />
      <div className="grow" role="status">
        <h2 className={`tone-${look.tone}`}>{look.word}</h2>
        <p className="break">{snapshot.summary}</p>
      </div>
      <div className="verdict-side">
        <span className="faint">
          {countWords(snapshot.probes)} · <Ago at={snapshot.at} />
        </span>
        <Button icon={RefreshCw} busy={checking} disabled={!connected} keys="r" onClick={onCheck}>
          Check now
        </Button>
      </div>
    </section>
  );
}

/** What is wrong, at one look: a sentence, the probes, the rules, the last runs. */
export function OverviewPage({ environment }: { environment: Environment }) {
  const { health } = useStores();
  const { id } = environment;
  const state = useStore(health.store, (all) => all[id]);
  const { connected } = useConnection(id);
  const [opened, setOpened] = useState<string>();
  useEffect(() => health.watch(id), [health, id]);

  const commands = useMemo(
    (): Command[] => [
      {
        id: 'check-now',
        title: 'Check now',
        group: 'Here',
        keys: 'r',
        words: 'refresh probe health look',
        run: () => void health.check(id),
      },
      { id: 'reload', title: 'Check now', group: 'Here', hidden: true, run: () => void health.check(id) },
    ],
    [health, id],
  );
  useCommands(commands);

  const snapshot = state?.snapshot;
  if (snapshot === undefined) {
    return (
      <div className="page">
        {state?.problem !== undefined ? (
          <ProblemView problem={state.problem} onRetry={() => void health.check(id)} />
        ) : (
          <div className="tiles" role="status" aria-label="Loading health">
            {['a', 'b', 'c', 'd', 'e', 'f'].map((tile) => (
              <div key={tile} className="tile tile-empty">
                <Skeleton lines={4} />
              </div>
            ))}
          </div>
        )}
      </div>
    );
  }
  const probe = snapshot.probes.find((each) => each.id === opened);
  return (
    <div className="page">
      <div className="overview">
        {state?.problem !== undefined && <ProblemView problem={state.problem} onRetry={() => void health.check(id)} />}
        <Verdict
          snapshot={snapshot}
          checking={state?.status === 'refreshing'}
          connected={connected}
          onCheck={() => void health.check(id)}
        />
        <FiringAlerts alerts={snapshot.alerts} />
        {snapshot.probes.length === 0 ? (
          <Empty icon={HeartPulse} title="This stack has no probes">
            <p>There is nothing to look at on a schedule. Logs, backups and runs work as ever.</p>
          </Empty>
        ) : (
          <ul className="tiles" aria-label="Probes">
            {snapshot.probes.map((each) => (
              <ProbeTile key={each.id} probe={each} onOpen={() => setOpened(each.id)} />
            ))}
          </ul>
        )}
        <div className="overview-lower">
          <AlertList alerts={snapshot.alerts} />
          <RecentRuns environment={environment} />
        </div>
      </div>
      {probe !== undefined && <ProbeDialog environment={environment} probe={probe} onClose={() => setOpened(undefined)} />}
    </div>
  );
}
