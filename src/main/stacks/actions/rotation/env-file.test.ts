import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../../../contract/problem.ts';
import { addEntry, alsoIn, entriesOf, parseEnvFile, removeEntry, restoreEntry, setValue, variableOf } from './env-file.ts';

const problem = (work: () => unknown): Problem => {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error;
  }
  throw new Error('no problem was thrown');
};

const file = [
  '# keys = not here: KEY=comment',
  'export KEY="old"   # the key',
  "OTHER='two",
  "KEY=inside' ",
  '  LIST = a, b ,c # three',
  'WINDOWS=1\r',
  'not an assignment',
  'EMPTY=',
  'LAST=x',
].join('\n');

describe('an environment file', () => {
  it('is read as those who read it do', () => {
    expect(parseEnvFile(file).map(({ name, line, raw, quote }) => [name, line, raw, quote])).toEqual([
      ['KEY', 2, 'old', '"'],
      ['OTHER', 3, 'two\nKEY=inside', "'"],
      ['LIST', 5, 'a, b ,c', ''],
      ['WINDOWS', 6, '1', ''],
      ['EMPTY', 8, '', ''],
      ['LAST', 9, 'x', ''],
    ]);
    expect(parseEnvFile('')).toEqual([]);
    expect(parseEnvFile('A="x\\"y"\nB=1').map(({ name, raw }) => [name, raw])).toEqual([
      ['A', 'x\\"y'],
      ['B', '1'],
    ]);
    expect(parseEnvFile('A=#none\nB=x#y').map(({ raw }) => raw)).toEqual(['', 'x#y']);
  });

  it('keeps every other byte', () => {
    expect(setValue(file, 'KEY', 'new')).toBe(file.replace('"old"', '"new"'));
    expect(setValue(file, 'WINDOWS', '22')).toBe(file.replace('WINDOWS=1\r', 'WINDOWS=22\r'));
    expect(setValue(file, 'LAST', 'y')).toBe(`${file.slice(0, -1)}y`);
    expect(setValue(file, 'EMPTY', 'v')).toBe(file.replace('EMPTY=', 'EMPTY=v'));
  });

  it('refuses what has no one answer, with the lines', () => {
    expect(problem(() => setValue('A=1\n#\nexport A=2\n', 'A', 'x')).data).toMatchObject({ code: 'conflict', detail: { lines: [1, 3] } });
    expect(problem(() => setValue('A=1', 'B', 'x')).message).toContain('B is not set');
    expect(problem(() => setValue('A=1\nB="x\nC=2\n', 'A', 'x')).message).toContain('Line 2');
    expect(problem(() => setValue('A="x"$B', 'A', 'x')).data.code).toBe('not-supported');
    for (const [text, value] of [
      ['A=1', 'a b'],
      ['A=1', 'a$b'],
      ['A="1"', 'a"b'],
      ["A='1'", "a'b"],
      ["A='1'", 'a\nB=2'],
    ] as const)
      expect(problem(() => setValue(text, 'A', value)).data.code).toBe('bad-input');
  });

  it('adds to a list and takes from it, in the list’s own style', () => {
    const add = (text: string) => addEntry(text, 'L', 'new', ',');
    expect(add('L=a')).toBe('L=a,new');
    expect(add('L=a, b # c')).toBe('L=a, b, new # c');
    expect(add('L="a,b,"')).toBe('L="a,b,new,"');
    expect(add('L=')).toBe('L=new');
    expect(add('L=a,new')).toBe('L=a,new');
    const take = (text: string) => removeEntry(text, 'L', 'old', ',')?.text;
    expect(take('L=old, b')).toBe('L=b');
    expect(take('L=a,old')).toBe('L=a');
    expect(take('L=a,older')).toBeUndefined();
    expect(take('L=old')).toBe('L=');
    expect(problem(() => take('L=old,a,old')).data.code).toBe('conflict');
    expect(entriesOf('a, b ,,c', ',')).toEqual(['a', 'b', 'c']);
    expect(alsoIn('A=old\nROLES={"old":["admin"]}', 'A', 'old')).toEqual([{ name: 'ROLES', line: 2 }]);
  });
});

const eol = fc.constantFrom('\n', '\r\n');
const blank = fc.constantFrom('', ' ', '\t', '  ');
const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,5}$/);
const word = fc.stringMatching(/^[A-Za-z0-9+/=_.-]{0,12}$/);
const entry = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
const noise = fc.oneof(
  fc.constantFrom('', '# comment', '   ', 'no assignment', '#TARGET=x'),
  fc.tuple(blank, fc.constantFrom('', 'export '), name, word).map(([a, b, n, w]) => `${a}${b}O_${n}=${w}`),
  fc.tuple(name, word, word).map(([n, a, b]) => `O_${n}="${a}\nTARGET=${b}"`),
  fc.tuple(name, word, word).map(([n, a, b]) => `O_${n}='${a}\r\n#${b}' # why`),
);
const quotes = fc.constantFrom('', '"', "'");
const around = fc.tuple(fc.array(fc.tuple(noise, eol), { maxLength: 6 }), fc.array(fc.tuple(eol, noise), { maxLength: 6 }));
const joined = (lines: readonly (readonly [string, string])[]) => lines.flat().join('');

describe('whatever else is in the file', () => {
  it('one value is set, and set back to the byte', () => {
    fc.assert(
      fc.property(around, quotes, word, word, blank, ([before, after], quote, old, value, gap) => {
        const text = `${joined(before)}TARGET${gap}=${quote}${old}${quote}${joined(after)}`;
        const next = setValue(text, 'TARGET', value);
        expect(next).toBe(`${joined(before)}TARGET${gap}=${quote}${value}${quote}${joined(after)}`);
        expect(variableOf(next, 'TARGET').raw).toBe(value);
        expect(setValue(next, 'TARGET', old)).toBe(text);
      }),
    );
  });

  it('an entry is added and taken back, or taken and put back, to the byte', () => {
    const list = fc.array(fc.tuple(blank, entry, blank), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(around, quotes, list, fc.boolean(), fc.nat(), ([before, after], quote, entries, trailing, pick) => {
        const unique = entries.filter(([, one], index) => entries.findIndex(([, other]) => other === one) === index);
        const raw = `${unique.map((parts) => parts.join('')).join(',')}${trailing ? ',' : ''}`;
        const text = `${joined(before)}TARGET=${quote}${raw}${quote}${joined(after)}`;
        const added = addEntry(text, 'TARGET', 'NEWENTRY-1', ',');
        expect(entriesOf(variableOf(added, 'TARGET').raw, ',')).toEqual([...unique.map(([, one]) => one), 'NEWENTRY-1']);
        expect(removeEntry(added, 'TARGET', 'NEWENTRY-1', ',')?.text).toBe(text);
        const chosen = unique[pick % unique.length]?.[1] as string;
        const removed = removeEntry(text, 'TARGET', chosen, ',');
        expect(removed).toBeDefined();
        if (removed === undefined) return;
        expect(entriesOf(variableOf(removed.text, 'TARGET').raw, ',')).not.toContain(chosen);
        // Blanks at the ends of a value without quotes are none of it: then it can't be put back to the byte, and the caller sees that.
        if (quote !== '' || unique.every(([a, , b]) => a === '' && b === ''))
          expect(restoreEntry(removed.text, 'TARGET', chosen, ',', removed.shape)).toBe(text);
      }),
    );
  });
});
