import { RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useEffect, useMemo, useState } from 'react';
import '../environments/environments.css';
import type { Settings } from '../../../contract/app.ts';
import type { StoredHostKey } from '../../../contract/connections.ts';
import { createLoadable, useLoadable } from '../../app/loadable.ts';
import { problemOf } from '../../app/problem.ts';
import { useServices } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Choice, TextField } from '../../ui/field.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago } from '../../ui/time.tsx';

function Section({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  return (
    <section className="form-section" aria-label={title}>
      <div>
        <h2>{title}</h2>
        {about !== undefined && <p className="muted">{about}</p>}
      </div>
      <div className="stack stack-4">{children}</div>
    </section>
  );
}

function Downloads({ settings, onSet }: { settings: Settings; onSet: (change: Partial<Settings>) => void }) {
  const [folder, setFolder] = useState(settings.downloadFolder);
  useEffect(() => setFolder(settings.downloadFolder), [settings.downloadFolder]);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onSet({ downloadFolder: folder.trim() });
      }}
    >
      <TextField
        label="Download folder"
        mono
        optional
        value={folder}
        onValue={setFolder}
        placeholder="Quarterdeck’s own folder"
        hint="Backups that are downloaded go there."
      />
      <div>
        <Button type="submit" small disabled={folder.trim() === settings.downloadFolder}>
          Use this folder
        </Button>
      </div>
    </form>
  );
}

function Keychain() {
  const { client, stores } = useServices();
  const { data, problem } = useLoadable(stores.info);
  const [busy, setBusy] = useState(false);
  const recheck = async (): Promise<void> => {
    setBusy(true);
    try {
      const keychain = await client.secrets.recheckKeychain({});
      stores.info.update((info) => ({ ...info, keychain }));
    } catch (error) {
      stores.toasts.show({ tone: 'bad', text: problemOf(error).message });
    } finally {
      setBusy(false);
    }
  };
  if (data === undefined)
    return problem === undefined ? (
      <Skeleton lines={2} label="Loading the keychain’s state" />
    ) : (
      <ProblemView problem={problem} onRetry={() => void stores.info.refresh()} />
    );
  const { state, detail } = data.keychain;
  const words = { available: 'Available', locked: 'Locked', unavailable: 'None found' } as const;
  return (
    <div className="stack">
      <div className="row">
        <span className={`tag ${state === 'available' ? 'tag-ok' : 'tag-warn'}`}>{words[state]}</span>
        <Button small icon={RefreshCw} busy={busy} onClick={() => void recheck()}>
          Check the keychain again
        </Button>
      </div>
      <p className="muted break">{detail}</p>
    </div>
  );
}

function HostKeys() {
  const { client, stores } = useServices();
  const keys = useMemo(() => createLoadable((signal) => client.connections.hostKeys({}, { signal })), [client]);
  const { data, problem } = useLoadable(keys);
  const [asked, setAsked] = useState<StoredHostKey>();
  const forget = async (key: StoredHostKey): Promise<void> => {
    try {
      await client.connections.forgetHostKey({ host: key.host, port: key.port, fingerprint: key.fingerprint });
      setAsked(undefined);
      await keys.refresh();
    } catch (error) {
      stores.toasts.show({ tone: 'bad', text: problemOf(error).message });
    }
  };
  if (data === undefined)
    return problem === undefined ? (
      <Skeleton label="Loading host keys" />
    ) : (
      <ProblemView problem={problem} onRetry={() => void keys.refresh()} />
    );
  return (
    <>
      {data.length === 0 && (
        <p className="muted">
          Quarterdeck has not learned a key of its own yet. Keys in your known_hosts files are used too; they are not listed here and never
          changed.
        </p>
      )}
      <ul aria-label="Known host keys">
        {data.map((key) => (
          <li key={`${key.host}:${key.port} ${key.fingerprint}`} className="secret-row">
            <div className="grow">
              <strong className="break">
                {key.host}:{key.port}
              </strong>{' '}
              <span className="muted">
                {key.type}, trusted <Ago at={key.addedAt} />
              </span>
              <div className="mono faint break">{key.fingerprint}</div>
            </div>
            <Button small aria-label={`Forget the key of ${key.host}:${key.port}`} onClick={() => setAsked(key)}>
              Forget
            </Button>
          </li>
        ))}
      </ul>
      {asked !== undefined && (
        <Dialog
          onClose={() => setAsked(undefined)}
          size="small"
          title="Forget this host key?"
          description={`The next connection to ${asked.host}:${asked.port} asks you to compare the key it presents, as on a first contact.`}
          footer={
            <>
              <Button onClick={() => setAsked(undefined)}>Cancel</Button>
              <Button tone="danger" onClick={() => void forget(asked)}>
                Forget key
              </Button>
            </>
          }
        >
          <p className="mono break">{asked.fingerprint}</p>
        </Dialog>
      )}
    </>
  );
}

const electron = (version: string): [string, string] => ['Electron', version];

function About() {
  const { data } = useLoadable(useServices().stores.info);
  if (data === undefined) return <Skeleton label="Loading" />;
  const transports = { desktop: 'Desktop window', loopback: 'Browser, over this machine’s loopback', cli: 'Command line' } as const;
  const facts: readonly [string, string][] = [
    ['Version', data.version],
    ['Window', transports[data.transport]],
    ['Operator', data.operator],
    ['Data folder', data.dataFolder],
    ['Platform', data.platform],
    ['Node', data.node],
    ...(data.electron === null ? [] : [electron(data.electron)]),
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} className="facts-pair">
          <dt>{name}</dt>
          <dd className="mono">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Preferences of this installation, and what it holds. */
export function SettingsPage() {
  const { client, stores } = useServices();
  const { data, problem } = useLoadable(stores.settings);
  const set = (change: Partial<Settings>): void => {
    client.settings
      .set(change)
      .then(stores.settings.set, (error: unknown) => stores.toasts.show({ tone: 'bad', text: problemOf(error).message }));
  };
  return (
    <div className="page">
      <h1>Settings</h1>
      {problem !== undefined && <ProblemView problem={problem} onRetry={() => void stores.settings.refresh()} />}
      {data !== undefined && (
        <>
          <Section title="Appearance">
            <Choice
              label="Theme"
              value={data.theme}
              onValue={(theme) => set({ theme })}
              options={[
                { value: 'system', title: 'As the system' },
                { value: 'light', title: 'Light' },
                { value: 'dark', title: 'Dark' },
              ]}
            />
            <Choice
              label="Density"
              value={data.density}
              onValue={(density) => set({ density })}
              options={[
                { value: 'comfortable', title: 'Comfortable' },
                { value: 'compact', title: 'Compact' },
              ]}
            />
            <Choice
              label="Times"
              value={data.timestamps}
              onValue={(timestamps) => set({ timestamps })}
              options={[
                { value: 'local', title: 'This machine’s zone' },
                { value: 'utc', title: 'UTC' },
              ]}
            />
          </Section>
          <Section title="Downloads">
            <Downloads settings={data} onSet={set} />
          </Section>
        </>
      )}
      <Section
        title="Keychain"
        about="Where secrets are kept. Without one they are held in memory until Quarterdeck ends, never in a file."
      >
        <Keychain />
      </Section>
      <Section title="Known host keys" about="Keys you trusted in Quarterdeck. Forget one only when you know why it changed.">
        <HostKeys />
      </Section>
      <Section title="About">
        <About />
      </Section>
    </div>
  );
}
