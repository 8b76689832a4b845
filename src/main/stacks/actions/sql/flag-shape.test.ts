import { describe, expect, it } from 'vitest';
import { flagStatement } from './flag-shape.ts';
import { checkStatement } from './guard.ts';

const byName = new Map([
  ['name', 'text'],
  ['enabled', 'boolean'],
  ['kill_switch', 'boolean'],
  ['rollout_percentage', 'integer'],
]);
const byKey = new Map([
  ['key', 'text'],
  ['enabled', 'boolean'],
  ['description', 'text'],
]);

describe('a table of feature flags', () => {
  it.each([
    [byName, 'kill', 'UPDATE "public"."feature_flags" SET "kill_switch" = :value WHERE "name" = :flag'],
    [byName, 'rollout', 'UPDATE "public"."feature_flags" SET "rollout_percentage" = :value WHERE "name" = :flag'],
    [byKey, 'disable', 'UPDATE "public"."feature_flags" SET "enabled" = :value WHERE "key" = :flag'],
  ] as const)('is written by its columns', (columns, change, sql) => {
    const statement = flagStatement('postgres', 'public.feature_flags', columns, change);
    expect(statement.sql).toBe(sql);
    expect(checkStatement(statement.sql, 'postgres', 'writes')).toEqual({ parameters: ['value', 'flag'] });
    expect(checkStatement(statement.preview, 'postgres', 'reads')).toEqual({ parameters: ['flag'] });
  });

  it.each([
    [new Map(), 'enable', /no table/],
    [byKey, 'kill', /no kill_switch/],
    [byKey, 'rollout', /no rollout_percentage/],
    [
      new Map([
        ['flag', 'text'],
        ['enabled', 'boolean'],
      ]),
      'enable',
      /neither of the two known shapes/,
    ],
    [new Map([...byName, ['key', 'text']]), 'enable', /neither of the two known shapes/],
    [new Map([...byName, ['enabled', 'jsonb']]), 'enable', /enabled is jsonb/],
  ] as const)('is not guessed at', (columns, change, message) => {
    expect(() => flagStatement('postgres', 'feature_flags', columns as ReadonlyMap<string, string>, change)).toThrow(message);
  });
});
