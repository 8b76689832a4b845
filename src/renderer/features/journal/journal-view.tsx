import { BookOpen, Search, X } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import './journal.css';
import type { Environment } from '../../../contract/environments.ts';
import type { JournalEntry, JournalVerification } from '../../../contract/journal.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { useLoadable } from '../../app/loadable.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useServices, useStores } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { plural } from '../../ui/format.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Exact } from '../../ui/time.tsx';
import type { GridColumn } from '../../ui/virtual-grid.tsx';
import { VirtualGrid } from '../../ui/virtual-grid.tsx';
import { createEntries } from './entries-store.ts';
import { JournalDetails } from './journal-details.tsx';
import { JournalTools, NoteDialog, VerificationNote } from './journal-tools.tsx';
import type { Group } from './kinds.ts';
import { groups, kindWords } from './kinds.ts';

const TYPING_MS = 250;

function useColumns(everywhere: boolean): GridColumn<JournalEntry>[] {
  const { data } = useLoadable(useStores().environments);
  return useMemo(
    () => [
      { id: 'at', title: 'When', cell: ({ at }) => <Exact at={at} /> },
      ...(everywhere
        ? [
            {
              id: 'environment',
              title: 'Environment',
              cell: ({ environmentId }: JournalEntry) => (
                <span title={environmentId ?? ''}>
                  {environmentId === null ? '' : (data?.find(({ id }) => id === environmentId)?.name ?? environmentId)}
                </span>
              ),
            },
          ]
        : []),
      { id: 'kind', title: 'What', cell: ({ kind }) => kindWords(kind) },
      { id: 'summary', title: 'Summary', cell: ({ summary }) => <span title={summary}>{summary}</span> },
      { id: 'who', title: 'Who', cell: ({ operator }) => <span title={operator}>{operator}</span> },
      {
        id: 'seq',
        title: 'No.',
        right: true,
        cell: ({ seq, hash }) => (
          <span className="mono faint" title={hash}>
            {seq}
          </span>
        ),
      },
    ],
    [everywhere, data],
  );
}

/** What was done and seen, newest first. Of one environment, of one run, or of all. */
export function JournalView({ environment, runId }: { environment?: Environment; runId?: string | undefined }) {
  const { client, stores } = useServices();
  const environmentId = environment?.id;
  const [group, setGroup] = useState<Group | ''>('');
  const [typed, setTyped] = useState('');
  const [text, setText] = useState('');
  const [selected, setSelected] = useState<number>();
  const [verified, setVerified] = useState<JournalVerification>();
  const [noting, setNoting] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setText(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const entries = useMemo(() => createEntries(client, { environmentId, runId, group, text }), [client, environmentId, runId, group, text]);
  const { status, entries: rows, total, problem } = useStore(entries.store);
  useEffect(() => {
    entries.start();
    const stop = stores.pulse.listen(entries.take);
    return () => {
      stop();
      entries.close();
    };
  }, [entries, stores]);
  const commands = useMemo(
    (): Command[] => [
      { id: 'note', title: 'Add a note to the journal', group: 'Here', keys: 'n', run: () => setNoting(true) },
      { id: 'reload', title: 'Reload the journal', group: 'Here', hidden: true, run: entries.start },
    ],
    [entries],
  );
  useCommands(commands);
  const columns = useColumns(environment === undefined);
  const rowKey = useCallback((entry: JournalEntry) => String(entry.seq), []);
  const entry = rows.find(({ seq }) => seq === selected);
  const filtered = group !== '' || text.trim() !== '' || runId !== undefined;

  return (
    <div className="page-fixed">
      <div className="toolbar">
        <div className="search journal-search">
          <Search size={14} aria-hidden="true" />
          <input
            className="input"
            type="search"
            data-filter
            aria-label="Filter journal"
            placeholder="Filter  ( / )"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
        <select
          className="input select journal-kind"
          aria-label="Kind of entry"
          value={group}
          onChange={(event) => setGroup((Object.keys(groups) as Group[]).find((each) => each === event.target.value) ?? '')}
        >
          <option value="">Everything</option>
          {(Object.keys(groups) as Group[]).map((each) => (
            <option key={each} value={each}>
              {groups[each]}
            </option>
          ))}
        </select>
        {runId !== undefined && environmentId !== undefined && (
          <Button small icon={X} onClick={() => navigate(sectionLink(environmentId, 'journal'))}>
            One run only
          </Button>
        )}
        <span className="faint nowrap">{plural(total, 'entry', 'entries')}</span>
        <div className="row end">
          <JournalTools environmentId={environmentId} onVerified={setVerified} onNote={() => setNoting(true)} />
        </div>
      </div>
      {verified !== undefined && (
        <div className="strip-problem">
          <VerificationNote result={verified} />
        </div>
      )}
      {problem !== undefined && (
        <div className="strip-problem">
          <ProblemView problem={problem} onRetry={entries.start} />
        </div>
      )}
      <div className="split">
        <div className="split-main journal-list">
          {status === 'loading' && rows.length === 0 && (
            <div className="page">
              <Skeleton lines={12} label="Loading the journal" />
            </div>
          )}
          {status === 'ready' && rows.length === 0 && (
            <Empty icon={BookOpen} title={filtered ? 'No entry passes this filter' : 'Nothing is written yet'}>
              <p>
                {filtered
                  ? 'Take a part of the filter away.'
                  : 'Runs, changes of health, host keys and notes are written here as they happen.'}
              </p>
            </Empty>
          )}
          {rows.length > 0 && (
            <VirtualGrid
              label="Journal entries"
              columns={columns}
              layout={environment === undefined ? 'journal-columns-all' : 'journal-columns'}
              rows={rows}
              rowKey={rowKey}
              selected={selected === undefined ? undefined : String(selected)}
              onSelect={({ seq }) => setSelected(seq)}
              onEnd={entries.more}
              rowHeight={30}
            />
          )}
        </div>
        {entry !== undefined && <JournalDetails entry={entry} onClose={() => setSelected(undefined)} />}
      </div>
      {noting && <NoteDialog environmentId={environmentId} onClose={() => setNoting(false)} />}
    </div>
  );
}
