import { Problem } from '../../contract/problem.ts';
import type { ExecStream, RemoteScript, SshSession } from '../drivers/ssh/types.ts';
import { cleanText } from '../drivers/text.ts';

/** Runs a reading script and gives its output. @throws Problem what ended it, or `remote-command-failed` */
export async function read(
  session: SshSession,
  script: RemoteScript,
  options: { what: string; signal: AbortSignal; maxBytes?: number; timeoutMs?: number; accept?: readonly number[] },
): Promise<{ stdout: Buffer; stderr: string; exitCode: number; truncated: boolean }> {
  const { maxBytes = 16 * 1024 * 1024, timeoutMs = 60_000, signal, accept = [0] } = options;
  const outcome = await session.exec(script, { maxBytes, timeoutMs, signal });
  if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
  const stderr = cleanText(outcome.stderr.toString('utf8'), { maxLength: 300 }).trim();
  if (!accept.includes(outcome.exitCode))
    throw failed(
      options.what,
      stderr || cleanText(outcome.stdout.subarray(0, 2000).toString('utf8'), { maxLength: 300 }).trim(),
      outcome.exitCode,
    );
  return { stdout: outcome.stdout, stderr, exitCode: outcome.exitCode, truncated: outcome.truncated };
}

/** A reading command that the host could not carry out. */
export function failed(what: string, said: string, exitCode: number): Problem {
  if (/permission denied/i.test(said)) {
    return new Problem('remote-permission-denied', `${what}: ${said}.`, {
      hint: 'The SSH user may not read this. Add it to the right group on the host (docker, systemd-journal, adm).',
    });
  }
  const missing = exitCode === 127 || /not found/i.test(said);
  return new Problem('remote-command-failed', `${what}: ${said === '' ? `it ended with the exit code ${exitCode}` : said}.`, {
    detail: { exitCode },
    ...(missing ? { hint: 'Is that program installed on the host, and in the PATH of a non-interactive shell?' } : {}),
  });
}

/**
 * Bytes of a remote stream as they come; the remote process ends when the reader leaves.
 * @throws Problem when the connection was lost, or the command failed
 */
export async function* bytesOf(stream: ExecStream, what: string, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
  let said = '';
  stream.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 2000) said += chunk.toString('utf8');
  });
  const leave = (): void => stream.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    if (signal.aborted) return;
    for await (const chunk of stream.stdout) yield chunk as Buffer;
    if (signal.aborted) return;
    const end = await stream.ended;
    if (end.outcome !== 'done') throw Problem.from(end.problem);
    if (end.exitCode !== 0) throw failed(what, cleanText(said, { maxLength: 300 }).trim(), end.exitCode);
  } finally {
    signal.removeEventListener('abort', leave);
    stream.close();
  }
}
