import { Archive, Plus, RefreshCw, Search, ShieldCheck, Trash2 } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import './backups.css';
import type { BackupList } from '../../../contract/backups.ts';
import type { Environment } from '../../../contract/environments.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { useLoadable } from '../../app/loadable.ts';
import { navigate, wizardLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { Button, ButtonLink, IconButton } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { formatBytes, formatCount, plural } from '../../ui/format.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago, Exact } from '../../ui/time.tsx';
import type { GridColumn } from '../../ui/virtual-grid.tsx';
import { VirtualGrid } from '../../ui/virtual-grid.tsx';
import { useConnection } from '../connection/use-connection.ts';
import { BackupPanel } from './backup-panel.tsx';
import { CreateBackupDialog } from './create-dialog.tsx';
import type { BackupRow } from './rows.ts';
import { backupRows, retentionWords } from './rows.ts';
import { Verdict } from './verdict.tsx';

const columns: readonly GridColumn<BackupRow>[] = [
  {
    id: 'made',
    title: 'Made',
    cell: ({ backup }) => (
      <span className="two-lines">
        <Ago at={backup.modifiedAt} />
        <span className="faint">
          <Exact at={backup.modifiedAt} />
        </span>
      </span>
    ),
  },
  {
    id: 'label',
    title: 'Label and name',
    cell: ({ backup }) => (
      <span className="two-lines" title={backup.name}>
        {backup.label !== null && <strong className="truncate">{backup.label}</strong>}
        <code className={`truncate ${backup.label === null ? '' : 'faint'}`}>{backup.name}</code>
      </span>
    ),
  },
  { id: 'size', title: 'Size', right: true, cell: ({ backup }) => formatBytes(backup.sizeBytes) },
  { id: 'verified', title: 'Verified', cell: ({ backup }) => <Verdict verification={backup.verifications[0]} withTime /> },
  {
    id: 'fate',
    title: 'Retention',
    cell: ({ backup, fate }) => {
      if (backup.origin?.foreign === true) return <span className="tag tag-warn">Of {backup.origin.environmentName}</span>;
      if (backup.protected) {
        return (
          <span className="tag tag-ok">
            <ShieldCheck size={12} aria-hidden="true" />
            Protected
          </span>
        );
      }
      if (fate === undefined) return null;
      return (
        <span
          className="tag tag-warn"
          title={fate === 'cleanup' ? 'The next cleanup deletes this backup' : 'Making one more backup deletes this one'}
        >
          <Trash2 size={12} aria-hidden="true" />
          {fate === 'cleanup' ? 'Cleanup deletes' : 'Next one deletes'}
        </span>
      );
    },
  },
];

function Statistics({ list }: { list: BackupList }) {
  const { count, totalBytes, oldestAt, newestAt } = list.statistics;
  return (
    <dl className="backup-statistics">
      <div>
        <dt>Backups</dt>
        <dd>{formatCount(count)}</dd>
      </div>
      <div>
        <dt>Together</dt>
        <dd>{formatBytes(totalBytes)}</dd>
      </div>
      <div>
        <dt>Newest</dt>
        <dd>{newestAt === null ? 'none' : <Ago at={newestAt} />}</dd>
      </div>
      <div>
        <dt>Oldest</dt>
        <dd>{oldestAt === null ? 'none' : <Ago at={oldestAt} />}</dd>
      </div>
      <div className="backup-retention">
        <dt>Retention</dt>
        <dd title={list.retention.source}>
          {retentionWords(list.retention)} <span className="faint">({list.retention.source})</span>
        </dd>
      </div>
    </dl>
  );
}

/** The backups of one environment: which are good, which are about to go, and the way back to each. */
export function BackupsPage({ environment }: { environment: Environment }) {
  const { backups, runbooks } = useStores();
  const { id } = environment;
  const list = backups(id);
  const { data, status, problem } = useLoadable(list);
  const { connected } = useConnection(id);
  const known = useLoadable(runbooks(id)).data;
  const runbook = known?.find((each) => each.id === 'create-backup');
  const cleans = known?.some((each) => each.id === 'cleanup-backups') === true;
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<string>();
  const [creating, setCreating] = useState(false);
  const rows = useMemo(() => (data === undefined ? [] : backupRows(data, text)), [data, text]);
  const row = rows.find(({ backup }) => backup.name === chosen) ?? rows[0];
  const name = row?.backup.name;
  const refresh = useCallback(() => void list.refresh(), [list]);
  const restore = useCallback((backup: string) => navigate(wizardLink(id, 'restore-backup', { backup })), [id]);

  useEffect(() => {
    // The connection came (back): what failed or is old is read again.
    if (connected && list.store.getState().status !== 'loading') void list.refresh();
  }, [connected, list]);

  const commands = useMemo(
    (): Command[] => [
      ...(runbook === undefined
        ? []
        : [{ id: 'backup-create', title: 'Create backup', group: 'Here', keys: 'b', run: () => setCreating(true) } satisfies Command]),
      { id: 'backup-refresh', title: 'Reload the backups', group: 'Here', keys: 'r', run: refresh },
      { id: 'reload', title: 'Reload the backups', group: 'Here', hidden: true, run: refresh },
      ...(name === undefined
        ? []
        : [
            {
              id: 'backup-restore',
              title: 'Restore the chosen backup…',
              note: name,
              group: 'Here',
              run: () => restore(name),
            } satisfies Command,
          ]),
    ],
    [runbook, refresh, name, restore],
  );
  useCommands(commands);

  return (
    <div className="page-fixed">
      <div className="toolbar">
        <div className="search backup-search">
          <Search size={14} aria-hidden="true" />
          <input
            className="input"
            type="search"
            data-filter
            aria-label="Filter backups"
            placeholder="Name, label or maker  ( / )"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <span className="faint nowrap">
          {text === '' ? '' : `${plural(rows.length, 'backup')} of ${formatCount(data?.backups.length ?? 0)}`}
        </span>
        <div className="row end">
          <IconButton
            icon={RefreshCw}
            label="Reload the backups"
            busy={status === 'refreshing' || status === 'loading'}
            onClick={refresh}
          />
          {cleans && <ButtonLink href={wizardLink(id, 'cleanup-backups')}>Clean up…</ButtonLink>}
          <Button tone="primary" icon={Plus} disabled={!connected || runbook === undefined} onClick={() => setCreating(true)}>
            Create backup
          </Button>
        </div>
      </div>
      {problem !== undefined && (
        <div className="strip-problem">
          <ProblemView problem={problem} onRetry={refresh} />
        </div>
      )}
      {data !== undefined && <Statistics list={data} />}
      <div className="split">
        <div className="split-main backup-list">
          {data === undefined && problem === undefined && (
            <div className="page">
              <Skeleton lines={10} label="Loading backups" />
            </div>
          )}
          {data !== undefined && data.backups.length === 0 && (
            <Empty icon={Archive} title="There is no backup yet">
              <p>Create one now. It is checked after it was made.</p>
            </Empty>
          )}
          {data !== undefined && data.backups.length > 0 && rows.length === 0 && (
            <Empty icon={Search} title="No backup by that text" actions={<Button onClick={() => setText('')}>Show all</Button>}>
              <p>Names, labels and makers are looked through.</p>
            </Empty>
          )}
          {rows.length > 0 && (
            <VirtualGrid
              label="Backups"
              columns={columns}
              layout="backup-columns"
              rows={rows}
              rowKey={({ backup }) => backup.name}
              selected={name}
              onSelect={({ backup }) => setChosen(backup.name)}
              onOpen={({ backup }) => restore(backup.name)}
              rowHeight={44}
            />
          )}
        </div>
        {row !== undefined && <BackupPanel key={row.backup.name} environment={environment} row={row} connected={connected} />}
      </div>
      {creating && runbook !== undefined && (
        <CreateBackupDialog environment={environment} runbook={runbook} onClose={() => setCreating(false)} />
      )}
    </div>
  );
}
