import { Logs } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import './logs.css';
import type { Environment } from '../../../contract/environments.ts';
import type { LogSource } from '../../../contract/logs.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { useLoadable } from '../../app/loadable.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useServices, useStores } from '../../app/services.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { useConnection } from '../connection/use-connection.ts';
import type { FilterForm } from './filter.ts';
import { filterFromQuery, filterToQuery, isFiltered, toLogFilter } from './filter.ts';
import { createFollow } from './follow-store.ts';
import { LogBar } from './log-bar.tsx';
import { LogDetails } from './log-details.tsx';
import { LogFollow } from './log-follow.tsx';
import { LogSearch } from './log-search.tsx';
import type { LogRow } from './ring.ts';

type Query = Readonly<Record<string, string>>;

function LogView({
  environment,
  sources,
  source,
  query,
}: {
  environment: Environment;
  sources: readonly LogSource[];
  source: LogSource;
  query: Query;
}) {
  const { host } = useServices();
  const { connected } = useConnection(environment.id);
  const { id } = environment;
  const { text, request, level, audit } = query;
  const form = useMemo(
    () => filterFromQuery({ text: text ?? '', request: request ?? '', level: level ?? '', audit: audit ?? '' }),
    [text, request, level, audit],
  );
  const filter = useMemo(() => toLogFilter(form), [form]);
  const mode = query['mode'] === 'search' ? 'search' : 'follow';
  const [wrap, setWrap] = useState(false);
  const [selected, setSelected] = useState<{ number: number; row: LogRow }>();
  const follow = useMemo(() => createFollow(host, { environmentId: id, sourceId: source.id, filter }), [host, id, source.id, filter]);
  const paused = useStore(follow.store, ({ status }) => status === 'paused');

  useEffect(() => {
    setSelected(undefined);
    return () => follow.close();
  }, [follow]);
  useEffect(() => {
    // A connection that comes back by itself carries on inside the stream; this is for the first one and for after a failure.
    const { status } = follow.store.getState();
    if (mode === 'follow' && connected && status !== 'paused' && status !== 'live') follow.start();
    if (mode === 'search') follow.close();
  }, [follow, connected, mode]);

  const go = useCallback(
    (change: Query) =>
      navigate(
        sectionLink(id, 'logs', undefined, {
          source: source.id,
          ...filterToQuery(form),
          mode: mode === 'search' ? 'search' : '',
          ...change,
        }),
        { replace: true },
      ),
    [id, source.id, form, mode],
  );
  const setForm = useCallback((next: FilterForm) => go(filterToQuery(next)), [go]);
  const onRequest = useCallback((requestId: string) => setForm({ ...form, requestId }), [setForm, form]);
  const onSelect = useCallback(
    (number: number | undefined, row?: LogRow) => setSelected(number === undefined || row === undefined ? undefined : { number, row }),
    [],
  );
  const onPause = useCallback(() => (follow.store.getState().status === 'paused' ? follow.resume() : follow.pause()), [follow]);

  const commands = useMemo(
    (): Command[] => [
      { id: 'log-pause', title: paused ? 'Go on following' : 'Pause the log', group: 'Here', keys: 'p', run: onPause },
      {
        id: 'log-search',
        title: mode === 'search' ? 'Follow live' : 'Search the whole history',
        group: 'Here',
        keys: 's',
        run: () => go({ mode: mode === 'search' ? '' : 'search' }),
      },
      { id: 'log-wrap', title: wrap ? 'Do not wrap lines' : 'Wrap lines', group: 'Here', keys: 'w', run: () => setWrap(!wrap) },
      {
        id: 'log-audit',
        title: form.audit ? 'All lines' : 'Audit lines only',
        group: 'Here',
        keys: 'a',
        run: () => setForm({ ...form, audit: !form.audit }),
      },
      {
        id: 'log-clear-filter',
        title: 'Clear the filter',
        group: 'Here',
        run: () => setForm({ text: '', requestId: '', minLevel: '', audit: false }),
      },
      { id: 'log-clear', title: 'Clear the lines shown', group: 'Here', run: follow.clear },
      ...sources.map(
        (each): Command => ({
          id: `log-source-${each.id}`,
          title: `Source: ${each.title}`,
          note: each.location,
          group: 'Here',
          run: () => go({ source: each.id }),
        }),
      ),
    ],
    [paused, mode, wrap, form, sources, onPause, go, setForm, follow],
  );
  useCommands(commands);

  const line = selected?.row.kind === 'line' ? selected.row.line : undefined;
  const common = { wrap, selected: selected?.number, onSelect, onRequest };
  return (
    <div className="page-fixed">
      <LogBar
        sources={sources}
        source={source}
        form={form}
        wrap={wrap}
        mode={mode}
        paused={paused}
        onSource={(next) => go({ source: next })}
        onForm={setForm}
        onWrap={() => setWrap(!wrap)}
        onPause={onPause}
        onMode={(next) => go({ mode: next === 'search' ? 'search' : '' })}
      />
      <div className="split">
        <div className="split-main">
          {mode === 'search' ? (
            <LogSearch environmentId={id} sourceId={source.id} filter={filter} {...common} />
          ) : (
            <LogFollow follow={follow} filtered={isFiltered(form)} sought={form.text} {...common} />
          )}
        </div>
        {line !== undefined && <LogDetails line={line} onClose={() => setSelected(undefined)} onRequest={onRequest} />}
      </div>
    </div>
  );
}

/** The logs of one environment. Source and filter are in the address. */
export function LogsPage({ environment, query }: { environment: Environment; query: Query }) {
  const { sources } = useStores();
  const list = sources(environment.id);
  const { data, problem } = useLoadable(list);
  const { connected } = useConnection(environment.id);
  useEffect(() => {
    if (connected && list.store.getState().status === 'failed') void list.refresh();
  }, [connected, list]);
  if (data === undefined) {
    return (
      <div className="page">
        {problem === undefined ? (
          <Skeleton lines={10} label="Loading log sources" />
        ) : (
          <ProblemView problem={problem} onRetry={() => void list.refresh()} />
        )}
      </div>
    );
  }
  const source = data.find(({ id }) => id === query['source']) ?? data[0];
  if (source === undefined) {
    return (
      <Empty icon={Logs} title="No log sources">
        <p>The stack declares none, or the inputs they need are empty. Edit the environment to name the log file, container or unit.</p>
      </Empty>
    );
  }
  return <LogView key={source.id} environment={environment} sources={data} source={source} query={query} />;
}
