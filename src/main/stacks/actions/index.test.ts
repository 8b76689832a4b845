import { describe, expect, it } from 'vitest';
import { createActions } from './index.ts';

const actions = [...createActions({ inspectSqlite: () => Promise.reject(new Error('not here')) }).values()];

describe('every action', () => {
  it.each(actions.map((action) => [action.id, action] as const))('%s has an undo, or says why not', (_id, { effect, undo }) => {
    if (undo === 'nothing-to-undo') expect(effect).toBe('read');
    else if ('kept' in undo) expect(undo.kept).toMatch(/^[A-Z].{15,}\.$/);
    else if ('irreversible' in undo) expect(undo.irreversible).toMatch(/^[A-Z].{15,}\.$/);
    else expect(undo.title).not.toBe('');
  });
});
