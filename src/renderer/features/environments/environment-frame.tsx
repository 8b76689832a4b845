import { Ellipsis, FlaskConical, Pencil, Plug, RotateCcw, Unplug } from 'lucide-react';
import type { ReactNode } from 'react';
import { useCallback, useMemo } from 'react';
import type { Environment } from '../../../contract/environments.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import type { Section } from '../../app/router.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { formatLatency } from '../../ui/format.ts';
import { Mark, TierBadge } from '../../ui/marks.tsx';
import { Menu } from '../../ui/menu.tsx';
import { ConnectionPanel } from '../connection/connection-panel.tsx';
import { useConnection } from '../connection/use-connection.ts';
import { connectionLook, hopText } from '../connection/words.ts';
import { DemoControl } from '../demo/demo-control.tsx';
import { useDemo } from '../demo/use-demo.ts';
import { RunBanner } from '../runs/run-banner.tsx';
import { useRunbookCommands } from '../runs/use-runbooks.ts';
import { useEnvironmentActions } from './environment-actions.tsx';

const tabs: readonly { readonly section: Section; readonly title: string; readonly keys: string }[] = [
  { section: 'overview', title: 'Overview', keys: 'g o' },
  { section: 'logs', title: 'Logs', keys: 'g l' },
  { section: 'backups', title: 'Backups', keys: 'g b' },
  { section: 'runs', title: 'Runs', keys: 'g r' },
  { section: 'rehearsals', title: 'Rehearsals', keys: 'g h' },
  { section: 'journal', title: 'Journal', keys: 'g j' },
];

/** Sections that need the deployment; the others work without a connection. */
const needsConnection: readonly Section[] = ['overview', 'logs', 'backups'];

/** Everything around an environment's sections. On production it is a frame nobody can miss. */
export function EnvironmentFrame({ environment, section, children }: { environment: Environment; section: Section; children: ReactNode }) {
  const { connections } = useStores();
  const { id, name, tier } = environment;
  const { state, busy, connected } = useConnection(id);
  const actions = useEnvironmentActions(environment);
  const { start } = useDemo();
  // The demo's host is made on demand: to connect to it is to start it.
  const connect = useCallback(
    () => void (environment.demo ? start({ stay: true }) : connections.connect(id)),
    [environment.demo, start, connections, id],
  );
  const look = connectionLook(state, busy);

  const commands = useMemo(
    (): Command[] => [
      ...tabs.map(
        (tab): Command => ({
          id: `go-${tab.section}`,
          title: tab.title,
          note: name,
          group: 'Go to',
          keys: tab.keys,
          run: () => navigate(sectionLink(id, tab.section)),
        }),
      ),
      {
        id: 'go-profile',
        title: 'Edit the environment',
        note: name,
        group: 'Environment',
        words: 'profile secrets ssh settings',
        run: () => navigate(sectionLink(id, 'profile')),
      },
      connected
        ? { id: 'disconnect', title: 'Disconnect', note: name, group: 'Environment', run: () => void connections.disconnect(id) }
        : { id: 'connect', title: 'Connect', note: name, group: 'Environment', keys: 'c', run: connect },
      { id: 'duplicate', title: 'Duplicate the environment', note: name, group: 'Environment', run: actions.duplicate },
      { id: 'export', title: 'Export the profile to a file', note: name, group: 'Environment', run: actions.exportProfile },
      { id: 'delete', title: 'Delete the environment…', note: name, group: 'Environment', words: 'remove', run: actions.remove },
    ],
    [id, name, connected, connections, connect, actions.duplicate, actions.exportProfile, actions.remove],
  );
  useCommands(commands);
  useRunbookCommands(environment);

  return (
    <div className={`environment environment-${tier}`}>
      {tier === 'production' && (
        <div className="production-stripe" role="note">
          <strong>PRODUCTION</strong>
          <span className="truncate">{name}</span>
        </div>
      )}
      <header className="environment-bar">
        <h1 className="truncate" title={name}>
          {name}
        </h1>
        <TierBadge tier={tier} />
        {environment.demo && (
          <span className="tag">
            <FlaskConical size={12} aria-hidden="true" />
            Demo
          </span>
        )}
        <span className="faint truncate mono environment-host" title={hopText(environment.ssh.target)}>
          {hopText(environment.ssh.target)}
        </span>
        <div className="row end">
          <span className="connection-state" aria-live="polite">
            <Mark look={look} />
            {connected && state?.latencyMs !== undefined && <span className="faint latency">{formatLatency(state.latencyMs)}</span>}
          </span>
          {environment.demo && <DemoControl />}
          {connected ? (
            <Button icon={Unplug} busy={busy === 'disconnecting'} onClick={() => void connections.disconnect(id)}>
              Disconnect
            </Button>
          ) : (
            <Button
              tone={state?.phase === 'blocked' ? 'plain' : 'primary'}
              icon={state?.phase === 'blocked' ? RotateCcw : Plug}
              busy={busy === 'connecting' || state?.phase === 'connecting'}
              onClick={connect}
            >
              {state?.phase === 'blocked' || state?.phase === 'waiting-to-retry' ? 'Try now' : 'Connect'}
            </Button>
          )}
          <Menu
            trigger={<IconButton icon={Ellipsis} label="More about this environment" />}
            items={[{ title: 'Edit', icon: Pencil, onSelect: () => navigate(sectionLink(id, 'profile')) }, ...actions.menu]}
          />
        </div>
      </header>
      <nav className="tabs" aria-label="Environment sections">
        {tabs.map((tab) => (
          <a
            key={tab.section}
            href={sectionLink(id, tab.section)}
            aria-current={tab.section === section ? 'page' : undefined}
            title={`${tab.title} (${tab.keys})`}
          >
            {tab.title}
          </a>
        ))}
      </nav>
      <RunBanner environment={environment} />
      {needsConnection.includes(section) && <ConnectionPanel environment={environment} section={section} />}
      <div className="environment-body">{children}</div>
      {actions.dialog}
    </div>
  );
}
