import { Lock } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import type { Environment } from '../../../contract/environments.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import type { HostLock } from '../../../contract/runs.ts';
import { problemOf } from '../../app/problem.ts';
import { useServices } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago } from '../../ui/time.tsx';
import { useConnection } from '../connection/use-connection.ts';
import { TypedName } from './confirm-fields.tsx';

const POLL_MS = 15_000;

type Holder = NonNullable<HostLock['holder']>;

/** Runs of this laptop that still have a say: the screen speaks of them elsewhere. */
const ours = ({ state }: Holder): boolean => state !== null && ['running', 'reverting', 'paused', 'interrupted', 'unknown'].includes(state);

function BreakLock({
  environment,
  lock,
  onClose,
  onBroken,
}: {
  environment: Environment;
  lock: HostLock & { holder: Holder };
  onClose: () => void;
  onBroken: (now: HostLock) => void;
}) {
  const { client } = useServices();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemData>();
  const asked = environment.tier === 'production';
  const { holder } = lock;
  const go = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      onBroken(await client.runs.breakLock({ environmentId: environment.id, runId: holder.runId, ...(asked ? { typedName: typed } : {}) }));
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  const ready = !asked || typed === environment.name;
  return (
    <Dialog
      onClose={onClose}
      title="Remove this lock?"
      description="Only when the run that holds it will not come back. What it may have left half done is not mended by this."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form="break-lock" tone="danger" busy={busy} disabled={!ready}>
            Remove the lock
          </Button>
        </>
      }
    >
      <form
        id="break-lock"
        className="stack stack-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) void go();
        }}
      >
        <dl className="facts">
          <dt>Held by</dt>
          <dd className="break">{holder.operator || 'not written'}</dd>
          <dt>Since</dt>
          <dd>{holder.at === null ? 'not written' : <Ago at={holder.at} />}</dd>
          <dt>Run</dt>
          <dd className="mono break">{holder.runId || 'not written'}</dd>
          <dt>Account</dt>
          <dd className="mono break">{holder.account}</dd>
          <dt>Place</dt>
          <dd className="mono break">{lock.place}</dd>
        </dl>
        <p>
          Ask {holder.operator || 'whoever it is'} first. If that run still works, its next step finds the lock gone and does nothing; the
          step that runs now is not stopped, and yours would meet it.
        </p>
        {asked && <TypedName name={environment.name} value={typed} onValue={setTyped} autoFocus />}
        {problem !== undefined && <ProblemView problem={problem} />}
      </form>
    </Dialog>
  );
}

/** Says who else holds the host, and offers to remove a lock that was left behind, deliberately. */
export function LockBanner({ environment }: { environment: Environment }) {
  const { stores } = useServices();
  const { connected } = useConnection(environment.id);
  const lock = stores.hostLock(environment.id);
  // Not asked by being shown: a look at a screen never opens a connection.
  const { data } = useStore(lock.store);
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    if (!connected) return;
    void lock.refresh();
    const timer = setInterval(() => void lock.refresh(), POLL_MS);
    return () => clearInterval(timer);
  }, [connected, lock]);
  if (!connected || data === undefined || data.holder === null || ours(data.holder)) return null;
  const { holder } = data;
  return (
    <div className="strip strip-unsure" role="status" aria-label="Host lock">
      <Lock size={14} aria-hidden="true" />
      <span className="grow truncate">
        <strong>
          {holder.state === null ? `${holder.operator || 'Somebody'} is changing this host.` : 'An ended run still holds this host.'}
        </strong>{' '}
        Run {holder.runId || 'not written'}, account {holder.account}
        {holder.at !== null && (
          <>
            , since <Ago at={holder.at} />
          </>
        )}
        . Nothing can be changed meanwhile.
      </span>
      <Button small onClick={() => setAsking(true)}>
        Remove the lock…
      </Button>
      {asking && (
        <BreakLock
          environment={environment}
          lock={{ ...data, holder }}
          onClose={() => setAsking(false)}
          onBroken={(now) => lock.set(now)}
        />
      )}
    </div>
  );
}
