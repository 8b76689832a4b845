import { CircleAlert, Plug, RotateCcw } from 'lucide-react';
import './connection.css';
import type { ConnectionState } from '../../../contract/connections.ts';
import type { Environment } from '../../../contract/environments.ts';
import type { Section } from '../../app/router.ts';
import { sectionLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { ButtonLink } from '../../ui/button.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago, Until } from '../../ui/time.tsx';
import { SecretRows } from '../environments/secret-rows.tsx';
import { HostKeyPanel } from './host-key-panel.tsx';
import { PromptsForm } from './prompts-form.tsx';
import { useConnection } from './use-connection.ts';
import { hopText } from './words.ts';

const needsSecret = ['secret-missing', 'ssh-auth-needed', 'keychain-locked', 'keychain-unavailable'];

function Blocked({ environment, state }: { environment: Environment; state: ConnectionState }) {
  const { connections } = useStores();
  const { problem, hostKey, prompts } = state;
  if (hostKey !== undefined) return <HostKeyPanel environment={environment} question={hostKey} />;
  if (prompts !== undefined && prompts.length > 0) return <PromptsForm key={state.since} environment={environment} prompts={prompts} />;
  const login = problem?.code === 'ssh-auth-failed' || (problem !== undefined && needsSecret.includes(problem.code));
  return (
    <section className="question" aria-label="Connection blocked">
      {problem !== undefined && <ProblemView problem={problem} />}
      {problem?.code === 'ssh-auth-failed' && (
        <p className="muted">Quarterdeck does not try again by itself: repeated refusals can lock an account.</p>
      )}
      {login && (
        <div className="stack">
          <h2>Secrets for this login</h2>
          <SecretRows environmentId={environment.id} onStored={() => void connections.connect(environment.id)} />
        </div>
      )}
      <div className="row">
        <ButtonLink href={sectionLink(environment.id, 'profile')}>Edit the connection</ButtonLink>
      </div>
    </section>
  );
}

const lost: Readonly<Partial<Record<Section, string>>> = {
  overview: 'Not connected: nothing is observed, and that says nothing about the deployment.',
  logs: 'Not connected: no lines come in.',
  backups: 'Not connected: the list may be old.',
};

/** What stands between a section and its deployment. Nothing while it is connected. */
export function ConnectionPanel({ environment, section }: { environment: Environment; section: Section }) {
  const { connections } = useStores();
  const { state, busy, failed, connected } = useConnection(environment.id);
  const { id, ssh } = environment;
  if (connected) return null;
  if (state?.phase === 'blocked') {
    return (
      <div className="question-page">
        <Blocked environment={environment} state={state} />
      </div>
    );
  }
  if (failed !== undefined && busy === undefined) {
    return (
      <div className="strip-problem">
        <ProblemView problem={failed} onRetry={() => void connections.connect(id)} />
      </div>
    );
  }
  const connecting = busy === 'connecting' || state?.phase === 'connecting';
  const route = [...ssh.jumps, ssh.target].map(hopText).join(' → ');
  if (connecting) {
    return (
      <div className="strip">
        <Plug size={14} aria-hidden="true" />
        <span className="grow truncate">
          Connecting: <span className="mono">{route}</span>
        </span>
      </div>
    );
  }
  if (state?.phase === 'waiting-to-retry') {
    return (
      <div className="strip strip-warn">
        <RotateCcw size={14} aria-hidden="true" />
        <span className="grow break">
          <strong>
            Connection lost <Ago at={state.since} />.
          </strong>{' '}
          {state.problem?.message} Trying again {state.retryAt === undefined ? 'soon' : <Until at={state.retryAt} />}
          {state.attempt > 1 ? ` (try ${state.attempt + 1})` : ''}.
        </span>
      </div>
    );
  }
  return (
    <div className="strip">
      <CircleAlert size={14} aria-hidden="true" />
      <span className="grow">{lost[section]}</span>
    </div>
  );
}
