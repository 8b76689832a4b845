import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { Problem } from '../../contract/problem.ts';
import { backupCommands } from './backup-commands.ts';
import type { CliClient } from './client.ts';
import { environmentCommands } from './env-commands.ts';
import type { ExitCode } from './exit.ts';
import { ExitWith, exitCodes, exitOfProblem } from './exit.ts';
import { journalCommands } from './journal-commands.ts';
import { createOutput } from './output.ts';
import { rehearsalCommands } from './rehearsal-commands.ts';
import { runCommands } from './run-commands.ts';
import type { CommandRunner } from './runner.ts';
import { watchCommands } from './watch-commands.ts';

/** What the command line needs from the process around it. */
export interface CliWorld {
  readonly version: string;
  /** Opens the host; `secrets` are for this process only. */
  openHost(options: { secrets: readonly SessionSecret[]; signal: AbortSignal }): Promise<{ client: CliClient; close(): Promise<void> }>;
  /** The headless host; resolves when it was told to end. */
  serve(options: { port?: number }): Promise<void>;
  /** The demo deployment in the foreground; resolves when it was told to end. */
  demo(): Promise<void>;
  /** Aborts on the first Ctrl-C; with {@link ReaderLeft} as its reason when nobody reads the answers any more. */
  readonly signal: AbortSignal;
}

/** Whoever read the answers has seen enough (`| head`): no error, and nothing to say about it. */
export class ReaderLeft extends Error {}

/** A secret read from a file for one command, where there is no keychain. */
export interface SessionSecret {
  readonly key: string;
  readonly file: string;
}

/** Runs one command line and answers its exit code. Never throws. */
export async function runCli(argv: readonly string[], world: CliWorld): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  const program = new Command('quarterdeck')
    .description('operations console for single-host deployments')
    .version(world.version)
    .option('--json', 'answers as JSON, one value a line')
    .option('--secret <key=file>', 'use a secret from a file for this command only (repeatable)', collectSecret, [] as SessionSecret[])
    .showHelpAfterError('(quarterdeck --help shows the commands)')
    .exitOverride();

  const fail = (error: unknown): void => {
    if (error instanceof ExitWith) {
      code = error.code;
      return;
    }
    if (world.signal.reason instanceof ReaderLeft) return;
    const problem =
      error instanceof Problem ? error : new Problem('internal-error', error instanceof Error ? error.message : String(error));
    createOutput(program.opts()['json'] === true).problem(problem);
    code = exitOfProblem(problem);
  };

  const run: CommandRunner = async (work) => {
    const { json = false, secret } = program.opts<{ json?: boolean; secret: SessionSecret[] }>();
    try {
      const host = await world.openHost({ secrets: secret, signal: world.signal });
      try {
        await work({ client: host.client, output: createOutput(json), signal: world.signal });
      } finally {
        await host.close();
      }
    } catch (error) {
      fail(error);
    }
  };

  environmentCommands(program, run);
  watchCommands(program, run);
  backupCommands(program, run);
  runCommands(program, run);
  rehearsalCommands(program, run);
  journalCommands(program, run);
  program
    .command('serve')
    .description('the console in a browser, on 127.0.0.1 only')
    .option('--port <n>', 'a fixed port', parsePort)
    .action((options: { port?: number }) => world.serve(options).catch(fail));
  program
    .command('demo')
    .description('the demo deployment, until Ctrl-C')
    .action(() => world.demo().catch(fail));
  inheritGlobalOptions(program);

  try {
    await program.parseAsync(argv as string[], { from: 'user' });
  } catch (error) {
    // Commander has printed its words already; help and version are not errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    fail(error);
  }
  return code;
}

/** `--json` may stand anywhere, as people type it. */
function inheritGlobalOptions(program: Command): void {
  const visit = (command: Command): void => {
    for (const child of command.commands) {
      child.option('--json', 'answers as JSON, one value a line').on('option:json', () => program.setOptionValue('json', true));
      child.option('--secret <key=file>', 'use a secret from a file for this command only').on('option:secret', (text: string) => {
        program.setOptionValue('secret', collectSecret(text, program.getOptionValue('secret') as SessionSecret[]));
      });
      child.exitOverride().showHelpAfterError('(--help shows what it takes)');
      visit(child);
    }
  };
  visit(program);
}

function collectSecret(text: string, sofar: SessionSecret[]): SessionSecret[] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('Give it as KEY=FILE.');
  return [...sofar, { key: text.slice(0, at), file: text.slice(at + 1) }];
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('Give a port number.');
  return port;
}
