import type { AuthPrompt } from '../../contract/connections.ts';
import type { SshSecretSource } from '../drivers/ssh/types.ts';

/** What a server asked, as `ssh-auth-needed` tells it. */
export interface Question {
  readonly hop: number;
  readonly kind: 'password' | 'key-passphrase' | 'prompt';
  readonly prompts: readonly AuthPrompt[];
}

/** Reads what is set for a hop. */
export type StoredSecret = (kind: 'password' | 'key-passphrase', hop: number) => Promise<string | undefined>;

/**
 * Typed answers, in memory, for one sign-in. A server may ask in several rounds, and each question ends a try: answers of
 * earlier rounds are given again in the next try, until it connects or fails for another reason. Asked the same thing twice
 * in one try, the answer was wrong: it is dropped, and the user is asked.
 */
export interface Answers {
  /** Keeps the answers to a question for the coming tries. */
  give(question: Question, answers: readonly string[]): void;
  /** The source for one try. */
  forTry(stored: StoredSecret): SshSecretSource;
  /** Drops everything. */
  forget(): void;
}

/** Makes {@link Answers}. */
export function createAnswers(): Answers {
  const kept = new Map<string, readonly string[]>();
  return {
    give: (question, answers) => void kept.set(nameOf(question), answers),
    forget: () => kept.clear(),
    forTry(stored) {
      const used = new Set<string>();
      return async (request) => {
        const { kind, hop } = request;
        const name = nameOf({ kind, hop, prompts: request.prompts ?? [] });
        const again = used.has(name);
        used.add(name);
        if (again) {
          kept.delete(name);
          return undefined;
        }
        const typed = kept.get(name);
        if (typed !== undefined) return typed;
        if (kind !== 'prompt') {
          const value = await stored(kind, hop);
          return value === undefined ? undefined : [value];
        }
        return answerByPassword(request.prompts ?? [], () => stored('password', hop));
      };
    },
  };
}

/** Questions without anything to fill in are answered by nothing; a lone hidden “Password:” by the password that is set. */
async function answerByPassword(
  prompts: readonly { text: string; echo: boolean }[],
  password: () => Promise<string | undefined>,
): Promise<readonly string[] | undefined> {
  if (prompts.length === 0) return [];
  const [only] = prompts;
  // A one-time password is another thing, and a wrong guess may lock the account.
  if (
    prompts.length !== 1 ||
    only === undefined ||
    only.echo ||
    !/password/i.test(only.text) ||
    /one.?time|otp|new password|token|verification/i.test(only.text)
  )
    return undefined;
  const value = await password();
  return value === undefined ? undefined : [value];
}

function nameOf({
  kind,
  hop,
  prompts,
}: {
  kind: Question['kind'];
  hop: number;
  prompts: readonly { text: string; echo: boolean }[];
}): string {
  // Passwords and passphrases are asked for without a text by the driver; only prompts are told apart by theirs.
  return JSON.stringify([hop, kind, ...(kind === 'prompt' ? prompts.map(({ text, echo }) => [text, echo]) : [])]);
}
