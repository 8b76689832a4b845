import { BookOpen, FileDown, Settings as Gear, Plus, Search } from 'lucide-react';
import { useEffect } from 'react';
import { useStore } from 'zustand';
import type { Environment, Tier } from '../../contract/environments.ts';
import { useConnection } from '../features/connection/use-connection.ts';
import { connectionLook } from '../features/connection/words.ts';
import { Skeleton } from '../ui/empty.tsx';
import { formatLatency } from '../ui/format.ts';
import { Kbd } from '../ui/kbd.tsx';
import { Logo } from '../ui/logo.tsx';
import { healthLooks, tierMeanings } from '../ui/marks.tsx';
import { useLoadable } from './loadable.ts';
import type { Route } from './router.ts';
import { sectionLink } from './router.ts';
import { useStores } from './services.tsx';

const tiers: readonly Tier[] = ['production', 'staging', 'development'];

/** Health is watched where there is a connection: a dot that is not fresh would be a lie. */
function useHealthDot(environmentId: string, connected: boolean) {
  const { health } = useStores();
  useEffect(() => (connected ? health.watch(environmentId) : undefined), [health, environmentId, connected]);
  return useStore(health.store, (all) => all[environmentId]?.snapshot?.overall);
}

function RailItem({ environment, current }: { environment: Environment; current: boolean }) {
  const { state, busy, connected } = useConnection(environment.id);
  const overall = useHealthDot(environment.id, connected);
  const link = connectionLook(state, busy);
  const health = connected && overall !== undefined ? healthLooks[overall] : undefined;
  const look = health ?? link;
  const Icon = look.icon;
  const words = connected
    ? [health?.word ?? link.word, state?.latencyMs === undefined ? '' : formatLatency(state.latencyMs)].filter(Boolean).join(' · ')
    : link.word;
  return (
    <a
      className={`rail-item rail-${environment.tier}`}
      href={sectionLink(environment.id, 'overview')}
      aria-current={current ? 'page' : undefined}
      title={environment.name}
    >
      <Icon size={15} aria-hidden="true" className={`tone-${look.tone} ${look.tone === 'busy' ? 'spin' : ''}`} />
      <span className="rail-words">
        <span className="truncate rail-name">{environment.name}</span>
        <span className="truncate rail-state">{words}</span>
      </span>
      {environment.demo && <span className="tag">Demo</span>}
    </a>
  );
}

/** The environments by tier, and the ways to what belongs to all of them. */
export function Rail({ route }: { route: Route }) {
  const { environments, commands } = useStores();
  const { data, status, problem } = useLoadable(environments);
  const here = 'id' in route ? route.id : undefined;
  return (
    <nav className="rail" aria-label="Quarterdeck">
      <a className="rail-brand" href="#/welcome" aria-label="Quarterdeck: welcome">
        <Logo size={22} />
        <span>Quarterdeck</span>
      </a>
      <button type="button" className="rail-search" onClick={() => commands.setState({ palette: true })}>
        <Search size={14} aria-hidden="true" />
        <span className="grow">Commands</span>
        <Kbd keys="mod+k" />
      </button>
      <div className="rail-list">
        {status === 'loading' && <Skeleton lines={4} label="Loading environments" />}
        {problem !== undefined && data === undefined && <p className="rail-empty">{problem.message}</p>}
        {data?.length === 0 && <p className="rail-empty">No environments yet. Add one, or try the demo from the welcome page.</p>}
        {tiers.map((tier) => {
          const of = (data ?? []).filter((environment) => environment.tier === tier);
          if (of.length === 0) return null;
          return (
            <section key={tier} aria-label={`${tierMeanings[tier].word} environments`}>
              <h2 className={`rail-tier rail-tier-${tier}`}>{tierMeanings[tier].word}</h2>
              {of.map((environment) => (
                <RailItem key={environment.id} environment={environment} current={environment.id === here} />
              ))}
            </section>
          );
        })}
      </div>
      <div className="rail-foot">
        <a className="rail-link" href="#/new" aria-current={route.page === 'new' ? 'page' : undefined}>
          <Plus size={15} aria-hidden="true" />
          Add environment
        </a>
        <a className="rail-link" href="#/import" aria-current={route.page === 'import' ? 'page' : undefined}>
          <FileDown size={15} aria-hidden="true" />
          Import
        </a>
        <a className="rail-link" href="#/journal" aria-current={route.page === 'journal' ? 'page' : undefined}>
          <BookOpen size={15} aria-hidden="true" />
          All activity
        </a>
        <a className="rail-link" href="#/settings" aria-current={route.page === 'settings' ? 'page' : undefined}>
          <Gear size={15} aria-hidden="true" />
          Settings
        </a>
      </div>
    </nav>
  );
}
