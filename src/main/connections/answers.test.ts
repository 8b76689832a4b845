import { describe, expect, it } from 'vitest';
import { createAnswers } from './answers.ts';

const prompts = (...texts: string[]) => texts.map((text) => ({ hop: 0, text, echo: false }));

describe('answers', () => {
  it('are given once per try, again in the next, and not after they were forgotten', async () => {
    const answers = createAnswers();
    const asked = { kind: 'prompt' as const, hop: 0, prompts: prompts('Code:') };
    answers.give(asked, ['123']);
    expect(await answers.forTry(async () => undefined)(asked)).toEqual(['123']);
    expect(await answers.forTry(async () => undefined)(asked)).toEqual(['123']);
    answers.forget();
    expect(await answers.forTry(async () => undefined)(asked)).toBeUndefined();
  });

  it('asked twice in one try, the answer was wrong and is dropped', async () => {
    const answers = createAnswers();
    const asked = { kind: 'prompt' as const, hop: 0, prompts: prompts('Password:') };
    answers.give(asked, ['wrong']);
    const source = answers.forTry(async () => 'the stored one');
    expect(await source(asked)).toEqual(['wrong']);
    expect(await source(asked)).toBeUndefined();
    expect(await answers.forTry(async () => undefined)(asked)).toBeUndefined();
  });

  it('two rounds: both answers are kept until it connects', async () => {
    const answers = createAnswers();
    const first = { kind: 'prompt' as const, hop: 1, prompts: prompts('Password:') };
    const second = { kind: 'prompt' as const, hop: 1, prompts: prompts('Code:') };
    answers.give(first, ['p']);
    answers.give(second, ['c']);
    const source = answers.forTry(async () => undefined);
    expect([await source(first), await source(second), await source({ ...second, hop: 0 })]).toEqual([['p'], ['c'], undefined]);
  });

  it('what is typed goes before what is stored, hop by hop', async () => {
    const answers = createAnswers();
    answers.give({ kind: 'password', hop: 0, prompts: prompts('Password of x') }, ['typed']);
    const source = answers.forTry(async (kind, hop) => `${kind} ${hop}`);
    expect(await source({ kind: 'password', hop: 0 })).toEqual(['typed']);
    expect(await source({ kind: 'password', hop: 1 })).toEqual(['password 1']);
    expect(await source({ kind: 'key-passphrase', hop: 0 })).toEqual(['key-passphrase 0']);
  });

  it.each([
    [['Password: '], ['stored']],
    [["deploy@host's password:"], ['stored']],
    [['One-time password:'], undefined],
    [['New password:'], undefined],
    [['Verification code:'], undefined],
    [['Password:', 'Code:'], undefined],
    [[], []],
  ])('the stored password answers %j: %j', async (texts, expected) => {
    expect(await createAnswers().forTry(async () => 'stored')({ kind: 'prompt', hop: 0, prompts: prompts(...texts) })).toEqual(expected);
  });

  it('a question that would be shown as typed is no password', async () => {
    expect(
      await createAnswers().forTry(async () => 'stored')({ kind: 'prompt', hop: 0, prompts: [{ text: 'Password:', echo: true }] }),
    ).toBeUndefined();
  });
});
