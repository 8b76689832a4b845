import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/ui.css';
import '../styles/forms.css';
import '../styles/grid.css';
import '../styles/overlays.css';
import type { Rpc } from '../rpc/client.ts';
import { App } from './app.tsx';
import { ServicesProvider } from './services.tsx';
import { createStores, keepFresh } from './stores.ts';

/** Puts the console into the page. Gives the way to take it out again. */
export function mount(element: HTMLElement, host: Rpc): () => void {
  const stores = createStores(host);
  const stop = keepFresh(host, stores);
  const root = createRoot(element);
  root.render(
    <StrictMode>
      <ServicesProvider services={{ host, client: host.rpc, stores }}>
        <App />
      </ServicesProvider>
    </StrictMode>,
  );
  return () => {
    root.unmount();
    stop();
    host.close();
  };
}
