import { FileUp, TriangleAlert } from 'lucide-react';
import type { ChangeEvent } from 'react';
import { useEffect, useMemo, useRef, useState } from 'react';
import './environments.css';
import type { EnvironmentDraft, SshConfigHost, Tier } from '../../../contract/environments.ts';
import { ProfileFile } from '../../../contract/environments.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { createLoadable, useLoadable } from '../../app/loadable.ts';
import { problemOf } from '../../app/problem.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useServices } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { SelectField } from '../../ui/field.tsx';
import { plural } from '../../ui/format.ts';
import { tierMeanings } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { hopText } from '../connection/words.ts';
import { StackFields } from './stack-fields.tsx';

function HostRow({ host, chosen, onChosen }: { host: SshConfigHost; chosen: boolean; onChosen: (on: boolean) => void }) {
  const { route } = host;
  return (
    <li className="import-row">
      <input
        type="checkbox"
        aria-label={host.alias}
        checked={chosen}
        disabled={route === undefined}
        onChange={(event) => onChosen(event.target.checked)}
      />
      <strong className="truncate" title={host.alias}>
        {host.alias}
      </strong>
      <span className="mono muted truncate">
        {route === undefined ? 'cannot be taken over' : [...route.jumps, route.target].map(hopText).join(' → ')}
      </span>
      {host.warnings.map((warning) => (
        <span key={warning} className="import-warning">
          <TriangleAlert size={12} aria-hidden="true" /> {warning}
        </span>
      ))}
    </li>
  );
}

/** Hosts of `~/.ssh/config`, to be made into environments. Nothing is saved before the button. */
function SshConfigImport() {
  const { client, stores } = useServices();
  const config = useMemo(() => createLoadable((signal) => client.environments.readSshConfig({}, { signal })), [client]);
  const { data, problem } = useLoadable(config);
  const stacks = useLoadable(stores.stacks).data?.stacks ?? [];
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [stack, setStack] = useState('');
  const [tier, setTier] = useState<Tier>('staging');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ProblemData>();
  const [inputs, setInputs] = useState<Readonly<Record<string, string>>>({});
  const [tried, setTried] = useState(false);
  const chosenStack = stacks.find(({ id }) => id === stack);
  // What the host would refuse to save without: asked for here, once for all that are chosen.
  const needed = chosenStack?.inputs.filter(({ required, default: preset }) => required && preset === undefined) ?? [];
  const missing = needed.filter(({ name }) => (inputs[name] ?? '').trim() === '');
  const firstStack = stacks[0]?.id;
  useEffect(() => {
    if (firstStack !== undefined) setStack((before) => (before === '' ? firstStack : before));
  }, [firstStack]);

  const run = async (): Promise<void> => {
    setTried(true);
    if (missing.length > 0) return;
    setBusy(true);
    setFailed(undefined);
    try {
      const given = Object.fromEntries(needed.map(({ name }) => [name, (inputs[name] ?? '').trim()]));
      const hosts = (data?.hosts ?? []).filter(({ alias, route }) => route !== undefined && chosen.has(alias));
      const drafts = hosts.flatMap(({ alias, route }): EnvironmentDraft[] =>
        route === undefined ? [] : [{ name: alias.slice(0, 80), tier, ssh: route, stack, inputs: given, notes: '' }],
      );
      const made = await client.environments.importProfiles({ file: { format: 'quarterdeck-profiles', version: 1, environments: drafts } });
      await stores.environments.refresh();
      stores.toasts.show({ tone: 'ok', text: `${plural(made.length, 'environment')} added. Look through what the stack needs to know.` });
      if (made[0] !== undefined) navigate(sectionLink(made[0].id, 'profile'));
    } catch (error) {
      setFailed(problemOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <section className="card" aria-labelledby="import-ssh">
      <header className="card-head">
        <h2 id="import-ssh" className="grow">
          From the SSH configuration
        </h2>
        {data !== undefined && <code className="faint truncate">{data.path}</code>}
      </header>
      {problem !== undefined && (
        <div className="card-body">
          <ProblemView problem={problem} onRetry={() => void config.refresh()} />
        </div>
      )}
      {data === undefined && problem === undefined && (
        <div className="card-body">
          <Skeleton lines={4} label="Reading the SSH configuration" />
        </div>
      )}
      {data?.warnings.map((warning) => (
        <p key={warning} className="card-body import-warning">
          {warning}
        </p>
      ))}
      {data?.hosts.length === 0 && (
        <Empty icon={FileUp} title="No hosts in there">
          <p>Host blocks with only wildcards are not environments.</p>
        </Empty>
      )}
      {data !== undefined && data.hosts.length > 0 && (
        <>
          <ul aria-label="Hosts found">
            {data.hosts.map((host) => (
              <HostRow
                key={host.alias}
                host={host}
                chosen={chosen.has(host.alias)}
                onChosen={(on) =>
                  setChosen((before) =>
                    on ? new Set([...before, host.alias]) : new Set([...before].filter((alias) => alias !== host.alias)),
                  )
                }
              />
            ))}
          </ul>
          <div className="card-body stack stack-3">
            <div className="form-grid">
              <div className="col-6">
                <SelectField
                  label="Stack"
                  value={stack}
                  onValue={setStack}
                  options={stacks.map(({ id, title }) => ({ value: id, title }))}
                />
              </div>
              <div className="col-6">
                <SelectField
                  label="Tier"
                  value={tier}
                  hint={tierMeanings[tier].meaning}
                  onValue={(value) => setTier((Object.keys(tierMeanings) as Tier[]).find((each) => each === value) ?? 'staging')}
                  options={(Object.keys(tierMeanings) as Tier[]).map((value) => ({ value, title: tierMeanings[value].word }))}
                />
              </div>
            </div>
            {chosenStack !== undefined && (
              <StackFields
                stack={{ ...chosenStack, inputs: needed }}
                inputs={inputs}
                problems={tried ? Object.fromEntries(missing.map(({ name, title }) => [`inputs.${name}`, `${title} is needed.`])) : {}}
                onInputs={setInputs}
              />
            )}
            {failed !== undefined && <ProblemView problem={failed} />}
            <div>
              <Button tone="primary" busy={busy} disabled={chosen.size === 0} onClick={() => void run()}>
                {chosen.size === 0 ? 'Add environments' : `Add ${plural(chosen.size, 'environment')}`}
              </Button>
            </div>
          </div>
        </>
      )}
    </section>
  );
}

/** A profile file that was exported on another machine. */
function ProfileImport() {
  const { client, stores } = useServices();
  const input = useRef<HTMLInputElement>(null);
  const [failed, setFailed] = useState<ProblemData>();

  const read = async (file: File): Promise<void> => {
    setFailed(undefined);
    try {
      const parsed = ProfileFile.safeParse(JSON.parse(await file.text()));
      if (!parsed.success) {
        const first = parsed.error.issues[0];
        return setFailed({
          code: 'bad-input',
          retryable: false,
          message: `${file.name} is not a profile file of Quarterdeck: ${first?.path.join('.') ?? ''} ${first?.message ?? ''}`,
          hint: 'Export one with “Export profile” on an environment.',
        });
      }
      const made = await client.environments.importProfiles({ file: parsed.data });
      await stores.environments.refresh();
      stores.toasts.show({ tone: 'ok', text: `${plural(made.length, 'environment')} added from ${file.name}, without secrets.` });
      if (made[0] !== undefined) navigate(sectionLink(made[0].id, 'profile'));
    } catch (error) {
      setFailed(
        error instanceof SyntaxError ? { code: 'bad-input', retryable: false, message: `${file.name} is not JSON.` } : problemOf(error),
      );
    }
  };
  const onFile = (event: ChangeEvent<HTMLInputElement>): void => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (file !== undefined) void read(file);
  };

  return (
    <section className="card" aria-labelledby="import-file">
      <header className="card-head">
        <h2 id="import-file">From a profile file</h2>
      </header>
      <div className="card-body stack stack-3">
        <p className="muted">A file that a colleague exported. It holds hosts and paths, never a secret.</p>
        {failed !== undefined && <ProblemView problem={failed} />}
        <div>
          <input
            ref={input}
            type="file"
            accept=".json,application/json"
            className="visually-hidden"
            tabIndex={-1}
            aria-label="Profile file"
            onChange={onFile}
          />
          <Button icon={FileUp} onClick={() => input.current?.click()}>
            Choose a profile file…
          </Button>
        </div>
      </div>
    </section>
  );
}

/** Ways to bring in environments that were described elsewhere. */
export function ImportPage() {
  return (
    <div className="page">
      <div className="page-narrow stack stack-4">
        <h1>Import environments</h1>
        <SshConfigImport />
        <ProfileImport />
      </div>
    </div>
  );
}
