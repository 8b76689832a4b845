import { describe, expect, it } from 'vitest';
import { concreteAliases, splitArguments, splitConfig } from './ssh-config.ts';

describe('splitArguments', () => {
  it.each([
    ['a b', ['a', 'b']],
    ['"a b" c', ['a b', 'c']],
    ["'a b'", ['a b']],
    ['a # comment', ['a']],
    ['a#b', ['a#b']],
    ['"say \\"hi\\""', ['say "hi"']],
    ['a\\ b', ['a b']],
    ['""', ['']],
    ['', []],
  ])('%s', (text, expected) => {
    expect(splitArguments(text)).toEqual(expected);
  });

  it('refuses a quote that does not end', () => {
    expect(splitArguments('"a b')).toBeUndefined();
  });
});

describe('splitConfig', () => {
  it('reads every way to write a line', () => {
    const warnings: string[] = [];
    const text = '\ufeff# top\n\nHost  web\n  hostname=example.com\r\n\tPORT = 2222 # here\n"User" deploy\nIdentityFile "~/my keys/id"\n';
    expect(splitConfig(text, 'f', (warning) => warnings.push(warning)).map(({ keyword, args, at }) => [keyword, args, at])).toEqual([
      ['host', ['web'], 'f:3'],
      ['hostname', ['example.com'], 'f:4'],
      ['port', ['2222'], 'f:5'],
      ['user', ['deploy'], 'f:6'],
      ['identityfile', ['~/my keys/id'], 'f:7'],
    ]);
    expect(warnings).toEqual([]);
  });

  it('warns of lines it leaves out, without their text', () => {
    const warnings: string[] = [];
    splitConfig('User\nUser "deploy\n', 'f', (warning) => warnings.push(warning));
    expect(warnings).toEqual([expect.stringContaining('f:1'), expect.stringContaining('f:2')]);
    expect(warnings.join()).not.toContain('deploy');
  });
});

it('lists names of single hosts only, also from included files', () => {
  const host = (...patterns: string[]) => ({ kind: 'host' as const, patterns, at: '' });
  expect(concreteAliases([host('a', '*.b', '!c', 'd?'), { kind: 'include', files: [[host('e', 'a')]], at: '' }, host('*')])).toEqual([
    'a',
    'e',
  ]);
});
