import type { FormEvent } from 'react';
import { useState } from 'react';
import type { ProblemData } from '../../../contract/problem.ts';
import type { SecretStatus } from '../../../contract/secrets.ts';
import { useLoadable } from '../../app/loadable.ts';
import { problemOf } from '../../app/problem.ts';
import { useServices } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { TextField } from '../../ui/field.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';

const keptWords: Readonly<Record<SecretStatus['kept'], string>> = {
  keychain: 'Set, kept in the keychain',
  session: 'Set, only until Quarterdeck ends',
  none: 'Not set',
};

function SecretRow({
  environmentId,
  secret,
  onStored,
}: {
  environmentId: string;
  secret: SecretStatus;
  onStored?: (() => void) | undefined;
}) {
  const { client, stores } = useServices();
  const [editing, setEditing] = useState<false | 'current' | 'pending'>(false);
  const [value, setValue] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemData>();

  const doing = async (call: () => Promise<SecretStatus>, stored: boolean): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      const now = await call();
      setValue('');
      setEditing(false);
      stores
        .secrets(environmentId)
        .update((all) => ({ ...all, secrets: all.secrets.map((other) => (other.key === now.key ? now : other)) }));
      if (stored) onStored?.();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (value !== '' && editing !== false)
      void doing(() => client.secrets.set({ environmentId, key: secret.key, value, slot: editing }), true);
  };

  return (
    <li className="secret-row" aria-label={secret.label}>
      <div className="stack">
        <div className="row row-wrap">
          <strong>{secret.label}</strong>
          {secret.set ? (
            <span className={`tag ${secret.kept === 'keychain' ? 'tag-ok' : 'tag-warn'}`}>{keptWords[secret.kept]}</span>
          ) : (
            <span className={`tag ${secret.required ? 'tag-bad' : ''}`}>{secret.required ? 'Not set, needed' : 'Not set'}</span>
          )}
          {secret.slots?.pending != null && <span className="tag tag-warn">Next value {secret.slots.pending}</span>}
          {secret.slots?.previous != null && <span className="tag">Previous value {secret.slots.previous}</span>}
        </div>
      </div>
      <div className="row">
        {secret.set && (
          <Button
            small
            busy={busy}
            aria-label={`Forget ${secret.label}`}
            onClick={() => void doing(() => client.secrets.clear({ environmentId, key: secret.key }), false)}
          >
            Forget
          </Button>
        )}
        {(['pending', 'previous'] as const)
          .filter((slot) => secret.slots?.[slot] != null)
          .map((slot) => (
            <Button
              key={slot}
              small
              busy={busy}
              aria-label={`Discard the ${slot === 'pending' ? 'next' : 'previous'} ${secret.label}`}
              onClick={() => void doing(() => client.secrets.discard({ environmentId, key: secret.key, slot }), false)}
            >
              Discard {slot === 'pending' ? 'next' : 'previous'}
            </Button>
          ))}
        {editing === false && secret.set && secret.slots?.pending === null && (
          <Button small aria-label={`Set the next ${secret.label}`} onClick={() => setEditing('pending')}>
            Set next
          </Button>
        )}
        {editing === false && (
          <Button small aria-label={`${secret.set ? 'Replace' : 'Set'} ${secret.label}`} onClick={() => setEditing('current')}>
            {secret.set ? 'Replace' : 'Set'}
          </Button>
        )}
      </div>
      {editing !== false && (
        <form className="stack" onSubmit={submit}>
          <TextField
            label={editing === 'pending' ? `Next ${secret.label}` : secret.label}
            type="password"
            autoComplete="new-password"
            autoFocus
            value={value}
            onValue={setValue}
            hint={
              editing === 'pending'
                ? 'For a rotation: comes into use when one is run. Never shown again.'
                : 'Goes to the host once and is never shown again.'
            }
          />
          <div className="row">
            <Button type="submit" small tone="primary" busy={busy} disabled={value === ''} aria-label={`Store ${secret.label}`}>
              Store
            </Button>
            <Button
              small
              onClick={() => {
                setEditing(false);
                setValue('');
              }}
            >
              Cancel
            </Button>
          </div>
        </form>
      )}
      {problem !== undefined && <ProblemView problem={problem} />}
    </li>
  );
}

/** The secrets of one environment: whether each is set and where it is kept, never a value. */
export function SecretRows({ environmentId, onStored }: { environmentId: string; onStored?: () => void }) {
  const { stores } = useServices();
  const secrets = stores.secrets(environmentId);
  const { data, problem } = useLoadable(secrets);
  if (data === undefined)
    return problem === undefined ? (
      <Skeleton label="Loading secrets" />
    ) : (
      <ProblemView problem={problem} onRetry={() => void secrets.refresh()} />
    );
  return (
    <div>
      {data.keychain.state !== 'available' && (
        <div className="note note-warn">
          <div>
            <strong>{data.keychain.state === 'locked' ? 'The keychain is locked.' : 'There is no keychain.'}</strong> {data.keychain.detail}
          </div>
        </div>
      )}
      {data.secrets.length === 0 && <p className="muted">This environment needs no secrets.</p>}
      <ul aria-label="Secrets">
        {data.secrets.map((secret) => (
          <SecretRow key={secret.key} environmentId={environmentId} secret={secret} onStored={onStored} />
        ))}
      </ul>
    </div>
  );
}
