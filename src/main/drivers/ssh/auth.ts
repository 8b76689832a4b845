import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware, ParsedKey } from 'ssh2';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import type { KeyFile } from './key-file.ts';
import { readKeyFile } from './key-file.ts';
import type { SshAuth, SshHop, SshPrompt, SshSecretSource } from './types.ts';

/** The authentication of one hop. */
export interface HopAuth {
  /** For ssh2: hands out the configured methods in their order. */
  readonly handler: AuthHandlerMiddleware;
  /** The problem when nothing is left, or the server gave up on us; tells a refusal from a missing secret. */
  verdict(): Problem;
}

interface Need {
  readonly kind: 'password' | 'key-passphrase' | 'prompt';
  readonly prompts: readonly SshPrompt[];
  readonly why: string;
}

/** What {@link createHopAuth} works with. `give` ends the handshake with a problem; `thinking` stops the handshake's clock. */
export interface HopAuthOptions {
  readonly hop: SshHop;
  readonly index: number;
  readonly name: string;
  readonly secrets: SshSecretSource;
  readonly give: (problem: Problem) => void;
  readonly thinking: (on: boolean) => void;
}

/**
 * Authenticates by the configured methods and no other, in their order. ssh2 calls the handler only after the host key
 * was accepted, so no secret is read before. Secrets live in this closure until the handshake is over.
 */
export function createHopAuth(options: HopAuthOptions): HopAuth {
  const { hop, index, name, secrets } = options;
  const left = [...hop.auth];
  const tried: string[] = [];
  const notes: string[] = [];
  let offered: readonly string[] | undefined;
  let need: Need | undefined;
  let keyProblem: Problem | undefined;

  const ask = async (kind: Need['kind'], prompts: readonly SshPrompt[]): Promise<readonly string[] | undefined> => {
    options.thinking(true);
    try {
      return await secrets({ kind, hop: index, ...(kind === 'prompt' ? { prompts } : {}) });
    } finally {
      options.thinking(false);
    }
  };
  const want = (kind: Need['kind'], why: string, prompts: readonly SshPrompt[]): undefined => {
    need ??= { kind, why, prompts };
    return undefined;
  };

  const unlock = async (path: string, file: KeyFile): Promise<ParsedKey | undefined> => {
    if (file.state === 'ready') return file.key;
    const prompt = { text: `Passphrase of ${cleanText(path, { maxLength: 200 })}`, echo: false };
    const [passphrase] = (await ask('key-passphrase', [prompt])) ?? [];
    if (passphrase === undefined)
      return want('key-passphrase', `the key ${prompt.text.slice(14)} is encrypted and no passphrase is set`, [prompt]);
    return file.unlock(passphrase) ?? want('key-passphrase', `the passphrase does not open the key ${prompt.text.slice(14)}`, [prompt]);
  };

  const prepare = async (method: SshAuth): Promise<AnyAuthMethod | undefined> => {
    const username = hop.user;
    switch (method.kind) {
      case 'agent': {
        const agent = process.env['SSH_AUTH_SOCK'];
        if (agent === undefined || agent === '') {
          notes.push('no SSH agent is running (SSH_AUTH_SOCK is not set)');
          return undefined;
        }
        return { type: 'agent', username, agent };
      }
      case 'key': {
        try {
          const key = await unlock(method.path, await readKeyFile(method.path));
          return key === undefined ? undefined : { type: 'publickey', username, key: key as unknown as Buffer };
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          keyProblem ??= error;
          notes.push(error.message);
          return undefined;
        }
      }
      case 'password': {
        const [password] = (await ask('password', [])) ?? [];
        const prompt = { text: `Password of ${name}`, echo: false };
        return password === undefined ? want('password', 'no password is set', [prompt]) : { type: 'password', username, password };
      }
      case 'keyboard-interactive':
        return {
          type: 'keyboard-interactive',
          username,
          prompt: (_name, _instructions, _language, prompts, finish) => void answer(prompts, finish),
        };
    }
  };
  const answer = async (asked: readonly { prompt: string; echo?: boolean }[], finish: (answers: string[]) => void): Promise<void> => {
    const prompts = asked.slice(0, 16).map((one) => ({ text: cleanText(one.prompt, { maxLength: 300 }), echo: one.echo === true }));
    try {
      const answers = await ask('prompt', prompts);
      if (answers !== undefined && answers.length === asked.length) return finish([...answers]);
      want('prompt', 'the server asks questions that were not answered', prompts);
      options.give(verdict());
    } catch (error) {
      options.give(
        error instanceof Problem
          ? error
          : new Problem('ssh-auth-failed', `The answers for ${name} could not be fetched.`, { cause: error }),
      );
    }
  };

  const wireName = (kind: SshAuth['kind']): string => (kind === 'agent' || kind === 'key' ? 'publickey' : kind);
  let asked = false;
  const nextMethod = async (): Promise<AnyAuthMethod | 'none' | undefined> => {
    // A method that costs the user a secret is not tried before the server said that it takes it.
    const first = left[0]?.kind;
    if (!asked && (first === 'password' || first === 'keyboard-interactive')) {
      asked = true;
      return 'none';
    }
    asked = true;
    for (let method = left.shift(); method !== undefined; method = left.shift()) {
      if (offered !== undefined && !offered.includes(wireName(method.kind))) {
        notes.push(`the server does not take ${method.kind}`);
        continue;
      }
      const ready = await prepare(method);
      if (ready !== undefined) {
        tried.push(method.kind);
        return ready;
      }
    }
    return undefined;
  };

  const verdict = (): Problem => {
    const serverTakes = (offered ?? []).map((one) => cleanText(one, { maxLength: 40 }));
    if (need !== undefined) {
      return new Problem('ssh-auth-needed', `Signing in to ${name} needs something from you: ${need.why}.`, {
        hint: 'Enter it and connect again.',
        detail: {
          hop: index,
          kind: need.kind,
          prompts: need.prompts.map((prompt) => ({ hop: index, text: prompt.text, echo: prompt.echo })),
        },
      });
    }
    if (tried.length === 0 && keyProblem !== undefined) return keyProblem;
    const what = tried.length === 0 ? 'no configured way to sign in could be used' : `the server refused ${tried.join(', ')}`;
    const why = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
    return new Problem('ssh-auth-failed', cleanText(`Signing in to ${name} failed: ${what}${why}.`, { maxLength: 1500 }), {
      hint:
        serverTakes.length === 0
          ? 'Check the user name and the key.'
          : `Check the user name and the key. The server takes: ${serverTakes.join(', ')}.`,
      detail: { hop: index, tried, serverTakes },
    });
  };

  const handler: AuthHandlerMiddleware = (methods: AuthenticationType[] | null, _partial, next) => {
    if (Array.isArray(methods)) offered = methods;
    void nextMethod().then(
      (method) => {
        if (method === undefined) options.give(verdict());
        else if (method === 'none') next({ type: 'none', username: hop.user });
        else next(method);
      },
      (error: unknown) =>
        options.give(
          error instanceof Problem
            ? error
            : new Problem('ssh-auth-failed', `Signing in to ${name} failed while its secret was fetched.`, { cause: error }),
        ),
    );
    // Nothing returned: ssh2 waits for `next`.
    return undefined as unknown as false;
  };
  return { handler, verdict };
}
