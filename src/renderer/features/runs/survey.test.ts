import { describe, expect, it } from 'vitest';
import type { RunbookInput, SurveyFinding } from '../../../contract/runs.ts';
import { fromField, offerFor, outside, timeWords, toField } from './survey.ts';

const finding = (more: Partial<SurveyFinding>): SurveyFinding => ({
  stepId: 's',
  input: 'at',
  title: 't',
  detail: 'd',
  seen: true,
  ...more,
});
const time: RunbookInput = { name: 'at', title: 'Time', type: 'timestamp', required: true };

describe('what the host offers', () => {
  it('is joined: all choices once, the narrowest bounds, nothing of other inputs', () => {
    const offer = offerFor(
      [
        finding({ min: '2026-11-27T01:00:00Z', max: '2026-11-27T05:00:00Z', choices: [{ value: 'a', label: 'A' }] }),
        finding({
          min: '2026-11-27T02:00:00Z',
          max: '2026-11-27T06:00:00Z',
          choices: [
            { value: 'a', label: 'A' },
            { value: 'b', label: 'B' },
          ],
        }),
        finding({ input: 'other', max: '2026-11-27T03:00:00Z' }),
        finding({ input: null }),
      ],
      'at',
    );
    expect(offer).toMatchObject({ min: '2026-11-27T02:00:00Z', max: '2026-11-27T05:00:00Z' });
    expect(offer.choices.map(({ value }) => value)).toEqual(['a', 'b']);
    expect(offerFor([], 'at')).toEqual({ choices: [], min: undefined, max: undefined, findings: [] });
  });

  it('tells what will be refused', () => {
    const bounds = { min: '2026-11-27T02:00:00Z', max: '2026-11-27T05:00:00Z' };
    expect(outside(time, '2026-11-27T03:00:00Z', bounds)).toBeUndefined();
    expect(outside(time, '', bounds)).toBeUndefined();
    expect(outside(time, '2026-11-27T01:59:59Z', bounds)).toContain('begins at 2026-11-27 02:00:00 UTC');
    expect(outside(time, '2026-11-27T05:00:01Z', bounds)).toContain('ends at');
    expect(outside(time, 'soon', bounds)).toContain('not a time');
    expect(outside({ ...time, type: 'number' }, '12', { min: '2', max: '10' })).toContain('10');
    expect(outside({ ...time, type: 'text' }, 'x', bounds)).toBeUndefined();
  });

  it('is a time in UTC, to and fro', () => {
    expect(toField('2026-11-27T03:00:00Z')).toBe('2026-11-27 03:00:00');
    expect(toField('2026-11-27T03:00:00.123456Z')).toBe('2026-11-27 03:00:00.123456');
    expect(toField('now')).toBe('now');
    expect(fromField('2026-11-27 03:00')).toBe('2026-11-27T03:00:00Z');
    expect(fromField(' 2026-11-27T03:00:07 UTC')).toBe('2026-11-27T03:00:07Z');
    expect(fromField('2026-11-27 03:00:07.5+01:00')).toBe('2026-11-27T03:00:07.5+01:00');
    expect(fromField('soon')).toBe('soon');
    expect(fromField('')).toBe('');
    expect(timeWords('2026-11-27T03:00:00+01:00')).toBe('2026-11-27 02:00:00 UTC');
  });
});
