import { Anchor, KeyRound, LoaderCircle } from 'lucide-react';
import type { ReactNode } from 'react';
import { useStore } from 'zustand';
import { Empty } from '../ui/empty.tsx';
import { useServices } from './services.tsx';

/** Shows the console only where there is a session. What was on the screen stays while the host is away. */
export function HostGate({ children }: { children: ReactNode }) {
  const { host } = useServices();
  const state = useStore(host.connection, (status) => status.state);
  if (state === 'needs-token') {
    return (
      <main className="gate">
        <Empty icon={KeyRound} title="This address is used up">
          <p>The link to Quarterdeck works once, and this window has no session with the host that runs now.</p>
          <p>
            Open the address that the terminal printed last. When there is none, start it again with <code>npm start</code>.
          </p>
        </Empty>
      </main>
    );
  }
  if (state === 'connecting') {
    return (
      <main className="gate" aria-busy="true">
        <Empty icon={Anchor} title="Opening Quarterdeck">
          <p>Waiting for the host on this machine.</p>
        </Empty>
      </main>
    );
  }
  return children;
}

/** Says that what is shown may be old, and that it mends by itself. */
export function HostLostBanner() {
  const { host } = useServices();
  const { state, attempt } = useStore(host.connection);
  if (state !== 'lost') return null;
  return (
    <div className="host-lost" role="alert">
      <LoaderCircle size={14} aria-hidden="true" className="spin" />
      <span>
        <strong>The Quarterdeck host on this machine does not answer.</strong> What you see may be old; runs go on without this window.
        Trying again
        {attempt > 1 ? ` (${attempt})` : ''}…
      </span>
    </div>
  );
}
