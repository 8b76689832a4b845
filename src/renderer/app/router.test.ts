import { describe, expect, it } from 'vitest';
import type { Route } from './router.ts';
import { formatRoute, parseRoute, sectionLink, wizardLink } from './router.ts';

describe('addresses', () => {
  it.each<Route>([
    { page: 'welcome' },
    { page: 'settings' },
    { page: 'journal' },
    { page: 'environment', id: 'env-1', section: 'logs', item: undefined, query: { text: 'a&b=c d', request: 'r/1' } },
    { page: 'environment', id: 'env-1', section: 'runs', item: 'run-9', query: {} },
    { page: 'wizard', id: 'env-1', runbook: 'restore-backup', query: { backup: 'ff 1%.db' } },
  ])('$page comes back as it was', (route) => expect(parseRoute(formatRoute(route))).toEqual(route));

  it.each(['', '#', '#/nowhere', '#/env', '#/env/x/run', `#${'A'.repeat(43)}`, '#/%E0%A4%A'])('%j leads somewhere that exists', (hash) => {
    expect(['welcome', 'environment']).toContain(parseRoute(hash).page);
  });

  it('knows the overview as the place to begin', () => expect(parseRoute('#/env/x')).toMatchObject({ section: 'overview' }));
  it('leaves empty parts of a query out', () =>
    expect(sectionLink('x', 'logs', undefined, { text: '', level: 'error' })).toBe('#/env/x/logs?level=error'));
  it('links a wizard', () => expect(wizardLink('x', 'create-backup')).toBe('#/env/x/run/create-backup'));
});
