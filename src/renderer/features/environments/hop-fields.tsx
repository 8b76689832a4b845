import { ArrowUp, Plus, X } from 'lucide-react';
import type { SshAuth } from '../../../contract/environments.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import type { HopForm } from './draft.ts';

const authTitles: Readonly<Record<SshAuth['kind'], string>> = {
  agent: 'SSH agent',
  key: 'Key file',
  password: 'Password',
  'keyboard-interactive': 'Asked by the server',
};

const kinds = Object.keys(authTitles) as SshAuth['kind'][];

const authOf = (kind: SshAuth['kind'], path: string): SshAuth => (kind === 'key' ? { kind, path } : { kind });

interface HopFieldsProps {
  readonly hop: HopForm;
  /** Where it stands in the draft: `ssh.target`, `ssh.jumps.0`. */
  readonly path: string;
  readonly problems: Readonly<Record<string, string>>;
  readonly onHop: (hop: HopForm) => void;
}

/** The ways to log in to one host, in the order they are tried. */
function AuthList({ hop, path, problems, onHop }: HopFieldsProps) {
  const put = (auth: readonly SshAuth[]): void => onHop({ ...hop, auth });
  return (
    <fieldset className="stack plain-set">
      <legend>Log in with, in this order</legend>
      {hop.auth.map((auth, place) => {
        const keyPath = auth.kind === 'key' ? auth.path : '';
        const change = (next: SshAuth): void => put(hop.auth.map((before, other) => (other === place ? next : before)));
        const problem = problems[`${path}.auth.${place}.path`];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the order is what is edited
          <div key={place} className="stack">
            <div className="auth-row">
              <span className="faint">{place + 1}.</span>
              <select
                className="input select"
                aria-label={`Method ${place + 1}`}
                value={auth.kind}
                onChange={(event) => change(authOf(kinds.find((kind) => kind === event.target.value) ?? 'agent', keyPath))}
              >
                {kinds.map((kind) => (
                  <option key={kind} value={kind}>
                    {authTitles[kind]}
                  </option>
                ))}
              </select>
              {auth.kind === 'key' && (
                <input
                  className="input mono"
                  aria-label={`Key file ${place + 1}`}
                  aria-invalid={problem === undefined ? undefined : true}
                  placeholder="~/.ssh/id_ed25519"
                  spellCheck={false}
                  value={auth.path}
                  onChange={(event) => change({ kind: 'key', path: event.target.value })}
                />
              )}
              <span className="row end">
                {place > 0 && (
                  <IconButton
                    icon={ArrowUp}
                    label={`Try method ${place + 1} earlier`}
                    onClick={() => put(hop.auth.with(place, hop.auth[place - 1] ?? auth).with(place - 1, auth))}
                  />
                )}
                {hop.auth.length > 1 && (
                  <IconButton
                    icon={X}
                    label={`Remove method ${place + 1}`}
                    onClick={() => put(hop.auth.filter((_, other) => other !== place))}
                  />
                )}
              </span>
            </div>
            {problem !== undefined && <p className="field-problem">{problem}</p>}
          </div>
        );
      })}
      {hop.auth.length < 6 && (
        <div>
          <Button small icon={Plus} onClick={() => put([...hop.auth, { kind: 'password' }])}>
            Add a method
          </Button>
        </div>
      )}
    </fieldset>
  );
}

/** Host, port, user and authentication of one hop. */
export function HopFields({ hop, path, problems, onHop }: HopFieldsProps) {
  return (
    <div className="form-grid">
      <div className="col-6">
        <TextField
          label="Host"
          mono
          placeholder="host.example.com"
          value={hop.host}
          problem={problems[`${path}.host`]}
          onValue={(host) => onHop({ ...hop, host })}
        />
      </div>
      <div className="col-2">
        <TextField
          label="Port"
          mono
          inputMode="numeric"
          value={hop.port}
          problem={problems[`${path}.port`]}
          onValue={(port) => onHop({ ...hop, port })}
        />
      </div>
      <div className="col-4">
        <TextField
          label="User"
          mono
          placeholder="deploy"
          value={hop.user}
          problem={problems[`${path}.user`]}
          onValue={(user) => onHop({ ...hop, user })}
        />
      </div>
      <div className="col-12">
        <AuthList hop={hop} path={path} problems={problems} onHop={onHop} />
      </div>
    </div>
  );
}
