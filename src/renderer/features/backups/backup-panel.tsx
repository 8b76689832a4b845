import { Download, FolderCheck, MonitorCheck, RotateCcw, Server, ShieldCheck, Undo2 } from 'lucide-react';
import { useCallback, useMemo } from 'react';
import { useStore } from 'zustand';
import type { Environment } from '../../../contract/environments.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { navigate, wizardLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { formatBytes } from '../../ui/format.ts';
import { Menu } from '../../ui/menu.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Ago, Exact } from '../../ui/time.tsx';
import type { BackupRow } from './rows.ts';
import { methodWords, Verdict } from './verdict.tsx';
import type { Work } from './work.ts';
import { workKey } from './work.ts';

function WorkView({ work, onRetry, onCancel }: { work: Work; onRetry: () => void; onCancel: () => void }) {
  switch (work.kind) {
    case 'verifying':
      return (
        <div className="stack" role="status">
          <span>{work.method === 'server' ? 'The server checks it…' : 'Downloading, hashing and opening it here…'}</span>
          <Progress label="Verifying" done={0} total={0} />
        </div>
      );
    case 'verified':
      return (
        <div className={`note ${work.result.valid ? 'note-ok' : 'note-bad'}`} role="status">
          <div className="stack">
            <strong>{work.result.valid ? 'This backup is good.' : 'This backup is NOT valid.'}</strong>
            <span className="break">{work.result.detail}</span>
          </div>
        </div>
      );
    case 'downloading':
      return (
        <div className="stack">
          <div className="row">
            <span className="grow" role="status">
              Downloading
            </span>
            <span className="faint">
              {formatBytes(work.bytes)}
              {work.totalBytes > 0 ? ` of ${formatBytes(work.totalBytes)}` : ''}
            </span>
            <Button small onClick={onCancel}>
              Stop
            </Button>
          </div>
          <Progress label="Downloading" done={work.bytes} total={work.totalBytes} />
        </div>
      );
    case 'downloaded':
      return (
        <div className="note note-ok" role="status">
          <div className="stack">
            <strong>Downloaded{work.resumedFrom > 0 ? `, resumed at ${formatBytes(work.resumedFrom)}` : ''}.</strong>
            <code className="break">{work.path}</code>
            <code className="faint break">{work.sha256}</code>
          </div>
        </div>
      );
    case 'failed':
      return <ProblemView problem={work.problem} onRetry={onRetry} />;
  }
}

/** One backup: what is known of it and what can be done with it. */
export function BackupPanel({ environment, row, connected }: { environment: Environment; row: BackupRow; connected: boolean }) {
  const { backupsWork, backups, settings } = useStores();
  const folder = useStore(settings.store, ({ data }) => data?.downloadFolder ?? '');
  const { backup, fate } = row;
  const { id } = environment;
  const work = useStore(backupsWork.store, (all) => all[workKey(id, backup.name)]);
  const busy = work?.kind === 'verifying' || work?.kind === 'downloading';
  const verify = useCallback(
    async (method: 'server' | 'local'): Promise<void> => {
      await backupsWork.verify(id, backup.name, method);
      await backups(id).refresh();
    },
    [backupsWork, backups, id, backup.name],
  );
  const download = useCallback(async (): Promise<void> => {
    await backupsWork.download(id, backup.name, folder === '' ? undefined : folder);
    await backups(id).refresh();
  }, [backupsWork, backups, id, backup.name, folder]);
  const commands = useMemo((): Command[] => {
    if (!connected || busy) return [];
    const about = { note: backup.label ?? backup.name, group: 'Here' } as const;
    return [
      { id: 'backup-verify-server', title: 'Verify the chosen backup on the server', ...about, run: () => void verify('server') },
      { id: 'backup-verify-local', title: 'Verify the chosen backup here, from a copy', ...about, run: () => void verify('local') },
      { id: 'backup-download', title: 'Download the chosen backup', ...about, run: () => void download() },
    ];
  }, [connected, busy, backup.label, backup.name, verify, download]);
  useCommands(commands);
  const restore = (): void => navigate(wizardLink(id, 'restore-backup', { backup: backup.name }));

  return (
    <aside className="split-side backup-panel" aria-label="Backup details">
      <div>
        <h2 className="break">{backup.label ?? 'No label'}</h2>
        <div className="row">
          <code className="faint break grow">{backup.name}</code>
          <CopyButton text={backup.name} label="Copy name" />
        </div>
      </div>
      <div className="row row-wrap">
        <Menu
          align="start"
          trigger={
            <Button icon={ShieldCheck} disabled={!connected || busy}>
              Verify
            </Button>
          }
          items={[
            { title: 'On the server', note: 'Its own integrity check, quick', icon: Server, onSelect: () => void verify('server') },
            {
              title: 'Here, from a copy',
              note: 'Download, hash, open and check',
              icon: MonitorCheck,
              onSelect: () => void verify('local'),
            },
          ]}
        />
        <Button icon={Download} disabled={!connected || busy} onClick={() => void download()}>
          Download
        </Button>
        <Button icon={RotateCcw} disabled={backup.origin?.foreign === true} onClick={restore}>
          Restore…
        </Button>
      </div>
      {work !== undefined && (
        <WorkView
          work={work}
          onRetry={() => (work.kind === 'failed' && work.doing === 'download' ? void download() : void verify('server'))}
          onCancel={() => backupsWork.cancel(id, backup.name)}
        />
      )}
      {backup.protected && (
        <p className="note note-ok">
          <ShieldCheck size={15} aria-hidden="true" />
          <span>Protected: retention cannot delete this copy.</span>
        </p>
      )}
      {fate !== undefined && (
        <p className="note note-warn">
          <Undo2 size={15} aria-hidden="true" />
          <span>{fate === 'cleanup' ? 'The next cleanup deletes this backup.' : 'The next backup that is made pushes this one out.'}</span>
        </p>
      )}
      {backup.origin?.foreign === true && (
        <p className="note note-bad">
          <span>
            This backup is of another environment, {backup.origin.environmentName}, or of another database. It is not restored here.
          </span>
        </p>
      )}
      {backup.onHost === false && (
        <p className="note note-warn">
          <span>Only this laptop has it: the host has it no more. A restore sends it back.</span>
        </p>
      )}
      <dl className="facts">
        <dt>Made</dt>
        <dd>
          <Exact at={backup.modifiedAt} />{' '}
          <span className="faint">
            (<Ago at={backup.modifiedAt} />)
          </span>
        </dd>
        <dt>Size</dt>
        <dd title={`${backup.sizeBytes} bytes`}>{formatBytes(backup.sizeBytes)}</dd>
        <dt>By</dt>
        <dd>{backup.createdBy ?? <span className="faint">not known here</span>}</dd>
        {backup.origin !== undefined && (
          <>
            <dt>Of</dt>
            <dd>{backup.origin.environmentName}</dd>
          </>
        )}
        <dt>SHA-256</dt>
        <dd className="mono">{backup.sha256 ?? <span className="faint">not known yet</span>}</dd>
        {backup.localPath !== null && (
          <>
            <dt>Copy here</dt>
            <dd className="mono">
              <FolderCheck size={13} aria-hidden="true" /> {backup.localPath}
            </dd>
          </>
        )}
      </dl>
      <section className="stack">
        <h3>Checks</h3>
        {backup.verifications.length === 0 && <p className="muted">Never verified. A backup that was never opened is a hope.</p>}
        <ul className="alerts backup-checks">
          {backup.verifications.map((verification) => (
            <li key={`${verification.at} ${verification.method}`}>
              <div className="row">
                <Verdict verification={verification} />
                <span className="faint end">
                  <Ago at={verification.at} />
                </span>
              </div>
              <p className="muted break">
                {methodWords[verification.method]}, by {verification.by}. {verification.detail}
              </p>
            </li>
          ))}
        </ul>
      </section>
    </aside>
  );
}
