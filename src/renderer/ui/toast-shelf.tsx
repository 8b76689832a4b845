import { CircleAlert, CircleCheck, Info, X } from 'lucide-react';
import { useStore } from 'zustand';
import { useStores } from '../app/services.tsx';
import { IconButton } from './button.tsx';

const icons = { ok: CircleCheck, bad: CircleAlert, info: Info } as const;

/** Where toasts stand. Always in the page, so that screen readers hear what is put in. */
export function ToastShelf() {
  const { toasts } = useStores();
  const shown = useStore(toasts.store);
  return (
    <section className="toasts" aria-live="polite" aria-label="Notices">
      {shown.map((toast) => {
        const Icon = icons[toast.tone];
        return (
          <div key={toast.id} className={`toast toast-${toast.tone}`}>
            <Icon size={15} aria-hidden="true" />
            <span className="grow break">{toast.text}</span>
            {toast.action !== undefined && <a href={toast.action.href}>{toast.action.title}</a>}
            <IconButton icon={X} label="Dismiss" onClick={() => toasts.dismiss(toast.id)} />
          </div>
        );
      })}
    </section>
  );
}
