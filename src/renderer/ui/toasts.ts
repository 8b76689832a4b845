import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';

export interface Toast {
  readonly id: number;
  readonly tone: 'ok' | 'bad' | 'info';
  readonly text: string;
  /** A way on: `Open run`. */
  readonly action?: { readonly title: string; readonly href: string } | undefined;
}

export interface Toasts {
  readonly store: StoreApi<readonly Toast[]>;
  show(toast: Omit<Toast, 'id'>): void;
  dismiss(id: number): void;
}

const SHOWN_MS = 6000;
const MAX = 3;

/** Short notices of things done elsewhere than where the eye is. Failures stay until they are dismissed. */
export function createToasts(): Toasts {
  const store = createStore<readonly Toast[]>(() => []);
  let next = 1;
  const dismiss = (id: number): void => {
    store.setState(
      store.getState().filter((toast) => toast.id !== id),
      true,
    );
  };
  return {
    store,
    show(toast) {
      const id = next;
      next += 1;
      store.setState([...store.getState(), { ...toast, id }].slice(-MAX), true);
      if (toast.tone !== 'bad') setTimeout(() => dismiss(id), SHOWN_MS);
    },
    dismiss,
  };
}
