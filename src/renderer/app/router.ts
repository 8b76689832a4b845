import { useSyncExternalStore } from 'react';

/** Sections of one environment. */
export const sections = ['overview', 'logs', 'backups', 'runs', 'rehearsals', 'journal', 'profile'] as const;
export type Section = (typeof sections)[number];

/** Where the window is. Everything a link can point at is in here. */
export type Route =
  | { readonly page: 'welcome' | 'settings' | 'journal' | 'new' | 'import' }
  | {
      readonly page: 'environment';
      readonly id: string;
      readonly section: Section;
      readonly item?: string | undefined;
      readonly query: Readonly<Record<string, string>>;
    }
  | { readonly page: 'wizard'; readonly id: string; readonly runbook: string; readonly query: Readonly<Record<string, string>> };

const isSection = (text: string): text is Section => (sections as readonly string[]).includes(text);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Reads an address. What is not understood leads to the welcome page. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/').filter(Boolean).map(decode);
  const query = Object.fromEntries(new URLSearchParams(search));
  const [first, id, section = 'overview', item] = parts;
  if (first === 'settings' || first === 'journal' || first === 'new' || first === 'import') return { page: first };
  if (first === 'env' && id !== undefined) {
    if (section === 'run' && item !== undefined) return { page: 'wizard', id, runbook: item, query };
    return { page: 'environment', id, section: isSection(section) ? section : 'overview', item, query };
  }
  return { page: 'welcome' };
}

/** Writes an address. */
export function formatRoute(route: Route): string {
  if (route.page !== 'environment' && route.page !== 'wizard') return `#/${route.page}`;
  const given = Object.entries(route.query).filter(([, value]) => value !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
  const id = encodeURIComponent(route.id);
  if (route.page === 'wizard') return `#/env/${id}/run/${encodeURIComponent(route.runbook)}${search}`;
  const item = route.item === undefined ? '' : `/${encodeURIComponent(route.item)}`;
  return `#/env/${id}/${route.section}${item}${search}`;
}

/** The address of a section, or of one thing in it. */
export function sectionLink(id: string, section: Section, item?: string, query: Readonly<Record<string, string>> = {}): string {
  return formatRoute({ page: 'environment', id, section, item, query });
}

/** The address of a runbook's wizard, with inputs filled in. */
export function wizardLink(id: string, runbook: string, query: Readonly<Record<string, string>> = {}): string {
  return formatRoute({ page: 'wizard', id, runbook, query });
}

/** Goes to an address. `replace` leaves no step in the history: for filters and corrections. */
export function navigate(address: string, { replace = false }: { replace?: boolean } = {}): void {
  if (address === window.location.hash) return;
  if (replace) {
    window.history.replaceState(null, '', address);
    window.dispatchEvent(new HashChangeEvent('hashchange'));
  } else {
    window.location.hash = address;
  }
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

let last: { hash: string; route: Route } | undefined;

function currentRoute(): Route {
  const { hash } = window.location;
  if (last?.hash !== hash) last = { hash, route: parseRoute(hash) };
  return last.route;
}

/** Where the window is now. */
export function useRoute(): Route {
  return useSyncExternalStore(subscribe, currentRoute);
}
