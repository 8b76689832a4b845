import { ipcRenderer } from 'electron';
import { PORT_CHANNEL, PORT_WANTED } from '../contract/hand-over.ts';

/** The page's window, as far as the hand-over needs it; the preload shares its events, not its objects. */
interface Page {
  readonly location: { readonly origin: string };
  addEventListener(type: 'message', listener: (event: { readonly source: unknown; readonly data: unknown }) => void): void;
  postMessage(message: unknown, origin: string, transfer: readonly unknown[]): void;
}

const page = globalThis as unknown as Page;
let handedOver = false;

// The page gets one message port, when it asks for it, once for each document. Nothing is exposed to it otherwise.
page.addEventListener('message', ({ source, data }) => {
  if (handedOver || source !== page || data !== PORT_WANTED) return;
  handedOver = true;
  const { port1, port2 } = new MessageChannel();
  ipcRenderer.postMessage(PORT_CHANNEL, null, [port1 as never]);
  page.postMessage(PORT_CHANNEL, page.location.origin, [port2]);
});
