import { FileDown, FlaskConical, Plus } from 'lucide-react';
import './welcome.css';
import { useLoadable } from '../../app/loadable.ts';
import { useStores } from '../../app/services.tsx';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Kbd } from '../../ui/kbd.tsx';
import { Logo } from '../../ui/logo.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { useDemo } from '../demo/use-demo.ts';

/** What this is, and the three ways to begin. */
export function WelcomePage() {
  const { demo, info } = useStores();
  const { status, starting, start } = useDemo();
  const keychain = useLoadable(info).data?.keychain;
  return (
    <div className="page welcome">
      <div className="welcome-body">
        <Logo size={56} />
        <h1>Quarterdeck</h1>
        <p className="welcome-lead">
          The console you open when the pager goes off. See what is wrong with a deployment, follow one request through its logs, restore
          the right backup, and prove afterwards what was done.
        </p>
        <ul className="welcome-points">
          <li>Works over your own SSH login. Nothing is installed on the server.</li>
          <li>Shows every command before it runs, and how each step is taken back.</li>
          <li>Keeps secrets in your keychain and a journal that cannot be altered unnoticed.</li>
        </ul>
        <div className="welcome-ways">
          <section className="card welcome-way">
            <h2>See it work</h2>
            <p className="muted">A real SSH server and service in a scratch folder on this machine. Break it and repair it as you like.</p>
            <Button tone="primary" icon={FlaskConical} busy={starting} onClick={() => void start()}>
              {starting ? 'Starting the demo' : 'Try the demo'}
            </Button>
          </section>
          <section className="card welcome-way">
            <h2>Connect your own</h2>
            <p className="muted">A host you can reach with SSH. You check its key before anything is sent.</p>
            <ButtonLink href="#/new" icon={Plus}>
              Add an environment
            </ButtonLink>
          </section>
          <section className="card welcome-way">
            <h2>Take over what you have</h2>
            <p className="muted">Hosts, jump hosts and keys out of your SSH configuration, or a colleague’s profile file.</p>
            <ButtonLink href="#/import" icon={FileDown}>
              Import from ~/.ssh/config
            </ButtonLink>
          </section>
        </div>
        {status.problem !== undefined && <ProblemView problem={status.problem} onRetry={() => void demo.refresh()} />}
        {status.data?.state === 'failed' && <p className="field-problem">{status.data.detail}</p>}
        {keychain !== undefined && keychain.state !== 'available' && (
          <div className="note note-warn">
            <div>
              <strong>{keychain.state === 'locked' ? 'Your keychain is locked.' : 'No keychain was found.'}</strong> {keychain.detail}
            </div>
          </div>
        )}
        <p className="faint welcome-keys">
          <Kbd keys="mod+k" /> every command <span aria-hidden="true">·</span> <Kbd keys="?" /> every shortcut
        </p>
      </div>
    </div>
  );
}
